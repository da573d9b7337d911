// SPDX-License-Identifier: MPL-2.0

// "Pages", "Segments" and "Trees" of docs/format.md: packing, images of pages of
// which something is erased, and the headers of files.

import { cat, crc32c, hex, raw, Reader, u16, u32, u64, u8, utf8, zeros } from "./bytes.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { need, refuses, same } from "./row.mjs";
import { leafHash, node, subtrees } from "./tree.mjs";
import { checkLog } from "./files.mjs";

const pageBytes = 4096, room = pageBytes - 32;

// withHeader puts the header of a page or an image before what it uses; the checksum is over all that follows.
function withHeader(h, used, total) {
  const rest = cat(u8(1), u8(h.kind), u16(h.count), u64(h.first), u32(used.length), u32(h.span), u64(h.index), used);
  const whole = cat(rest, zeros(Math.max(total - 4 - rest.length, 0)));
  return cat(u32(crc32c(whole)), whole);
}

export function recordOf(e, i) {
  const payload = Buffer.from(Array.from({ length: e.payload_bytes }, (_, j) => (7 * i + j) % 256));
  return record.encode({ type: utf8(e.type), key: utf8(e.key), payload, time: e.time_ms, flags: 0, refs: [], id: cat() });
}

// pack packs records; what is open at the end is left out.
export function pack(records) {
  const spans = [];
  let open = null, index = 0;
  const close = () => {
    if (open) spans.push({ ...open, index: index++, span: 1 });
    open = null;
  };
  records.forEach((r, seq) => {
    if (r.length > room) {
      close();
      const span = Math.ceil(r.length / room);
      spans.push({ first: seq, records: [r], index, span });
      index += span;
      return;
    }
    if (open && open.records.reduce((n, x) => n + x.length, 0) + r.length > room) close();
    open ??= { first: seq, records: [] };
    open.records.push(r);
  });
  return spans;
}

export function pagesOf(s) {
  const all = cat(...s.records);
  if (s.span === 1) return [withHeader({ kind: 1, count: s.records.length, first: s.first, span: 1, index: s.index }, all, pageBytes)];
  return Array.from({ length: s.span }, (_, k) => {
    const h = k === 0 ? { kind: 2, count: 1, span: s.span } : { kind: 3, count: 0, span: k };
    return withHeader({ ...h, first: s.first, index: s.index + k }, all.subarray(k * room, (k + 1) * room), pageBytes);
  });
}

export const leafOf = (r) => leafHash(record.leafData(record.decode(r)));

// itemsOf are runs of events of a span that are gone, or not.
function itemsOf(s, fates) {
  const items = [];
  s.records.forEach((r, i) => {
    const gone = fates[i] === "all", seq = s.first + i;
    if (items.at(-1)?.gone !== gone) items.push({ gone, first: seq, records: [] });
    items.at(-1).records.push(r);
  });
  return items.map((it) => ({ ...it, end: it.first + it.records.length }));
}

export function subtreeHash(leaves, first, [at, n]) {
  return n === 1 ? leaves[at - first] : node(subtreeHash(leaves, first, [at, n / 2]), subtreeHash(leaves, first, [at + n / 2, n / 2]));
}

export function imageOf(s, fates, leaves) {
  const items = itemsOf(s, fates).map((it) => {
    const head = cat(u8(it.gone ? 2 : 1), u8(0), u16(it.records.length));
    if (it.gone) return cat(head, ...subtrees(it.first, it.end).map((t) => subtreeHash(leaves, s.first, t)));
    return cat(head, ...it.records.map((r, k) => (fates[it.first - s.first + k] === "payload" ? eraseRecord(r) : r)));
  });
  return withHeader({ kind: 4, count: s.records.length, first: s.first, span: s.span, index: s.index }, cat(...items), 0);
}

function eraseRecord(r) {
  const x = record.decode(r);
  return record.encode({ ...x, flags: x.flags | 1, refs: x.refs });
}

// treeNodes are the nodes of a tree file: those of level 1 and more whose leaves are all in the page; zeros for one that lies in an erased range.
export function treeNodes(s, fates, leaves) {
  const end = s.first + s.records.length;
  const kept = itemsOf(s, fates).filter((it) => it.gone).flatMap((it) => subtrees(it.first, it.end));
  const inside = (at, n) => kept.some(([t, m]) => m > n && at >= t && at + n <= t + m);
  const out = [];
  for (let n = 2; n <= end; n *= 2) {
    for (let at = Math.ceil(s.first / n) * n; at + n <= end; at += n) out.push(inside(at, n) ? zeros(32) : subtreeHash(leaves, s.first, [at, n]));
  }
  return out;
}

