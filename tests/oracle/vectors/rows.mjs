// SPDX-License-Identifier: MPL-2.0

// The rows of "The AOF" of docs/format.md.

import { cat, crc32c, hex, hkdf, raw, Reader, sha256, tagged, u16, u32, u48, u64, u8, utf8 } from "./bytes.mjs";
import * as genesis from "./genesis.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { need, refuses, same } from "./row.mjs";
import { checkSmallRows } from "./smallrows.mjs";
import { storeKey } from "./texts.mjs";
import { subtrees } from "./tree.mjs";

const big = (n, bytes) => Buffer.from(BigInt(n).toString(16).padStart(2 * bytes, "0"), "hex");
// The values of the format row: of version 2, and of version 3 with the check of a key.
const versionClear = "02000000";
const versionSealed = "03000000" + hex(tagged("xaeroflux store key check v1", storeKey(sha256(utf8("seed")))).subarray(0, 8));
const databases = { events: 0, logs: 1, logids: 2, format: 3, topics: 4, peers: 5, cursors: 6, meta: 7, ranges: 8, ids: 9 };

// sealed puts the checksum before a value; events and logs do not count the database.
const sealed = (database, key, value) => cat(u32(crc32c(cat(database === null ? "" : u8(databases[database]), key, value))), value);

function opened(database, key, row) {
  need(row.length >= 4 && sealed(database, key, row.subarray(4)).equals(row), "row", "checksum");
  return row.subarray(4);
}

function encodeLog(row) {
  const flags = (row.own ? 1 : 0) | (row.frozen ? 2 : 0) | (row.sealed_pages > 0 ? 4 : 0) | (row.own || row.high_water > 0 ? 8 : 0) | (row.kind > 0 || row.number > 0 ? 32 : 0);
  const parts = [
    u8(2), u8(flags), u8(Math.log2(row.page_bytes)), raw(row.log), raw(row.topic), raw(row.author), u48(row.size), u48(row.head_size), raw(row.head_root), raw(row.head_signature),
    u8(row.right.length), u48(row.last_time_ms), u8(row.closed),
  ];
  if (flags & 4) parts.push(u48(row.sealed_pages), u48(row.sealed_size));
  if (flags & 8) parts.push(u48(row.high_water));
  if (flags & 32) parts.push(u8(row.kind), u64(row.number));
  return cat(...parts, ...row.right.map(raw));
}

// checkLogRow checks what of a row can be without its meaning: checksum and length.
function checkLogRow(key, row) {
  const r = new Reader(opened(null, key, row), "row");
  need(r.uint(1) === 2, "row", "version");
  const flags = r.uint(1);
  r.take(1 + 32 + 32 + 32 + 6 + 6 + 32 + 64);
  const right = r.uint(1);
  r.take(6 + 1 + (flags & 4 ? 12 : 0) + (flags & 8 ? 6 : 0) + (flags & 32 ? 9 : 0) + 32 * right);
  need(r.b.length === 0, "row", "bytes behind it");
}

function checkLog(row) {
  same(hex(logID(raw(row.topic), raw(row.author), row.page_bytes, row.kind, row.number)), row.log);
  same([hex(big(row.log_number, 4)), hex(sealed(null, raw(row.key), encodeLog(row)))], [row.key, row.row]);
  same([row.sealed_pages === 0, row.right.length === 0 || row.own], [row.sealed_size === 0, row.right.length === 0]);
  if (row.right.length > 0) same(subtrees(row.size, row.head_size).length, row.right.length);
  checkLogRow(raw(row.key), raw(row.row));
}

function checkChunk(row) {
  const key = cat(big(row.log_number, 4), big(row.first, 8)), records = row.records.map(raw);
  for (const r of records) same(record.decode(r).length, r.length);
  same([hex(key), hex(sealed(null, key, cat(u32(records.length), u64(row.first), ...records)))], [row.key, row.row]);
}

const openers = { log: checkLogRow, chunk: (key, row) => opened(null, key, row), topics: (k, r) => opened("topics", k, r), peers: (k, r) => opened("peers", k, r) };

export function checkAOF(file) {
  file.note("note");
  file.each("logs", checkLog);
  file.each("chunks", checkChunk);
  file.each("rows", (row) => {
    same([databases[row.database], hex(sealed(row.database, raw(row.key), raw(row.value)))], [row.number, row.row]);
    if (row.database === "format") same([raw(row.key).toString(), [versionClear, versionSealed].includes(row.value)], ["aof", true]);
  });
  file.each("refused", (row) => {
    same(typeof row.what, "string");
    refuses(() => openers[row.kind](raw(row.key), raw(row.row)), "row");
  });
}

function checkTopic(row) {
  const body = raw(row.genesis), g = genesis.parse(body);
  same([hex(genesis.topicID(body)), hex(big(row.number, 4))], [row.topic, row.key]);
  same([g.lobbyHash, g.joinHash], [tagged("xaeroflux lobby key v1", raw(row.lobby)), tagged("xaeroflux join key v1", raw(row.join))]);
  const secret = /[^0]/.test(row.account);
  same(hex(cat(u8(3), u8((secret ? 1 : 0) + (row.kept ? 2 : 0) + (row.left ? 4 : 0)), raw(row.lobby), raw(row.join), raw(row.log), u16(body.length), body, secret ? raw(row.account) : "", row.name)), row.value);
}

function checkRange(row) {
  same([row.left.length, row.right.length], [subtrees(0, row.first).length, subtrees(row.end, row.head_size).length]);
  same(hex(cat(raw(row.log), big(row.first, 8), big(row.end, 8))), row.key);
  const hashes = [...row.left, ...row.right].map(raw);
  same(hex(cat(u8(1), u8(row.left.length), u8(row.right.length), u8(0), u64(row.head_size), raw(row.head_root), raw(row.head_signature), ...hashes, raw(row.records))), row.value);
}

export function checkStore(file) {
  file.note("note");
  file.each("topics", checkTopic);
  file.each("moves", (row) => same(hex(cat(raw(row.from), raw(row.to), u64(row.time_ms), utf8(row.why))), row.value));
  file.each("cursors", (row) => {
    same(hex(cat("cursor\0", raw(row.peer), raw(row.topic))), row.key);
    same(hex(cat(u64(row.logs), raw(row.digest), u64(row.use))), row.value);
  });
  file.each("ranges", checkRange);
  file.each("ids", (row) => {
    same(hex(tagged("xaeroflux event id v1", hkdf(raw(row.seed), "xaeroflux event id rows v1"), raw(row.topic), raw(row.id)).subarray(0, 16)), row.key);
    same(hex(cat(raw(row.log), u48(row.sequence), u48(row.time_ms))), row.value);
  });
  checkSmallRows(file);
}
