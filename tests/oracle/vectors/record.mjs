// SPDX-License-Identifier: MPL-2.0

// "Records and leaves" of docs/format.md.

import { cat, hex, isZero, Reader, sha256, u16, u32, u48, u8, utf8 } from "./bytes.mjs";
import { need, refuse } from "./row.mjs";

const erased = 1, sealed = 2, hidden = 4, refsFlag = 8, idFlag = 16, salted = 32, unknown = 64;
const maxPayload = 16777216, maxSealed = 17301540;
const reasons = { 1: "unknown flag", 2: "flags", 3: "type", 4: "refs", 5: "id", 6: "payload length", 7: "time" };

function varint(n) {
  const out = [];
  let v = BigInt(n);
  for (; v >= 128n; v >>= 7n) out.push(Number(v & 127n) | 128);
  return Buffer.from([...out, Number(v)]);
}

export const encodeRefs = (refs) => cat(u8(refs.length), ...refs.map((r) => cat(r.log, varint(r.size))));
const lengths = (type, key) => u16(type.length | key.length << 6);

// encode writes the record of an event {type, key, payload, time, flags, refs, id}; payload has its salt.
export function encode(e) {
  const extra = cat(e.flags & refsFlag ? encodeRefs(e.refs) : "", e.flags & idFlag ? e.id : "");
  const gone = (e.flags & erased) !== 0;
  return cat(u32(e.payload.length + e.flags * 2 ** 25), lengths(e.type, e.key), u48(e.time), extra, e.type, e.key, gone ? sha256(e.payload) : e.payload);
}

// decodeRefs takes r refs off a reader; minimal is whether each size is as short as it can be.
export function decodeRefs(r, count) {
  const out = { refs: [], minimal: true, bytes: r.b };
  for (let i = 0; i < count; i++) {
    const ref = { log: r.take(8), size: 0n };
    for (let shift = 0n; ; shift += 7n) {
      need(shift < 49n, r.reason, "a size seen of more than 7 bytes");
      const c = r.uint(1);
      ref.size |= BigInt(c & 127) << shift;
      if (c < 128) {
        out.minimal &&= c !== 0 || shift === 0n;
        break;
      }
    }
    out.refs.push(ref);
  }
  out.bytes = out.bytes.subarray(0, out.bytes.length - r.b.length);
  return out;
}

// decode takes the record that b begins with, mechanically.
export function decode(b) {
  const r = new Reader(b, "record");
  const word = r.uint(4), lens = r.uint(2);
  const x = { flags: Math.floor(word / 2 ** 25), payloadBytes: word % 2 ** 25, time: r.uint(6), refs: [], minimal: true, refBytes: cat(), id: cat() };
  need(x.payloadBytes <= maxSealed, "record", `payload of ${x.payloadBytes} bytes`);
  if (x.flags & refsFlag) {
    const d = decodeRefs(r, r.uint(1));
    [x.refs, x.minimal, x.refBytes] = [d.refs, d.minimal, d.bytes];
  }
  if (x.flags & idFlag) x.id = r.take(16);
  x.type = r.take(lens & 63);
  x.key = r.take(lens >> 6);
  if (x.flags & erased) x.payloadHash = r.take(32);
  else {
    x.payload = r.take(x.payloadBytes);
    x.payloadHash = sha256(x.payload);
  }
  x.length = b.length - r.b.length;
  return x;
}

// leafData is that of a decoded record.
export function leafData(x) {
  return cat(u8(1), u8(x.flags & ~erased), lengths(x.type, x.key), u32(x.payloadBytes), u48(x.time), u8(x.flags & refsFlag ? x.refs.length : 0), u8(0),
    x.payloadHash, x.type, x.key, x.refBytes, x.id);
}

// decodeLeaf reads leaf data, strictly, and returns its fields.
export function decodeLeaf(b) {
  const r = new Reader(b, "leaf");
  need(r.uint(1) === 1, "leaf", "version");
  const x = { flags: r.uint(1) };
  need((x.flags & (erased | 128)) === 0, "leaf", "flags");
  const lens = r.uint(2);
  x.payloadBytes = r.uint(4);
  need(x.payloadBytes <= maxSealed, "leaf", "payload length");
  x.time = r.uint(6);
  const count = r.uint(1);
  need(r.uint(1) === 0 && (count === 0 || (x.flags & refsFlag) !== 0), "leaf", "bytes 14 and 15");
  x.payloadHash = r.take(32);
  x.type = r.take(lens & 63);
  x.key = r.take(lens >> 6);
  const d = decodeRefs(r, count);
  [x.refs, x.minimal, x.refBytes] = [d.refs, d.minimal, d.bytes];
  x.id = x.flags & idFlag ? r.take(16) : cat();
  need(r.b.length === 0, "leaf", "bytes behind it");
  return x;
}

const only = (flags, ...list) => list.includes(flags);

// allowed is the table of what a log's records may be.
function allowed(rules, flags, engine) {
  if (rules.kind !== 0 || engine) return only(flags, 0);
  if (rules.sealed) return only(flags, 2, 6);
  return rules.erasable ? only(flags, 32, 40, 48, 56) : only(flags, 0, 8, 16, 24);
}

export function refsFlaw(x, own) {
  if (x.refs.length < 1 || x.refs.length > 16 || !x.minimal) return true;
  return x.refs.some((ref, i) => ref.size < 1n || ref.size >= 2n ** 48n || ref.log.equals(own) || (i > 0 && Buffer.compare(x.refs[i - 1].log, ref.log) >= 0));
}

// judge returns the number of the reason for which a log closes at a record, or 0.
export function judge(rules, x) {
  const flags = x.flags & ~erased;
  const engine = hex(x.type).startsWith(hex(utf8("xf/")));
  const limit = flags & sealed ? maxSealed : maxPayload + (flags & salted ? 16 : 0);
  if (flags & unknown) return 1;
  if (!allowed(rules, flags, engine)) return 2;
  if ((rules.kind === 1 && !engine) || (flags & hidden && x.type.length + x.key.length > 0)) return 3;
  if (flags & refsFlag && refsFlaw(x, rules.own)) return 4;
  if (flags & idFlag && isZero(x.id)) return 5;
  if (x.payloadBytes > limit || (flags & salted && x.payloadBytes < 16)) return 6;
  return x.time < rules.previous ? 7 : 0;
}

export const reasonName = (n) => reasons[n] ?? refuse("reason", n);