// parseImage checks an image to its last byte, and returns its items.
export function parseImage(b) {
  const ok = (is, what) => need(is, "image", what);
  ok(b.length >= 36 && b.length < 4 * pageBytes && u32(crc32c(b.subarray(4))).equals(b.subarray(0, 4)), "length or checksum");
  const r = new Reader(b.subarray(4), "image");
  const h = { version: r.uint(1), kind: r.uint(1), count: r.uint(2), first: r.uint(8), used: r.uint(4), span: r.uint(4), index: r.uint(8) };
  ok(h.version === 1 && h.kind === 4 && h.count > 0 && h.used === r.b.length, "header");
  const sum = { next: h.first, before: 0, erased: 0, was: 0, known: false };
  while (r.b.length > 0) item(r, h, sum, ok);
  ok(sum.next === h.first + h.count && sum.erased > 0, "items");
  const group = h.count === 1 && h.span <= Math.ceil(17306480 / room) && (!sum.known || Math.ceil(sum.was / room) === h.span);
  ok(h.span === 1 ? sum.was <= room : h.span > 1 && group, "pages");
  return h;
}

function item(r, h, sum, ok) {
  const kind = r.uint(1), zero = r.uint(1), count = r.uint(2);
  ok((kind === 1 || kind === 2) && zero === 0 && count > 0 && kind !== sum.before && sum.next + count <= h.first + h.count, "item");
  if (kind === 2) {
    r.take(32 * subtrees(sum.next, sum.next + count).length);
    sum.erased += count;
    sum.was += 12 * count;
  }
  for (let i = 0; kind === 1 && i < count; i++) {
    const x = record.decode(r.b);
    r.take(x.length);
    sum.known = true;
    sum.was += x.flags & 1 ? x.length - 32 + x.payloadBytes : x.length;
    sum.erased += x.flags & 1;
  }
  [sum.next, sum.before] = [sum.next + count, kind];
}

function checkImage(row, spans) {
  const s = spans.find((x) => x.index === row.page);
  same([s.span, s.first, s.records.length], [row.pages, row.first, row.fates.length]);
  const leaves = s.records.map(leafOf);
  const image = imageOf(s, row.fates, leaves);
  same(hex(image), row.image);
  parseImage(image);
  const end = s.first + s.records.length;
  same(subtrees(s.first, end).map((t) => hex(subtreeHash(leaves, s.first, t))), [...row.compact_range]);
  same(treeNodes(s, row.fates, leaves).map(hex), [...row.nodes]);
  same(row.fates.flatMap((f, i) => (f === "keep" ? [] : [s.first + i])), [...row.erased]);
  for (let i = 0; i < image.length; i++) refuses(() => parseImage(image.subarray(0, i)), "image");
}

function checkHeader(row) {
  const common = (magic, version) => [utf8(magic), u32(version), u32(row.page_bytes), u32(row.segment_pages), u32(row.rewrite), u64(row.segment), raw(row.log)];
  const seg = row.file === "seg";
  const parts = seg
    ? [...common("XFSEG\0\0\x02", 2), raw(row.topic), raw(row.author), u64(row.number), u8(row.kind), zeros(3), u32(row.packed_pages)]
    : [...common("XFTREE\0\x03", 3), u64(row.nodes_before), u64(row.first), u64(row.number), u8(row.kind), zeros(3)];
  same(["seg", "tree"].includes(row.file), true);
  same(hex(cat(...parts, u32(crc32c(cat(...parts))))), row.bytes);
  same(hex(logID(raw(row.topic), raw(row.author), row.page_bytes, row.kind, row.number)), row.log);
  const lengths = [...(row.packed_lengths ?? [])], table = cat(...lengths.map(u32));
  same([lengths.length, row.rewrite === 0 || !seg], [row.packed_pages, row.packed_pages === 0]);
  same(lengths.length === 0 ? "" : hex(cat(table, u32(crc32c(table)))), row.packed_table ?? "");
  const packed = lengths.length === 0 ? 0 : table.length + 4 + lengths.reduce((a, b) => a + b, 0);
  same(seg ? 4096 + Math.ceil(packed / 4096) * 4096 : 0, row.first_slot_at);
  if (seg) same([row.nodes_before, row.first], [0, 0]);
}

export function checkPages(file) {
  file.note("comment");
  const records = file.value.events.map(recordOf);
  file.each("events", (row, i) => same(recordOf(row, i), records[i]));
  const spans = pack(records), pages = spans.flatMap(pagesOf);
  file.each("pages", (row, i) => {
    const s = spans.find((x) => i >= x.index && i < x.index + x.span);
    const count = i === s.index ? s.records.length : 0, bytes = raw(row.bytes);
    same([row.index, row.first, row.count], [i, s.first, count]);
    same(cat(bytes, zeros(pageBytes - bytes.length)), pages[i]);
    same(bytes.length, 32 + pages[i].readUInt32LE(16));
  });
  file.each("images", (row) => checkImage(row, spans));
  file.each("bad_images", (row) => {
    same(typeof row.what, "string");
    refuses(() => parseImage(raw(row.image)), "image", "record");
  });
  file.each("headers", checkHeader);
  file.each("logs", checkLog);
}
