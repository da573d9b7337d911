// SPDX-License-Identifier: MPL-2.0

// The msgpack of XSP: values of known kinds, written in their shortest form and
// read in any. What the bytes refuse is "malformed", what a limit refuses "too long".

import { cat, hex, raw, utf8 } from "./bytes.mjs";
import { need, refuse } from "./row.mjs";

const be = (n, bytes) => {
  let s = BigInt(n).toString(16).padStart(2 * bytes, "0");
  return Buffer.from(s, "hex");
};

// sized writes the first byte of the narrowest width that n fits, and n.
function sized(n, codes) {
  const v = BigInt(n);
  const i = codes.findIndex(([, bytes]) => v >> BigInt(8 * bytes) === 0n);
  return cat(Buffer.from([codes[i][0]]), be(v, codes[i][1]));
}

const bins = [[0xc4, 1], [0xc5, 2], [0xc6, 4]];

export const writeUint = (n) => (BigInt(n) < 128n ? be(n, 1) : sized(n, [[0xcc, 1], [0xcd, 2], [0xce, 4], [0xcf, 8]]));
export const writeBool = (v) => Buffer.from([v ? 0xc3 : 0xc2]);
export const writeBin = (b) => cat(sized(b.length, bins), b);
export const writeArray = (n) => (n < 16 ? be(0x90 + n, 1) : sized(n, [[0xdc, 2], [0xdd, 4]]));

export function writeStr(s) {
  const b = utf8(s);
  return cat(b.length < 32 ? be(0xa0 + b.length, 1) : sized(b.length, [[0xd9, 1], [0xda, 2], [0xdb, 4]]), b);
}

const number = (b) => {
  const v = BigInt(`0x${hex(b) || "0"}`);
  return v <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(v) : v;
};

// A Values reads values off the front of a body.
export class Values {
  constructor(b) {
    this.b = b;
  }

  take(n) {
    need(n <= this.b.length, "malformed", `${n} bytes, ${this.b.length} left`);
    const out = this.b.subarray(0, Number(n));
    this.b = this.b.subarray(Number(n));
    return out;
  }

  code() {
    return this.take(1)[0];
  }

  uint(max) {
    const c = this.code();
    let v = c;
    if (c >= 0xcc && c <= 0xcf) v = number(this.take(2 ** (c - 0xcc)));
    else if (c >= 0xd0 && c <= 0xd3) {
      const b = this.take(2 ** (c - 0xd0));
      need(b[0] < 128, "malformed", "negative");
      v = number(b);
    } else need(c < 128, "malformed", `code ${c} for a number`);
    need(BigInt(v) <= BigInt(max), "malformed", `${v}, limit ${max}`);
    return v;
  }

  bool() {
    const c = this.code();
    need(c === 0xc2 || c === 0xc3, "malformed", `code ${c} for a bool`);
    return c === 0xc3;
  }

  binLength() {
    const c = this.code();
    need(c >= 0xc4 && c <= 0xc6, "malformed", `code ${c} for a bin`);
    return number(this.take(2 ** (c - 0xc4)));
  }

  bin(limit) {
    const n = this.binLength();
    need(n <= limit, "too long", `${n} bytes, limit ${limit}`);
    return this.take(n);
  }

  fixed(length) {
    const n = this.binLength();
    need(n === length, "malformed", `${n} bytes, want ${length}`);
    return this.take(n);
  }

  str(limit) {
    const c = this.code();
    let n = c & 31;
    if (c >= 0xd9 && c <= 0xdb) n = number(this.take(2 ** (c - 0xd9)));
    else need(c >= 0xa0 && c <= 0xbf, "malformed", `code ${c} for a str`);
    need(n <= limit, "too long", `${n} bytes, limit ${limit}`);
    const b = this.take(n), s = b.toString();
    need(utf8(s).equals(b), "malformed", "no UTF-8");
    return s;
  }

  // array reads a length, which is never more than the bytes left.
  array() {
    const c = this.code();
    let n = c & 15;
    if (c === 0xdc || c === 0xdd) n = number(this.take(c === 0xdc ? 2 : 4));
    else need(c >= 0x90 && c <= 0x9f, "malformed", `code ${c} for an array`);
    need(n <= this.b.length, "malformed", `${n} elements in ${this.b.length} bytes`);
    return n;
  }

