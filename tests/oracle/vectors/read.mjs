// SPDX-License-Identifier: MPL-2.0

// Reads all of tests/testdata/vectors and checks each row of it, by docs/format.md
// and docs/xsp.md alone and with node:crypto alone. A file, list or field that is not known here
// fails like a wrong one.
//
//   node read.mjs           prints how many rows of each file are right; exits 1 if one is not
//   node read.mjs control   changes each value of each row, and exits 1 if a row is right then
//   node read.mjs examples  prints the worked examples of docs/format.md

import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parse } from "./json.mjs";
import { File } from "./row.mjs";
import { checkDigest } from "./digest.mjs";
import { checkEvents } from "./event.mjs";
import { checkIdentity } from "./identity.mjs";
import { checkPages } from "./page.mjs";
import { checkProofs } from "./proof.mjs";
import { checkSeal } from "./seal.mjs";
import { checkXSP } from "./xsp.mjs";

const [, , command = ""] = process.argv;
const folder = process.env.VECTORS ? pathToFileURL(process.env.VECTORS + "/") : new URL("../../testdata/vectors/", import.meta.url);

const checks = {
  "digest.json": checkDigest,
  "event.json": checkEvents,
  "identity.json": checkIdentity,
  "page.json": checkPages,
  "proof.json": checkProofs,
  "seal.json": checkSeal,
  "xsp.json": checkXSP,
};

async function readAll() {
  let flaws = 0;
  for (const name of readdirSync(folder).sort()) {
    const check = checks[name];
    if (!check) {
      console.error(`${name}: no vectors that are known here`);
      flaws++;
      continue;
    }
    const file = new File(name, parse(readFileSync(new URL(name, folder), "utf8")), command === "control");
    await check(file);
    file.end();
    file.flaws.forEach((f) => console.error(f));
    flaws += file.flaws.length;
    console.log(`${name}: ${file.count} rows are right${file.said ? `; ${file.said}` : ""}`);
  }
  return flaws;
}

process.exitCode = (await readAll()) > 0 ? 1 : 0;
