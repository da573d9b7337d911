// SPDX-License-Identifier: MPL-2.0

// The texts of docs/format.md: words, places, FORMAT and identity.key.

import { createDecipheriv, hkdfSync, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { cat, hex, hkdf, hmac, raw, sha256, tagged, u64, utf8 } from "./bytes.mjs";
import { need, refuse } from "./row.mjs";

const list = readFileSync(new URL("../../../identity/english.txt", import.meta.url), "utf8").trim().split("\n");
const bitsOf = (b) => [...b].map((c) => c.toString(2).padStart(8, "0")).join("");
const bytesOf = (bits) => Buffer.from(bits.match(/.{8}/g).map((x) => parseInt(x, 2)));

export const phrase = (b) => bitsOf(Buffer.concat([b, sha256(b).subarray(0, 1)])).match(/.{11}/g).map((x) => list[parseInt(x, 2)]).join(" ");

export function parsePhrase(text) {
  const words = text.toLowerCase().split(/\s+/).filter((w) => w !== "");
  need(words.length === 24, "count", `${words.length} words`);
  const at = words.map((w) => (list.includes(w) ? list.indexOf(w) : refuse("word", w)));
  const b = bytesOf(at.map((n) => n.toString(2).padStart(11, "0")).join(""));
  need(sha256(b.subarray(0, 32))[0] === b[32], "checksum", "it does not fit");
  return b.subarray(0, 32);
}

const marks = ["name", "machine", "hardware", "volume", "disk", "boot", "number", "dir", "dirborn", "file", "fileborn", "path"];
const numbers = new Set(["dir", "dirborn", "file", "fileborn"]);

// place is the line of a place of which values are given, by mark.
export function place(values) {
  const mark = (m) => hex(tagged("xaeroflux place v1", utf8(m), numbers.has(m) ? u64(BigInt(values[m])) : utf8(values[m])).subarray(0, 16));
  return ["place", ...marks.filter((m) => values[m] !== undefined).map((m) => `${m}=${mark(m)}`)].join(" ");
}

export function parsePlace(line) {
  const [first, ...rest] = line.split(" ");
  need(first === "place", "place", "first word");
  let at = -1;
  for (const field of rest) {
    const m = /^([a-z]+)=([0-9a-f]{32})$/.exec(field);
    need(m && !/^0*$/.test(m[2]) && marks.indexOf(m[1]) > at, "place", field);
    at = marks.indexOf(m[1]);
  }
  return line;
}

const checkOf = (tag, text) => `check ${hex(tagged(tag, utf8(text)).subarray(0, 8))}\n`;

export function format(f) {
  const text = `xaeroflux store ${f.version}\npage ${f.page}\nsegment ${f.segment}\ngeneration ${f.sealed ?? f.generation}\n${f.place}\n`;
  return text + checkOf("xaeroflux format check v1", text);
}

export function parseFormat(text) {
  const version = /^xaeroflux store ([1-9][0-9]*)(?: |\n|$)/.exec(text);
  if (version && version[1] !== "2" && version[1] !== "3") refuse("version", version[1]);
  const m = /^xaeroflux store (?:2|3)\npage ([1-9][0-9]*)\nsegment ([1-9][0-9]*)\ngeneration ([0-9a-f]{32}|[0-9a-f]{88})\n(.*)\ncheck [0-9a-f]{16}\n$/.exec(text);
  need(m, "damaged", "lines");
  const f = { version: Number(version[1]), page: Number(m[1]), segment: Number(m[2]), place: m[4] };
  f[f.version === 2 ? "generation" : "sealed"] = m[3];
  need(m[3].length === (f.version === 2 ? 32 : 88), "damaged", "generation");
  need([4096, 8192, 16384, 32768, 65536].includes(f.page) && f.segment >= 2 && !/^0*$/.test(m[3]), "damaged", "values");
  try {
    parsePlace(f.place);
  } catch (e) {
    refuse("damaged", e.message);
  }
  need(format(f) === text, "damaged", "check");
  return f;
}

// storeKey seals what a store keeps secret on disk; openStored opens it.
export const storeKey = (seed) => hkdf(seed, "xaeroflux store key v1");

export function openStored(seed, place, sealed) {
  const d = createDecipheriv("aes-256-gcm", storeKey(seed), sealed.subarray(0, 12));
  d.setAAD(place).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([d.update(sealed.subarray(12, -16)), d.final()]);
}

const unboxed = (key, nonce, box) => {
  const d = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  d.setAuthTag(box.subarray(-16));
  return Buffer.concat([d.update(box.subarray(0, -16)), d.final()]);
};

// openAge opens a file of age-encryption.org/v1 that has one recipient, scrypt, and one
// chunk.
export function openAge(file, passphrase) {
  const m = /^(age-encryption\.org\/v1\n-> scrypt (\S+) ([1-9][0-9]*)\n(\S+)\n---) (\S+)\n/.exec(file.toString("latin1"));
  need(m, "damaged", "header");
  const salt = cat("age-encryption.org/v1/scrypt", Buffer.from(m[2], "base64"));
  const wrap = scryptSync(passphrase, salt, 32, { N: 2 ** Number(m[3]), r: 8, p: 1, maxmem: 2 ** 30 });
  const key = unboxed(wrap, Buffer.alloc(12), Buffer.from(m[4], "base64"));
  const sub = (s, info) => Buffer.from(hkdfSync("sha256", key, s, info, 32));
  need(hmac(sub(Buffer.alloc(0), "header"), m[1]).equals(Buffer.from(m[5], "base64")), "damaged", "header's mac");
  const body = file.subarray(m[0].length);
  const last = Buffer.alloc(12);
  last[11] = 1;
  return unboxed(sub(body.subarray(0, 16), "payload"), last, body.subarray(16));
}

export function seedFile(seed) {
  const text = `xaeroflux identity v1\nseed ${hex(seed)}\n`;
  return text + checkOf("xaeroflux identity check v1", text);
}

export function parseSeedFile(text) {
  const version = /^xaeroflux identity v([0-9]+)\n/.exec(text);
  if (version && version[1] !== "1") refuse("version", version[1]);
  const m = /^xaeroflux identity v1\nseed ([0-9a-f]{64})\ncheck [0-9a-f]{16}\n$/.exec(text);
  need(m && seedFile(raw(m[1])) === text, "damaged", "lines or check");
  return raw(m[1]);
}