  // fields reads the length of an array of known fields and returns how many more there are.
  fields(known) {
    const n = this.array();
    need(n >= known, "malformed", `${n} fields, want ${known}`);
    return n - known;
  }

  // skip passes over values of any kind, less than 16 deep.
  skip(n, depth = 0) {
    for (; n > 0; n--) {
      const inner = this.skipOne();
      if (inner === 0) continue;
      need(depth + 1 < 16, "too long", "nested too deep");
      this.skip(inner, depth + 1);
    }
  }

  skipOne() {
    const c = this.code();
    const width = (first, factor = 1) => number(this.take(factor * 2 ** (c - first)));
    const inner = (k) => {
      need(k <= this.b.length, "malformed", `${k} values in ${this.b.length} bytes`);
      return k;
    };
    if (c < 0x80 || c >= 0xe0 || c === 0xc0 || c === 0xc2 || c === 0xc3) return 0;
    if (c < 0x90) return inner(2 * (c & 15));
    if (c < 0xa0) return inner(c & 15);
    if (c < 0xc0) this.take(c & 31);
    else if (c >= 0xc4 && c <= 0xc6) this.take(width(0xc4));
    else if (c >= 0xc7 && c <= 0xc9) this.take(1 + width(0xc7));
    else if (c === 0xca || c === 0xcb) this.take(4 * 2 ** (c - 0xca));
    else if (c >= 0xcc && c <= 0xcf) this.take(2 ** (c - 0xcc));
    else if (c >= 0xd0 && c <= 0xd3) this.take(2 ** (c - 0xd0));
    else if (c >= 0xd4 && c <= 0xd8) this.take(1 + 2 ** (c - 0xd4));
    else if (c >= 0xd9 && c <= 0xdb) this.take(width(0xd9));
    else if (c === 0xdc || c === 0xdd) return inner(width(0xdc, 2));
    else if (c === 0xde || c === 0xdf) return inner(2 * width(0xde, 2));
    else refuse("malformed", `code ${c}`);
    return 0;
  }
}

// Codecs of fields: read takes a value off Values, write returns its bytes. Bytes are hexadecimal outside.
const codec = (read, write) => ({ read, write });
export const uint = (max, least = 0) => codec((r) => {
  const v = r.uint(max);
  need(BigInt(v) >= BigInt(least), "malformed", `${v}, want at least ${least}`);
  return v;
}, writeUint);
export const bool = codec((r) => r.bool(), writeBool);
export const str = (limit, least = 0) => codec((r) => {
  const s = r.str(limit);
  need(s.length >= least, "malformed", "an empty str");
  return s;
}, writeStr);
export const bin = (limit, check = () => true) => codec((r) => {
  const b = r.bin(limit);
  need(check(b), "malformed", "what the bin holds");
  return hex(b);
}, (v) => writeBin(raw(v)));
export const fixed = (n) => codec((r) => hex(r.fixed(n)), (v) => writeBin(raw(v)));

// hashes are one bin.
export const hashes = (limit, check = () => true) => codec((r) => {
  const b = r.bin(32 * limit);
  need(b.length % 32 === 0, "malformed", "no whole hashes");
  const list = hex(b).match(/.{64}/g) ?? [];
  need(check(list), "malformed", "order");
  return list;
}, (list) => writeBin(raw([...list].join(""))));

export const list = (limit, one, check = () => true) => codec((r) => {
  const n = r.array();
  need(n <= limit, "too long", `${n} elements, limit ${limit}`);
  const out = Array.from({ length: n }, () => one.read(r));
  need(check(out), "malformed", "order");
  return out;
}, (v) => cat(writeArray(v.length), ...v.map(one.write)));

// struct is an array of fields, of which there may be more. Those of optional may be absent, and are if they are zeros.
export const struct = (fields, optional = []) => codec((r) => {
  let rest = r.fields(fields.length);
  const out = readFields(r, fields);
  for (const [name, c, zero] of optional) {
    out[name] = rest > 0 ? c.read(r) : zero;
    rest = Math.max(rest - 1, 0);
  }
  r.skip(rest);
  return out;
}, (v) => {
  const there = [...fields, ...optional.filter(([name, , zero]) => v[name] !== zero)];
  return cat(writeArray(there.length), ...there.map(([name, c]) => c.write(v[name])));
});

export const readFields = (r, fields) => Object.fromEntries(fields.map(([name, c]) => [name, c.read(r)]));
export { codec };
