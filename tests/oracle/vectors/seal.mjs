// SPDX-License-Identifier: MPL-2.0

// "Sealing" of docs/format.md. HPKE is not in node:crypto: what a box holds, and
// the public half of a KEM key, is left to the libraries of tests/oracle/seal, if
// they are installed.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { cat, expand, hex, isZero, raw, Reader, tagged, u16, u64, u8 } from "./bytes.mjs";
import { decodeRefs, encodeRefs, refsFlaw } from "./record.mjs";
import { need, refuse, refuses, same } from "./row.mjs";

function gcmSeal(key, nonce, plain, aad) {
  const c = createCipheriv("aes-256-gcm", key, nonce);
  c.setAAD(aad);
  return cat(c.update(plain), c.final(), c.getAuthTag());
}

function gcmOpen(key, nonce, sealed, aad) {
  const d = createDecipheriv("aes-256-gcm", key, nonce);
  d.setAAD(aad);
  d.setAuthTag(sealed.subarray(-16));
  const plain = d.update(sealed.subarray(0, -16));
  try {
    return cat(plain, d.final());
  } catch {
    return refuse("unreadable", "it does not open");
  }
}

export function padded(n) {
  if (n <= 64) return 64;
  const e = Math.floor(Math.log2(n)), s = Math.floor(Math.log2(e)) + 1;
  return Math.ceil(n / 2 ** (e - s)) * 2 ** (e - s);
}

const lengths = (type, key) => u16(type.length | key.length << 6);
export const payloadKey = (x) => expand(x.secret, "xaeroflux seal v1", x.epoch, x.log);

// aadOf is the clear part of the record that a payload is sealed for.
export const aadOf = (x) => (x.hide ? raw("060000") : cat(u8(2), lengths(x.type, x.key), x.type, x.key));

export function plaintext(x) {
  const [type, key] = x.hide ? [x.type, x.key] : [cat(), cat()];
  const b = cat(u8((x.refs.length > 0 ? 8 : 0) | (x.id.length > 0 ? 16 : 0)), x.refs.length > 0 ? encodeRefs(x.refs) : "", x.id, lengths(type, key), type, key,
    x.payload, u8(0x80));
  return cat(b, Buffer.alloc(padded(b.length) - b.length));
}

export const seal = (x) => cat(x.epoch.subarray(0, 8), x.nonce, gcmSeal(payloadKey(x), x.nonce, plaintext(x), aadOf(x)));

// open returns what is in a sealed payload of the record with the clear part of x.
export function open(x, sealed) {
  need(sealed.length >= 100 && sealed.length <= 17301540, "unreadable", "length");
  need(sealed.subarray(0, 8).equals(x.epoch.subarray(0, 8)), "unreadable", "another epoch");
  const all = gcmOpen(payloadKey(x), sealed.subarray(8, 20), sealed.subarray(20), aadOf(x));
  const end = all.lastIndexOf(0x80);
  need(end >= 0 && all.subarray(end + 1).every((c) => c === 0) && padded(end + 1) === all.length, "unreadable", "padding");
  const r = new Reader(all.subarray(0, end), "unreadable");
  const flags = r.uint(1), out = { refs: [], id: cat(), type: x.hide ? cat() : x.type, key: x.hide ? cat() : x.key };
  need((flags & ~24) === 0, "unreadable", "inner flags");
  if (flags & 8) {
    const d = decodeRefs(r, r.uint(1));
    need(!refsFlaw(d, x.log.subarray(0, 8)), "unreadable", "refs");
    out.refs = d.refs;
  }
  if (flags & 16) out.id = r.take(16);
  need(!(flags & 16) || !isZero(out.id), "unreadable", "an id of zeros");
  const lens = r.uint(2);
  need(x.hide || lens === 0, "unreadable", "lengths");
  if (x.hide) [out.type, out.key] = [r.take(lens & 63), r.take(lens >> 6)];
  out.payload = r.b;
  need(!out.type.toString("latin1").startsWith("xf/") && out.payload.length <= 16777216, "unreadable", "type or payload");
  return out;
}

export function payloadOf(row) {
  const x = Object.fromEntries(["secret", "epoch", "log", "nonce", "type", "key", "payload", "id"].map((k) => [k, raw(row[k])]));
  return { ...x, hide: row.hide, refs: row.refs.map((r) => ({ log: raw(r.log), size: BigInt(r.seen) })) };
}

function checkPayload(row) {
  const x = payloadOf(row), sealed = seal(x);
  same([hex(payloadKey(x)), hex(aadOf(x)), hex(plaintext(x)), hex(sealed)], [row.derived_key, row.aad, row.plaintext, row.sealed]);
  const got = open(x, raw(row.sealed));
  same(got, { refs: x.refs, id: x.id, type: x.type, key: x.key, payload: x.payload });
  for (let i = 0; i < sealed.length; i += 1 + sealed.length >> 5) {
    const wrong = Buffer.from(sealed);
    wrong[i] ^= 1;
    refuses(() => open(x, wrong), "unreadable");
  }
  refuses(() => open(x, sealed.subarray(0, -1)), "unreadable");
  refuses(() => open({ ...x, log: Buffer.alloc(32) }, sealed), "unreadable");
  refuses(() => open({ ...x, hide: !x.hide }, sealed), "unreadable");
}

