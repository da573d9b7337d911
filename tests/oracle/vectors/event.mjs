// SPDX-License-Identifier: MPL-2.0

import { cat, hex, raw, utf8 } from "./bytes.mjs";
import * as record from "./record.mjs";
import { refuses, same } from "./row.mjs";
import { leafHash } from "./tree.mjs";

function eventOf(row) {
  return {
    type: utf8(row.type), key: raw(row.key), payload: cat(raw(row.salt ?? ""), raw(row.payload)), time: row.time_ms, flags: row.flags,
    refs: (row.refs ?? []).map((r) => ({ log: raw(r.log), size: BigInt(r.size) })), id: raw(row.id ?? ""),
  };
}

function checkRecord(bytes, e, row) {
  const x = record.decode(bytes);
  same([x.length, x.type, x.key, x.time, x.id], [bytes.length, e.type, e.key, e.time, e.id]);
  same(x.refs.map((r) => [hex(r.log), r.size]), e.refs.map((r) => [hex(r.log), r.size]));
  const leaf = record.leafData(x);
  same([hex(leaf), hex(leafHash(leaf))], [row.leaf_data, row.leaf_hash]);
  same(hex(record.leafData(record.decodeLeaf(leaf))), row.leaf_data);
  for (let n = 0; n < leaf.length; n++) refuses(() => record.decodeLeaf(leaf.subarray(0, n)), "leaf");
  refuses(() => record.decodeLeaf(cat(leaf, Buffer.alloc(1))), "leaf");
}

function checkEvent(row) {
  const e = eventOf(row);
  same(hex(record.encode(e)), row.record);
  same(hex(record.encode({ ...e, flags: e.flags | 1 })), row.erased_record);
  for (const bytes of [raw(row.record), raw(row.erased_record)]) {
    checkRecord(bytes, e, row);
    for (let n = 0; n < bytes.length; n++) refuses(() => record.decode(bytes.subarray(0, n)), "record");
  }
}

function checkJudged(row) {
  const bytes = raw(row.record);
  const rules = { kind: row.kind, sealed: row.sealed, erasable: row.erasable, own: raw(row.own), previous: row.previous_ms };
  same(typeof row.name, "string");
  if (row.outcome === "refused") return refuses(() => record.decode(bytes), "record");
  const x = record.decode(bytes);
  same([x.length, hex(leafHash(record.leafData(x)))], [bytes.length, row.leaf_hash]);
  const reason = record.judge(rules, x);
  same(row.outcome, reason === 0 ? "kept" : "closed");
  same([row.reason ?? 0, row.reason_name ?? ""], [reason, reason === 0 ? "" : record.reasonName(reason)]);
}

export function checkEvents(file) {
  file.note("note");
  file.each("events", checkEvent);
  file.each("judged", checkJudged);
}
