// SPDX-License-Identifier: MPL-2.0

// Reads all of tests/testdata/vectors, or of the folder VECTORS, and checks each
// row of it, by docs/format.md, docs/xsp.md, docs/roster.md and docs/home.md, with node:crypto
// alone.
// A file, list or field that is not known here fails like a wrong one.
//
//   node read.mjs [check [file…]]   prints how many rows of each file are right; exits 1 if one is not
//   node read.mjs control [file…]   changes each value of each row, and exits 1 if a row is right then
//   node read.mjs examples PAGE     prints the worked examples of docs/PAGE.md: format, xsp or roster
//   node read.mjs recorded          checks the sessions of tests/testdata/sessions

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parse } from "./json.mjs";
import { File } from "./row.mjs";
import { checkBackup } from "./backup.mjs";
import { checkDigest } from "./digest.mjs";
import { checkEvents } from "./event.mjs";
import { checkExample } from "./example.mjs";
import { formatExamples } from "./examples.mjs";
import { rosterExamples, xspExamples } from "./pageexamples.mjs";
import { checkHome } from "./home.mjs";
import { checkIdentity } from "./identity.mjs";
import { checkKnocks } from "./knock.mjs";
import { checkPages } from "./page.mjs";
import { checkProofs } from "./proof.mjs";
import { checkRecorded } from "./recorded.mjs";
import { checkRosters } from "./roster.mjs";
import { checkAOF, checkStore } from "./rows.mjs";
import { checkSeal } from "./seal.mjs";
import { checkSessions } from "./sessions.mjs";
import { checkXSP } from "./xsp.mjs";

const [, , command = "check", ...only] = process.argv;
const here = new URL("../../testdata/vectors/", import.meta.url);
const folder = process.env.VECTORS ? pathToFileURL(`${process.env.VECTORS}/`) : here;

const checks = {
  "aof.json": checkAOF,
  "backup.json": checkBackup,
  "digest.json": checkDigest,
  "event.json": checkEvents,
  "example.json": checkExample,
  "home.json": checkHome,
  "identity.json": checkIdentity,
  "knock.json": checkKnocks,
  "page.json": checkPages,
  "proof.json": checkProofs,
  "roster.json": checkRosters,
  "seal.json": checkSeal,
  "sessions.json": checkSessions,
  "store.json": checkStore,
  "xsp.json": checkXSP,
};

const pages = { format: formatExamples, xsp: xspExamples, roster: rosterExamples };

const load = (name) => parse(readFileSync(new URL(name, folder), "utf8"));

// checkFile checks one file and returns how much of it is wrong.
async function checkFile(name) {
  if (!checks[name] || !existsSync(new URL(name, folder))) {
    console.error(`${name}: ${checks[name] ? "it is not there" : "no vectors that are known here"}`);
    return 1;
  }
  const file = new File(name, load(name), command === "control");
  await checks[name](file);
  file.end();
  file.flaws.forEach((f) => console.error(f));
  console.log(`${name}: ${file.count} rows are right${file.said ? `; ${file.said}` : ""}`);
  return file.flaws.length;
}

// checkAll checks every file that is there, and that each that is known is there, or only those that were named.
async function checkAll() {
  const names = new Set(only.length > 0 ? only : [...readdirSync(folder), ...Object.keys(checks)]);
  let flaws = 0;
  for (const name of [...names].sort()) flaws += await checkFile(name);
  return flaws;
}

switch (command) {
  case "check":
  case "control":
    process.exitCode = (await checkAll()) > 0 ? 1 : 0;
    break;
  case "examples":
    console.log(pages[only[0]](Object.fromEntries(Object.keys(checks).map((n) => [n, load(n)]))));
    break;
  case "recorded":
    console.log(JSON.stringify(checkRecorded(new URL("../../testdata/sessions/recorded.jsonl", import.meta.url))));
    break;
  default:
    console.error(`${command} is no command`);
    process.exitCode = 1;
}