const placeOf = (row) => ({ ...Object.fromEntries(["secret", "epoch", "log", "type", "key"].map((k) => [k, raw(row[k])])), hide: row.hide });

// checkInside: it is sealed as it should be, and what is inside is none.
function checkInside(row) {
  const x = placeOf(row), nonce = raw(row.nonce), sealed = cat(x.epoch.subarray(0, 8), nonce, gcmSeal(payloadKey(x), nonce, raw(row.plaintext), aadOf(x)));
  same([typeof row.what, hex(sealed)], ["string", row.sealed]);
  if (x.hide) same([row.type, row.key], ["", ""]);
  refuses(() => open(x, sealed), "unreadable");
}

function checkOutside(row) {
  same(typeof row.what, "string");
  refuses(() => open(placeOf(row), raw(row.sealed)), "unreadable");
}

function checkEpoch(row, libraries) {
  const readers = row.readers.map((r) => {
    libraries?.key(r.seed, r.public);
    same([typeof r.seed, r.public.length], ["string", 2432]);
    return cat(raw(r.id), u8(r.kind), raw(r.public));
  });
  readers.sort(Buffer.compare);
  const join = tagged("xaeroflux join key v1", raw(row.join_key)), digest = tagged("xaeroflux epoch readers v1", cat(...readers));
  same([hex(join), hex(digest)], [row.join_hash, row.readers_digest]);
  same(hex(tagged("xaeroflux epoch v1", raw(row.secret), u64(row.number), join, digest)), row.epoch);
}

function checkStep(row) {
  const [secret, epoch, parent, nonce, step] = [row.secret, row.epoch, row.parent, row.nonce, row.step].map(raw);
  const key = expand(secret, "xaeroflux chain v1", epoch);
  same(hex(key), row.derived_key);
  same(hex(cat(nonce, gcmSeal(key, nonce, raw(row.parent_secret), cat(parent, epoch)))), row.step);
  same(hex(gcmOpen(key, step.subarray(0, 12), step.subarray(12), cat(parent, epoch))), row.parent_secret);
  refuses(() => gcmOpen(key, step.subarray(0, 12), step.subarray(12), cat(epoch, parent)), "unreadable");
}

const plainBytes = { 1: 64, 2: 32, 3: 32 };

export function parseBox(b) {
  const r = new Reader(b, "box");
  const x = { kind: r.uint(1), number: r.uint(8), recipient: r.take(32), enc: r.take(1120) };
  need(plainBytes[x.kind] !== undefined && (x.kind !== 3 || x.number === 0), "box", "kind or number");
  x.ciphertext = r.take(plainBytes[x.kind] + 16);
  need(r.b.length === 0, "box", "bytes behind it");
  return x;
}

// checkBox checks the layout here; coins are those of the encapsulation, which only the libraries can follow.
function checkBox(row, libraries) {
  const body = raw(row.body), x = parseBox(body);
  same([x.kind, x.number, hex(x.recipient), raw(row.plaintext).length], [row.kind, row.number, row.recipient, plainBytes[x.kind]]);
  const info = x.kind === 3 ? cat("xaeroflux recovery box v1", raw(row.topic), x.recipient) : cat("xaeroflux box v1", raw(row.topic), u64(x.number), x.recipient);
  same(hex(info), row.info);
  for (const wrong of [body.subarray(0, -1), cat(body, u8(0)), cat(u8(0), body.subarray(1)), cat(u8(4), body.subarray(1))]) refuses(() => parseBox(wrong), "box");
  same([raw(row.coins).length, row.public.length, raw(row.seed).length], [64, 2432, 32]);
  libraries?.key(row.seed, row.public);
  libraries?.box({ seed: row.seed, topic: row.topic, body: row.body }, row.plaintext);
}

// Libraries are those of tests/oracle/seal, which answer later.
class Libraries {
  constructor(module) {
    this.module = module;
    this.asked = [];
  }

  key(seed, want) {
    this.asked.push(this.module.publicKey({ seed }).then((got) => same(got, want, "KEM key")));
  }

  box(x, want) {
    this.asked.push(this.module.openBox(x).then((got) => same(got.plaintext, want, "box")));
  }
}

async function libraries() {
  try {
    return new Libraries(await import("../seal/seal.mjs"));
  } catch (e) {
    if (e.code !== "ERR_MODULE_NOT_FOUND" || process.env.XAEROFLUX_ORACLE) throw e;
    return null;
  }
}

export async function checkSeal(file) {
  const lib = file.control ? null : await libraries();
  file.note("note");
  file.each("padded", ([n, want]) => same(padded(n), want));
  file.each("keys", (row) => {
    same([raw(row.seed).length, raw(row.public).length], [32, 1216]);
    lib?.key(row.seed, row.public);
  });
  file.each("epochs", (row) => checkEpoch(row, lib));
  file.each("steps", checkStep);
  file.each("payloads", checkPayload);
  file.each("refused_inside", checkInside);
  file.each("refused_outside", checkOutside);
  file.each("boxes", (row) => checkBox(row, lib));
  for (const r of await Promise.allSettled(lib?.asked ?? [])) if (r.status === "rejected") file.flaws.push(`${file.name}: ${r.reason.message}`);
  file.said = lib ? `${lib.asked.length} boxes and KEM keys by @hpke` : "boxes and KEM keys by their layout only: @hpke is not installed in tests/oracle/seal";
}
