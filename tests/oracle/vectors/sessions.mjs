// SPDX-License-Identifier: MPL-2.0

// What follows from inputs in a session: "Rules" and "Finding out what differs"
// of docs/xsp.md.

import { createCipheriv } from "node:crypto";
import { cat, hex, hkdf, hmac, raw, sha256, tagged, u32, u48, u64, u8, zeros } from "./bytes.mjs";
import { encodePosition } from "./genesis.mjs";
import { same } from "./row.mjs";

const low = (bits, n) => BigInt.asUintN(bits, n);
const beUint = (b) => BigInt(`0x${hex(b)}`);
const leUint = (b) => beUint(Buffer.from(b).reverse());

function checkOffer(row) {
  const head = cat(u8(row.dialer ? 1 : 0), raw(row.topic_id));
  const { term, leg, size, root } = row.roster;
  const state = cat(encodePosition({ term, leg, size, root: raw(root) }), u64(row.logs), raw(row.digest));
  const proof = (key, label, what) => hex(hmac(hkdf(raw(key), label), head, what, raw(row.binding)));
  same(proof(row.lobby_key, "xaeroflux lobby proof v1", ""), row.lobby_proof);
  same(proof(row.join_key, "xaeroflux join proof v2", "").slice(0, 32), row.join_proof);
  same(proof(row.join_key, "xaeroflux state mark v2", state).slice(0, 32), row.mark);
}

function checkCertificate(row) {
  const key = hkdf(raw(row.lobby_key), "xaeroflux certificate seal v1", raw(row.binding), u8(row.dialer ? 1 : 0));
  const c = createCipheriv("aes-256-gcm", key, cat(u32(row.number), zeros(8)));
  same(hex(cat(c.update(raw(row.body)), c.final(), c.getAuthTag())), row.sealed);
}

export const shortID = (salt, log) => beUint(sha256(salt, log).subarray(0, 5));

export function itemOf(salt, log, size, root) {
  const mixed = low(64, (leUint(root.subarray(0, 8)) ^ leUint(salt.subarray(0, 8))) * (leUint(salt.subarray(8)) | 1n));
  return shortID(salt, log) << 24n | BigInt(size) % 2n ** 20n << 4n | mixed >> 60n;
}

function mix(x) {
  x = low(64, (x ^ x >> 30n) * 0xbf58476d1ce4e5b9n);
  x = low(64, (x ^ x >> 27n) * 0x94d049bb133111ebn);
  return x ^ x >> 31n;
}

// symbolsOf are the first n symbols of the items.
function symbolsOf(salt, items, n) {
  const [a, b] = [beUint(salt.subarray(0, 8)), beUint(salt.subarray(8))];
  const symbols = Array.from({ length: n }, () => ({ items: 0n, checks: 0n, count: 0n }));
  for (const x of items) {
    const check = low(48, mix(low(64, mix(x ^ a) + b)));
    let seed = mix(low(64, mix(x ^ b) + a));
    for (let i = 0n; i < BigInt(n);) {
      const s = symbols[Number(i)];
      [s.items, s.checks, s.count] = [s.items ^ x, s.checks ^ check, s.count + 1n];
      seed = low(64, seed + 0x9e3779b97f4a7c15n);
      const limit = (i + 1n) * (i + 2n) * 2n ** 32n / ((mix(seed) >> 32n) + 1n);
      for (i++; (i + 1n) * (i + 2n) <= limit; i++);
    }
  }
  return symbols;
}

export function varint(n) {
  const out = [];
  for (; n >= 128n; n >>= 7n) out.push(Number(n & 127n) | 128);
  return Buffer.from([...out, Number(n)]);
}

const zigzag = (n) => (n < 0n ? -2n * n - 1n : 2n * n);

function symbolBytes(s, i, items) {
  const k = 2n + BigInt(i);
  return cat(u64(s.items), u48(s.checks), varint(zigzag(s.count - (2n * items + k / 2n) / k)));
}

const byValue = (a, b) => (a < b ? -1 : 1);
export const deltas = (list) => list.map((x, i) => varint(x - (i === 0 ? 0n : list[i - 1])));

// statesOf is a list of short states, to the end of a body: ids as differences, each with its size.
export function statesOf(states) {
  const sorted = [...states].sort((x, y) => byValue(x.id, y.id)), ids = deltas(sorted.map((s) => s.id));
  return cat(...sorted.flatMap((s, i) => [ids[i], varint(s.size)]));
}

function checkRound(row, digest) {
  const number = BigInt(row.number), salt = tagged("xaeroflux sketch salt v1", raw(row.binding), raw(row.topic_id), u64(number)).subarray(0, 16);
  same(hex(salt), row.salt);
  const states = row.logs.map((l) => {
    const id = shortID(salt, raw(l.log)), item = itemOf(salt, raw(l.log), l.size, raw(l.root));
    same([id.toString(), item.toString()], [l.short_id, l.item]);
    return { id, size: BigInt(l.size), item };
  });
  const items = states.map((s) => s.item).sort(byValue), count = BigInt(items.length);
  same(items.map(String), [...row.items]);
  const body = (kind, ...parts) => hex(cat(u8(kind), varint(number), ...parts));
  same(body(0), row.next_body);
  same(body(1, salt, u64(count), digest, statesOf(states)), row.cursor_body);
  same(body(2, salt, varint(count), varint(0n), ...symbolsOf(salt, items, 8).map((s, i) => symbolBytes(s, i, count))), row.symbols_body);
  same(body(3, salt, ...deltas(items)), row.items_body);
  same(body(4, statesOf(states)), row.answer_body);
  same(body(5, varint(20n)), row.ask_body);
}

export function checkSessions(file) {
  file.note("comment");
  file.each("offers", checkOffer);
  file.each("certificates", checkCertificate);
  file.one("round", (row) => checkRound(row, raw(file.value.offers[0].digest)));
}
