// SPDX-License-Identifier: MPL-2.0

// "Segments", "Trees" and "Mountains" of docs/format.md: the files that a log lies
// in, whole, before and after something of it was erased.

import { cat, crc32c, hex, raw, sha256, u32, u64, u8, utf8, zeros } from "./bytes.mjs";
import { logID } from "./identity.mjs";
import { imageOf, leafOf, pack, pagesOf, recordOf, subtreeHash, treeNodes } from "./page.mjs";
import { same } from "./row.mjs";

const withCRC = (b) => cat(b, u32(crc32c(b)));
const filled = (b, n) => cat(b, zeros(n - b.length));

// A Log is packed: its spans, each with what became of its events, and its pages, each with the span that it is of.
class Log {
  constructor(row) {
    const events = row.payload_bytes.map((n, i) => ({ type: "note", key: "", time_ms: 1700000000000 + i, payload_bytes: n }));
    this.row = row;
    const records = events.map(recordOf);
    this.leaves = records.map(leafOf);
    this.spans = pack(records).map((s) => ({ ...s, end: s.first + s.records.length, fates: s.records.map((_, i) => this.fate(s.first + i)) }));
    this.pages = this.spans.flatMap((s) => pagesOf(s).map((bytes, k) => ({ s, k, bytes, erased: s.fates.some((f) => f !== "keep") })));
    this.end = this.spans.at(-1).end;
  }

  fate(seq) {
    const of = this.row.erased.filter((e) => e.first <= seq && seq < e.end);
    return of.some((e) => e.wholly) ? "all" : of.length > 0 ? "payload" : "keep";
  }

  // hash of the subtree of n leaves at a place.
  hash(at, n) {
    return subtreeHash(this.leaves, 0, [at, n]);
  }

  // stored is what stands for a page: itself, the image, or nothing of a group's other pages.
  stored({ s, k, bytes, erased }) {
    if (!erased) return bytes;
    return k === 0 ? imageOf(s, s.fates, this.leaves.slice(s.first, s.end)) : cat();
  }

  // nodes of tier 1 of a page, as they are stored.
  nodes({ s, k }) {
    return k === 0 ? treeNodes(s, s.fates, this.leaves.slice(s.first, s.end)) : [];
  }

  // before is the sequence after the last event of the page before.
  before(i) {
    if (i === 0) return 0;
    return this.pages[i - 1].s.end;
  }

  header(magic, version, segment, rewrite) {
    const r = this.row;
    return [utf8(magic), u32(version), u32(r.page_bytes), u32(r.segment_pages), u32(rewrite), u64(segment), raw(r.log)];
  }

  of(segment) {
    return this.pages.slice(segment * this.row.segment_pages, (segment + 1) * this.row.segment_pages);
  }

  segment(n) {
    const r = this.row, pages = this.of(n), rewritten = pages.some((p) => p.erased), stored = pages.map((p) => this.stored(p));
    const head = cat(...this.header("XFSEG\0\0\x02", 2, n, rewritten ? 1 : 0), raw(r.topic), raw(r.author), u64(r.number), u8(r.kind), zeros(3), u32(rewritten ? pages.length : 0));
    if (!rewritten) return cat(filled(withCRC(head), 4096), ...stored);
    const packed = cat(withCRC(cat(...stored.map((b) => u32(b.length)))), ...stored);
    return cat(filled(withCRC(head), 4096), filled(packed, Math.ceil(packed.length / 4096) * 4096));
  }

  tree(n) {
    const r = this.row, first = n * r.segment_pages, pages = this.of(n), rewrite = pages.some((p) => p.erased) ? 1 : 0;
    const earlier = this.pages.slice(0, first).reduce((sum, p) => sum + this.nodes(p).length, 0);
    const head = withCRC(cat(...this.header("XFTREE\0\x03", 3, n, rewrite), u64(earlier), u64(this.before(first)), u64(r.number), u8(r.kind), zeros(3)));
    const nodesAt = 4096 + 24 * r.segment_pages, total = pages.reduce((sum, p) => sum + this.nodes(p).length, 0);
    const out = zeros(nodesAt + (total <= 113 ? 0 : 32 * total));
    head.copy(out);
    let place = 0;
    pages.forEach((p, i) => {
      const nodes = this.nodes(p), events = p.k === 0 ? p.s.records.length : 0;
      const fields = cat(u64(this.before(first + i)), u32(events), u32(place));
      const entry = cat(fields, u32(crc32c(cat(fields, ...nodes))), u32(1 | (events === 0 ? 2 : 0)));
      entry.copy(out, i < 16 ? 96 + 24 * i : 4096 + 24 * i);
      cat(...nodes).copy(out, place + nodes.length <= 113 ? 480 + 32 * place : nodesAt + 32 * place);
      place += nodes.length;
    });
    return out;
  }

  // mountains are the nodes that each page completes, and their ordinals by the formula.
  mountains() {
    const rows = [];
    let tier1 = 0;
    for (const p of this.pages.filter((x) => x.k === 0)) {
      const [a, b] = [p.s.first, p.s.end], top = 31 - Math.clz32(a ^ b);
      if (a > 0) same(rows.length, a - ones(a) - tier1);
      for (let k = zerosBelow(a) + 1; a > 0 && k <= top; k++) {
        const hash = this.hash(Math.floor(a / 2 ** k) * 2 ** k, 2 ** k);
        rows.push(cat(hash, u32(crc32c(cat(u64(rows.length), hash)))));
      }
      tier1 += this.nodes(p).length;
    }
    return cat(filled(withCRC(cat("XFMMR\0\0\x01", u32(1), u32(0), raw(this.row.log))), 64), ...rows);
  }

  file(name) {
    const m = /^([0-9]{6})\.(seg|tree)$/.exec(name);
    if (!m) return name === this.row.log ? this.mountains() : null;
    return m[2] === "seg" ? this.segment(Number(m[1])) : this.tree(Number(m[1]));
  }
}

const ones = (n) => n.toString(2).replaceAll("0", "").length;
const zerosBelow = (n) => 31 - Math.clz32(n & -n);

function checkFile(row, want) {
  same([want.length, hex(sha256(want))], [row.length, row.sha256]);
  const pieces = row.pieces.map((p) => ({ at: p.at, bytes: raw(p.bytes) }));
  const rest = Buffer.from(want);
  for (const p of pieces) {
    same(want.subarray(p.at, p.at + p.bytes.length), p.bytes);
    rest.fill(0, p.at, p.at + p.bytes.length);
  }
  same(row.file.endsWith(".seg") ? pieces.length : rest.findIndex((c) => c !== 0), row.file.endsWith(".seg") ? 0 : -1);
}

export function checkLog(row) {
  same([typeof row.what, row.page_bytes], ["string", 4096]);
  same(hex(logID(raw(row.topic), raw(row.author), row.page_bytes, row.kind, row.number)), row.log);
  const log = new Log(row);
  same(row.files.length, 2 * Math.ceil(log.pages.length / row.segment_pages) + 1);
  for (const f of row.files) checkFile(f, log.file(f.file));
}
