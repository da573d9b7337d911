// SPDX-License-Identifier: MPL-2.0

// A second implementation of package internal/seal, after docs/format.md and on
// other libraries: node:crypto and @hpke. It shares no code with the first. All
// bytes come in and go out as hexadecimal.

import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { XWing } from "@hpke/hybridkem-x-wing";

const hex = (b) => Buffer.from(b).toString("hex");
const raw = (h) => Buffer.from(h, "hex");
const cat = (...parts) => Buffer.concat(parts.map((p) => (typeof p === "string" ? Buffer.from(p, "utf8") : p)));
const u8 = (n) => Buffer.from([n]);

function u16(n) {
  const b = Buffer.alloc(2);
  b.writeUInt16LE(n);
  return b;
}

function u32(n) {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(n);
  return b;
}

function u64(n) {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(n));
  return b;
}

function tagged(tag, ...parts) {
  const h = createHash("sha256");
  for (const p of [Buffer.from(tag, "utf8"), ...parts]) h.update(u32(p.length)).update(p);
  return h.digest();
}

// HKDF-Expand of RFC 5869 for one block: T(1) = HMAC(PRK, info ‖ 0x01).
const expand = (secret, info) => createHmac("sha256", secret).update(info).update(u8(1)).digest();

function gcmSeal(key, nonce, plain, aad) {
  const c = createCipheriv("aes-256-gcm", key, nonce);
  c.setAAD(aad);
  return cat(nonce, c.update(plain), c.final(), c.getAuthTag());
}

function gcmOpen(key, sealed, aad) {
  const d = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
  d.setAAD(aad);
  d.setAuthTag(sealed.subarray(sealed.length - 16));
  return cat(d.update(sealed.subarray(12, sealed.length - 16)), d.final());
}

// padme is the function as its authors print it, with a floor.
export function padme(l) {
  if (l <= 64) return 64;
  const e = Math.floor(Math.log2(l));
  const s = Math.floor(Math.log2(e)) + 1;
  const mask = 2 ** (e - s);
  return Math.ceil(l / mask) * mask;
}

function refsBytes(refs) {
  const parts = [u8(refs.length)];
  for (const r of refs) {
    parts.push(raw(r.log));
    let n = r.seen;
    for (; n >= 128; n = Math.floor(n / 128)) parts.push(u8(n % 128 | 128));
    parts.push(u8(n));
  }
  return cat(...parts);
}

function readRefs(b, log) {
  const refs = [];
  let at = 1;
  for (let i = 0; i < b[0]; i++, at++) {
    const id = hex(b.subarray(at, at + 8));
    let seen = 0;
    let unit = 1;
    for (at += 8; b[at] >= 128; at++, unit *= 128) seen += (b[at] - 128) * unit;
    seen += b[at] * unit;
    if (i > 0 && id <= refs[i - 1].log) throw new Error("refs do not rise");
    if (id === log.slice(0, 16)) throw new Error("a ref to its own log");
    refs.push({ log: id, seen });
  }
  if (hex(refsBytes(refs)) !== hex(b.subarray(0, at))) throw new Error("refs are written in another way");
  return [refs, at];
}

const clear = (x) => cat(u8(x.flags), u16(raw(x.type).length | (raw(x.key).length << 6)), raw(x.type), raw(x.key));
const clearOf = (x) => (x.hide ? { flags: 6, type: "", key: "" } : { flags: 2, type: x.type, key: x.key });
const payloadKey = (x) => expand(raw(x.secret), cat("xaeroflux seal v1", raw(x.epoch), raw(x.log)));

function plaintext(x) {
  const parts = [u8((x.refs.length > 0 ? 8 : 0) | (x.id !== "" ? 16 : 0))];
  if (x.refs.length > 0) parts.push(refsBytes(x.refs));
  parts.push(raw(x.id));
  const [type, key] = x.hide ? [raw(x.type), raw(x.key)] : [raw(""), raw("")];
  parts.push(u16(type.length | (key.length << 6)), type, key, raw(x.payload), u8(0x80));
  const b = cat(...parts);
  return cat(b, Buffer.alloc(padme(b.length) - b.length));
}

export function seal(x) {
  const [key, aad, plain] = [payloadKey(x), clear(clearOf(x)), plaintext(x)];
  const sealed = cat(raw(x.epoch).subarray(0, 8), gcmSeal(key, raw(x.nonce), plain, aad));
  return { derived_key: hex(key), aad: hex(aad), plaintext: hex(plain), sealed: hex(sealed) };
}

// sealBytes seals any plaintext, also one that no event makes.
export const sealBytes = (x, plain) => hex(cat(raw(x.epoch).subarray(0, 8), gcmSeal(payloadKey(x), raw(x.nonce), plain, clear(clearOf(x)))));

