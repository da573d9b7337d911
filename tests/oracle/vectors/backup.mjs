// SPDX-License-Identifier: MPL-2.0

// The manifest of "Backups" of docs/format.md.

import { hex, raw, sha256, tagged, utf8 } from "./bytes.mjs";
import { parse } from "./json.mjs";
import { need, refuse, refuses, same } from "./row.mjs";
import { plain } from "./smallrows.mjs";

const ok = (is, what) => need(is, "manifest", what);
const digits = (n) => (v) => typeof v === "string" && v.length === n && /^[0-9a-f]*$/.test(v);
const count = (v) => (typeof v === "number" || typeof v === "bigint") && v >= 0;
const text = (v) => typeof v === "string";
const oneOf = (...all) => (v) => all.includes(v);
const listOf = (is) => (v) => Array.isArray(v) && v.every((x) => is(x));

// object has these fields and no others; those with a question mark may be absent.
const object = (fields) => (v) => {
  ok(v !== null && typeof v === "object" && !Array.isArray(v), "no object");
  for (const k of Object.keys(v)) ok(Object.hasOwn(fields, k) || Object.hasOwn(fields, `${k}?`), `a field ${k}`);
  for (const [k, is] of Object.entries(fields)) {
    const name = k.replace("?", "");
    ok((k !== name && v[name] === undefined) || is(v[name]), `field ${name}`);
  }
  return true;
};

const file = { file: text, bytes: count, sha256: digits(64) };
const piece = object({ ...file, segment: count, first: count, end: count, "rewrite?": count });
const log = object({
  log: digits(64), topic: digits(64), kind: oneOf("data", "roster", "boxes"), "own?": oneOf(true), size: count, root: digits(64), "pages?": count, "pieces?": listOf(piece),
});
const manifest = object({
  number: count, time: (v) => text(v) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(v), store: digits(32), "peer?": digits(64), identity: oneOf("plain", "sealed", "none"),
  page_bytes: oneOf(4096, 8192, 16384, 32768, 65536), segment_pages: (v) => v >= 2 && v <= 65536, aof: object(file), "seed?": object(file),
  topics: listOf(object({ topic: digits(64), "name?": text, log: digits(64) })), logs: listOf(log),
});

const names = /^(state\/[0-9]+\.(mdb|key)|logs\/[0-9a-f]{64}\/[0-9]{6,}\.[0-9]+-[0-9]+\.[0-9]+)$/;

// checkPieces: the pieces of a log are its pages, in order.
function checkPieces(l, inSegment) {
  let pages = 0;
  for (const p of l.pieces ?? []) {
    ok(p.segment * inSegment + p.first === pages && p.first < p.end && p.end <= inSegment, "a piece");
    pages += p.end - p.first;
  }
  ok(pages === (l.pages ?? 0), "pages");
}

function json(s) {
  try {
    return parse(s);
  } catch (e) {
    return refuse("manifest", e.message);
  }
}

export function parseManifest(s) {
  const m = /^xaeroflux backup [12] ([0-9a-f]{64})\n/.exec(s);
  ok(m && hex(sha256(utf8(s.slice(m[0].length)))) === m[1], "version or hash");
  const v = json(s.slice(m[0].length));
  manifest(v);
  ok((v.seed !== undefined) === (v.identity !== "none"), "identity");
  const files = [v.aof, ...(v.seed ? [v.seed] : []), ...v.logs.flatMap((l) => l.pieces ?? [])].map((f) => f.file);
  ok(files.every((f) => names.test(f)) && new Set(files).size === files.length, "names of files");
  for (const l of v.logs) checkPieces(l, v.segment_pages);
  return v;
}

export function checkBackup(all) {
  all.note("note");
  all.each("manifests", (row) => {
    same(typeof row.what, "string");
    const v = parseManifest(row.text);
    same(v, plain(row.manifest));
    same(v.store, hex(tagged("xaeroflux backup of v1", raw(row.seed)).subarray(0, 16)));
  });
  all.each("refused", (row) => {
    same(typeof row.what, "string");
    refuses(() => parseManifest(row.text), "manifest");
  });
}
