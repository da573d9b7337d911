// SPDX-License-Identifier: MPL-2.0

// Bytes and the primitives of docs/format.md, on node:crypto alone.

import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import { need } from "./row.mjs";

export const hex = (b) => Buffer.from(b).toString("hex");
export const utf8 = (s) => Buffer.from(s, "utf8");

export function raw(h) {
  if (typeof h !== "string" || !/^([0-9a-f]{2})*$/.test(h)) throw new Error(`no hexadecimal digits: ${h}`);
  return Buffer.from(h, "hex");
}

export const cat = (...parts) => Buffer.concat(parts.map((p) => (typeof p === "string" ? utf8(p) : p)));
export const zeros = (n) => Buffer.alloc(n);
export const isZero = (b) => b.every((c) => c === 0);

// le is a little-endian number of so many bytes.
export function le(n, bytes) {
  const out = Buffer.alloc(bytes);
  let v = BigInt(n);
  if (v < 0n || v >> BigInt(8 * bytes) !== 0n) throw new Error(`${n} does not fit ${bytes} bytes`);
  for (let i = 0; i < bytes; i++, v >>= 8n) out[i] = Number(v & 255n);
  return out;
}

export const u8 = (n) => le(n, 1);
export const u16 = (n) => le(n, 2);
export const u32 = (n) => le(n, 4);
export const u48 = (n) => le(n, 6);
export const u64 = (n) => le(n, 8);

export function uint(b) {
  let v = 0n;
  for (let i = b.length - 1; i >= 0; i--) v = v << 8n | BigInt(b[i]);
  return v <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(v) : v;
}

export const sha256 = (...parts) => createHash("sha256").update(cat(...parts)).digest();
export const hmac = (key, ...parts) => createHmac("sha256", key).update(cat(...parts)).digest();
export const shake128 = (b, n) => createHash("shake128", { outputLength: n }).update(b).digest();

export function tagged(tag, ...parts) {
  return sha256(...[utf8(tag), ...parts].flatMap((p) => [u32(p.length), p]));
}

export const hkdf = (secret, label, ...context) => Buffer.from(hkdfSync("sha256", secret, zeros(0), cat(label, ...context), 32));
export const expand = (secret, label, ...context) => hmac(secret, label, ...context, u8(1)); // one block of RFC 5869

export function crc32c(b) {
  let crc = ~0;
  for (const c of b) {
    crc ^= c;
    for (let i = 0; i < 8; i++) crc = crc >>> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

const pkcs8 = raw("302e020100300506032b657004220420");
const spki = raw("302a300506032b6570032100");
const privateKey = (seed) => createPrivateKey({ key: cat(pkcs8, seed), format: "der", type: "pkcs8" });

// publicKey is the public half of the Ed25519 key of a seed.
export const publicKey = (seed) => createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" }).subarray(-32);
export const sign = (seed, message) => nodeSign(null, message, privateKey(seed));

export function verify(pub, message, sig) {
  if (smallOrder(pub) || sig.length !== 64) return false;
  return nodeVerify(null, message, createPublicKey({ key: cat(spki, pub), format: "der", type: "spki" }), sig);
}

const p = 2n ** 255n - 19n;
const orderEight = ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"];

// smallOrder is the test of "Keys, ids and invites" for keys that nobody may have.
export function smallOrder(key) {
  const y = Buffer.from(key);
  y[31] &= 0x7f;
  const n = BigInt(uint(y));
  return n === 0n || n === 1n || n >= p - 1n || orderEight.includes(hex(y));
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

export function base32(b) {
  let bits = "";
  for (const c of b) bits += c.toString(2).padStart(8, "0");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

// A Reader takes fields off the front of bytes; what is not there refuses, for the given reason.
export class Reader {
  constructor(b, reason) {
    this.b = b;
    this.reason = reason;
  }

  take(n) {
    need(n <= this.b.length, this.reason, `${this.b.length} bytes left, want ${n}`);
    const out = this.b.subarray(0, n);
    this.b = this.b.subarray(n);
    return out;
  }

  uint(n) {
    return uint(this.take(n));
  }
}