export function open(x) {
  const sealed = raw(x.sealed);
  if (hex(sealed.subarray(0, 8)) !== x.epoch.slice(0, 16)) throw new Error("another epoch");
  const all = gcmOpen(payloadKey(x), sealed.subarray(8), clear(x));
  const end = all.lastIndexOf(0x80);
  if (all.subarray(end + 1).some((c) => c !== 0) || padme(end + 1) !== all.length) throw new Error("padding");
  let b = all.subarray(0, end);
  const flags = b[0];
  if (flags & ~24) throw new Error("inner flags");
  b = b.subarray(1);
  const out = { refs: [], id: "", type: x.type, key: x.key };
  if (flags & 8) {
    const [refs, n] = readRefs(b, x.log);
    out.refs = refs;
    b = b.subarray(n);
  }
  if (flags & 16) {
    out.id = hex(b.subarray(0, 16));
    if (out.id.length < 32 || /^0*$/.test(out.id)) throw new Error("id");
    b = b.subarray(16);
  }
  const lengths = b.readUInt16LE(0);
  b = b.subarray(2);
  if (x.flags === 6) {
    const t = lengths & 63;
    out.type = hex(b.subarray(0, t));
    out.key = hex(b.subarray(t, t + (lengths >> 6)));
    b = b.subarray(t + (lengths >> 6));
  } else if (lengths !== 0) throw new Error("lengths");
  out.payload = hex(b);
  return out;
}

const suite = new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Chacha20Poly1305() });
const bytes = (h) => new Uint8Array(raw(h)); // a copy with a buffer of its own, which the library reads whole
const hexOf = (a) => hex(new Uint8Array(a));

export async function publicKey(x) {
  const pair = await suite.kem.generateKeyPairDerand(bytes(x.seed));
  return hexOf(await suite.kem.serializePublicKey(pair.publicKey));
}

function boxInfo(x) {
  if (x.kind === 3) return cat("xaeroflux recovery box v1", raw(x.topic), raw(x.recipient));
  return cat("xaeroflux box v1", raw(x.topic), u64(x.number), raw(x.recipient));
}

// box takes the coins of the encapsulation, 32 bytes for ML-KEM and 32 for
// X25519, so that vectors can be made again; without them it draws its own.
export async function box(x) {
  const to = await suite.kem.deserializePublicKey(bytes(x.public).buffer);
  const coins = x.coins ? { ekm: bytes(x.coins).buffer } : {};
  const info = boxInfo(x);
  const sender = await suite.createSenderContext({ recipientPublicKey: to, info: bytes(hex(info)).buffer, ...coins });
  const ct = await sender.seal(bytes(x.plaintext).buffer);
  const body = cat(u8(x.kind), u64(x.number), raw(x.recipient), raw(hexOf(sender.enc)), raw(hexOf(ct)));
  return { info: hex(info), body: hex(body) };
}

export async function openBox(x) {
  const b = raw(x.body);
  const head = { kind: b[0], number: Number(b.readBigUInt64LE(1)), recipient: hex(b.subarray(9, 41)), topic: x.topic };
  const key = await suite.kem.deserializePrivateKey(bytes(x.seed).buffer);
  const enc = bytes(hex(b.subarray(41, 1161))).buffer;
  const r = await suite.createRecipientContext({ recipientKey: key, enc, info: bytes(hex(boxInfo(head))).buffer });
  return { ...head, plaintext: hexOf(await r.open(bytes(hex(b.subarray(1161))).buffer)) };
}

export function epoch(x) {
  const sorted = [...x.readers].sort((a, b) => (a.id < b.id ? -1 : 1));
  const entries = sorted.map((r) => cat(raw(r.id), u8(r.kind), raw(r.public)));
  const readers = tagged("xaeroflux epoch readers v1", cat(...entries));
  const join = tagged("xaeroflux join key v1", raw(x.join_key));
  const id = tagged("xaeroflux epoch v1", raw(x.secret), u64(x.number), join, readers);
  return { join_hash: hex(join), readers_digest: hex(readers), epoch: hex(id) };
}

const stepKey = (x) => expand(raw(x.secret), cat("xaeroflux chain v1", raw(x.epoch)));

export function step(x) {
  const key = stepKey(x);
  const sealed = gcmSeal(key, raw(x.nonce), raw(x.parent_secret), cat(raw(x.parent), raw(x.epoch)));
  return { derived_key: hex(key), step: hex(sealed) };
}

export const openStep = (x) => ({ parent_secret: hex(gcmOpen(stepKey(x), raw(x.step), cat(raw(x.parent), raw(x.epoch)))) });

// answer is what a question gets: the same with what was found, or an error.
export async function answer(x) {
  try {
    switch (x.op) {
      case "seal": return seal(x);
      case "open": return open(x);
      case "public": return { public: await publicKey(x) };
      case "box": return await box(x);
      case "open box": return await openBox(x);
      case "epoch": return epoch(x);
      case "step": return step(x);
      case "open step": return openStep(x);
    }
    throw new Error(`unknown question ${x.op}`);
  } catch (e) {
    return { error: String(e.message || e.name || e) };
  }
}
