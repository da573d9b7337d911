// SPDX-License-Identifier: MPL-2.0

// Knocks: "Knocks" of docs/xsp.md.

import { createHash, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { cat, hex, hkdf, publicKey, raw } from "./bytes.mjs";
import { same } from "./row.mjs";

const pkcs8 = raw("302e020100300506032b656e04220420"), spki = raw("302a300506032b656e032100");
const privateKey = (scalar) => createPrivateKey({ key: cat(pkcs8, scalar), format: "der", type: "pkcs8" });
const pointOf = (u) => createPublicKey({ key: cat(spki, u), format: "der", type: "spki" });
const shared = (scalar, u) => diffieHellman({ privateKey: privateKey(scalar), publicKey: pointOf(u) });
const base = cat(Buffer.from([9]), Buffer.alloc(31));

const p = 2n ** 255n - 19n;
const mod = (n) => ((n % p) + p) % p;
const fromLE = (b) => BigInt(`0x${hex(Buffer.from(b).reverse())}`);
const toLE = (n) => Buffer.from(n.toString(16).padStart(64, "0"), "hex").reverse();

function power(b, e) {
  let out = 1n;
  for (; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) out = mod(out * b);
  return out;
}

// montgomery is a peer id as a point of Curve25519.
function montgomery(peer) {
  const y = fromLE(peer) % 2n ** 255n;
  return toLE(mod((1n + y) * power(mod(1n - y), p - 2n)));
}

function checkKnock(row) {
  const [secret, key, peer] = [raw(row.secret), raw(row.peer_key), raw(row.peer_id)];
  same(hex(publicKey(key)), row.peer_id);
  const u = montgomery(peer), scalar = createHash("sha512").update(key).digest().subarray(0, 32), point = shared(secret, base);
  same([hex(u), hex(scalar), hex(point)], [row.peer_u, row.scalar, row.point]);
  const one = shared(secret, u), other = shared(scalar, point);
  same([hex(one), hex(other)], [row.shared, row.shared]);
  same(["quic", "tcp"].includes(row.carrier), true);
  const tag = hkdf(one, "xaeroflux knock v1", point, peer, row.carrier).subarray(0, 16);
  same(hex(tag), row.tag);
  const digits = hex(cat(point, tag));
  same(`${digits.slice(0, 48)}.${digits.slice(48)}.invalid`, row.name);
}

export function checkKnocks(file) {
  file.note("comment");
  file.each("knocks", checkKnock);
}
