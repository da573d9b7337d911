// SPDX-License-Identifier: MPL-2.0

// The tree of RFC 6962 as its section 2.1 defines it, by recursion, and the
// proofs of RFC 9162, section 2.1.

import { cat, hex, sha256 } from "./bytes.mjs";

export const leafHash = (data) => sha256(Buffer.from([0]), data);
export const node = (left, right) => sha256(Buffer.from([1]), left, right);

// split is the largest power of two below n.
const split = (n) => {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
};

// root is the tree head over leaf hashes.
export function root(leaves) {
  if (leaves.length === 0) return sha256(Buffer.alloc(0));
  if (leaves.length === 1) return leaves[0];
  const k = split(leaves.length);
  return node(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

// subtrees lists [first leaf, leaves] of the compact range [begin, end): the
// largest whole subtrees of the log's tree that cover it.
export function subtrees(begin, end) {
  const out = [];
  for (let at = begin; at < end;) {
    let n = 1;
    while (at % (2 * n) === 0 && at + 2 * n <= end) n *= 2;
    out.push([at, n]);
    at += n;
  }
  return out;
}

// verifyInclusion is RFC 9162, section 2.1.3.2, and verifyConsistency 2.1.4.2.
export function verifyInclusion(hash, index, size, proof, want) {
  if (index >= size) return false;
  let [fn, sn, r] = [BigInt(index), BigInt(size) - 1n, hash];
  for (const p of proof) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      r = node(p, r);
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      r = node(r, p);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && r.equals(want);
}

export function verifyConsistency(first, second, proof, firstRoot, secondRoot) {
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot);
  if (first === 0 || first > second || proof.length === 0) return false;
  const path = [...proof];
  if ((BigInt(first) & BigInt(first) - 1n) === 0n) path.unshift(firstRoot);
  let [fn, sn] = [BigInt(first) - 1n, BigInt(second) - 1n];
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  let [fr, sr] = [path[0], path[0]];
  for (const c of path.slice(1)) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      [fr, sr] = [node(c, fr), node(c, sr)];
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else {
      sr = node(sr, c);
    }
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && fr.equals(firstRoot) && sr.equals(secondRoot);
}

export const hashes = (b) => Array.from({ length: b.length / 32 }, (_, i) => b.subarray(32 * i, 32 * i + 32));
export const hexes = (list) => list.map(hex);
export const empty = hex(sha256(cat()));
