// SPDX-License-Identifier: MPL-2.0

// "Heads, checkpoints and proofs", "Forks" and "Cosignatures" of docs/format.md.

import { cat, hex, publicKey, raw, sha256, sign, smallOrder, u8, utf8, verify } from "./bytes.mjs";
import { logID } from "./identity.mjs";
import { decodeLeaf, leafData } from "./record.mjs";
import { need, refuses, same } from "./row.mjs";
import { empty, leafHash, root, verifyConsistency, verifyInclusion } from "./tree.mjs";

const b64 = (b) => b.toString("base64");

// unb64 refuses base64 that is written in another way than b64 writes it.
function unb64(s, reason, length) {
  const b = Buffer.from(s, "base64");
  need(b64(b) === s && (length === undefined || b.length === length), reason, `base64 ${s.slice(0, 60)}`);
  return b;
}

const keyID = (name, type, key) => sha256(utf8(`${name}\n`), u8(type), key).subarray(0, 4);
const nameOf = (log) => `xaeroflux/${hex(log)}`;
const witnessName = (key) => `xaeroflux/witness/${hex(key)}`;
const vkeyOf = (name, type, key) => `${name}+${hex(keyID(name, type, key))}+${b64(cat(u8(type), key))}`;
export const vkey = (log, author) => vkeyOf(nameOf(log), 1, author);
const textOf = (h) => `${nameOf(h.log)}\n${h.size}\n${b64(h.root)}\n`;
const line = (name, type, key, sig) => `— ${name} ${b64(cat(keyID(name, type, key), sig))}\n`;
const checkpoint = (h, author, sig) => `${textOf(h)}\n${line(nameOf(h.log), 1, author, sig)}`;

// parseKey reads the text of a verifier key whose name begins in a way, and ends in 64 digits.
function parseKey(text, prefix, type) {
  const m = new RegExp(`^${prefix}([0-9a-f]{64})\\+[0-9a-f]{8}\\+([A-Za-z0-9+/=]+)$`).exec(text);
  need(m, "key", "it is none");
  const key = unb64(m[2], "key", 33).subarray(1);
  need(vkeyOf(prefix + m[1], type, key) === text && !smallOrder(key), "key", "name, id or key");
  return { log: raw(m[1]), key };
}

const parseVKey = (text) => parseKey(text, "xaeroflux/", 1);
const parseWitness = (text) => parseKey(text, "xaeroflux/witness/", 4);

function parseHead(text) {
  const m = /^xaeroflux\/([0-9a-f]{64})\n(0|[1-9][0-9]{0,19})\n(.*)\n$/.exec(text);
  need(m, "head", "lines");
  const h = { log: raw(m[1]), size: BigInt(m[2]), root: unb64(m[3], "head", 32) };
  need(h.size <= 2n ** 62n && (h.size === 0n) === (hex(h.root) === empty), "head", "size or root");
  return h;
}

// parseCheckpoint is a signed note: text, an empty line, lines of signatures. One line has to be that of the key.
function parseCheckpoint(note, key) {
  const { log, key: author } = parseVKey(key);
  const at = note.lastIndexOf("\n\n");
  need(at >= 0 && note.length <= 128 * 1024 && !/[^\P{Cc}\n]/u.test(note), "head", "no note");
  const [text, rest] = [note.slice(0, at + 1), note.slice(at + 2)];
  need(/^(— \S+ [A-Za-z0-9+/]+={0,2}\n)+$/.test(rest), "head", "lines of signatures");
  const name = nameOf(log), id = keyID(name, 1, author);
  const sigs = rest.trim().split("\n").map((l) => l.split(" ")).map(([, n, s]) => [n, unb64(s, "head")]);
  const ours = sigs.find(([n, s]) => n === name && s.subarray(0, 4).equals(id));
  need(ours && verify(author, utf8(text), ours[1].subarray(4)), "signature", "none of the key, or a wrong one");
  const h = parseHead(text);
  need(h.log.equals(log), "head", "of another log");
  return { ...h, others: sigs.filter((s) => s !== ours) };
}

export function proofFile(f) {
  return `c2sp.org/tlog-proof@v1\nextra ${b64(f.extra)}\nindex ${f.index}\n${f.hashes.map((h) => `${b64(h)}\n`).join("")}\n${f.checkpoint}`;
}

function verifyFile(text, key) {
  const m = /^c2sp\.org\/tlog-proof@v1\nextra ([^\n]+)\nindex (0|[1-9][0-9]{0,19})\n((?:[^\n]+\n){0,64})\n([^]+)$/.exec(text);
  need(m, "file", "lines");
  const hashes = m[3].split("\n").slice(0, -1).map((l) => unb64(l, "file", 32));
  const extra = unb64(m[1], "file");
  const h = parseCheckpoint(m[4], key);
  need(verifyInclusion(leafHash(extra), BigInt(m[2]), h.size, hashes, h.root), "proof", "inclusion");
  decodeLeaf(extra);
  return { extra, index: m[2], hashes, checkpoint: m[4], head: h };
}

function forkText(f) {
  const top = ["xaeroflux fork v2", `topic ${hex(f.topic)}`, `page ${f.pageBytes}`, `log ${f.kind} ${f.number}`, `key ${f.key}`, `root ${b64(f.root)}`, ...f.hashes.map(b64)];
  return `${top.join("\n")}\n\n${f.old}\n${f.new}`;
}

export function parseFork(text) {
  const m = new RegExp("^xaeroflux fork v2\\ntopic ([0-9a-f]{64})\\npage (0|[1-9][0-9]*)\\nlog ([0-2]) (0|[1-9][0-9]*)\\nkey ([^\\n]+)\\nroot ([^\\n]+)\\n" +
    "((?:[^\\n]+\\n){0,64})\\n([^\\n]+\\n[^\\n]+\\n[^\\n]+\\n\\n— [^\\n]+\\n)\\n([^\\n]+\\n[^\\n]+\\n[^\\n]+\\n\\n— [^\\n]+\\n)$").exec(text);
  need(m && utf8(text).length <= 8192 && Number(m[2]) < 2 ** 32 && BigInt(m[4]) < 2n ** 64n, "fork file", "lines");
  return {
    topic: raw(m[1]), pageBytes: Number(m[2]), kind: Number(m[3]), number: BigInt(m[4]), key: m[5], root: unb64(m[6], "fork file", 32),
    hashes: m[7].split("\n").slice(0, -1).map((l) => unb64(l, "fork file", 32)), old: m[8], new: m[9],
  };
}

// verifyFork is the four steps of the document.
export function verifyFork(f) {
  const { log, key: author } = parseVKey(f.key);
  need(logID(f.topic, author, f.pageBytes, f.kind, f.number).equals(log), "head", "a log of another name");
  const [a, b] = [parseCheckpoint(f.old, f.key), parseCheckpoint(f.new, f.key)];
  need(a.size > 0n, "fork", "every log begins with nothing");
  need(a.size <= b.size && verifyConsistency(Number(a.size), Number(b.size), f.hashes, f.root, b.root), "proof", "consistency");
  need(!f.root.equals(a.root), "fork", "both can be true");
  need(a.size !== b.size || Buffer.compare(a.root, b.root) < 0, "fork", "order");
}

function checkHead(row) {
  const h = { log: raw(row.log), size: BigInt(row.size), root: raw(row.root) };
  const author = publicKey(raw(row.seed)), sig = sign(raw(row.seed), utf8(textOf(h)));
  same([hex(author), hex(sig), vkey(h.log, author), checkpoint(h, author, sig)], [row.author, row.signature, row.vkey, row.checkpoint]);
  same(parseCheckpoint(row.checkpoint, row.vkey), { ...h, others: [] });
}

function checkCosignature(row, heads) {
  const of = heads[row.head], h = parseCheckpoint(of.checkpoint, of.vkey);
  const key = publicKey(raw(row.seed)), message = utf8(`cosignature/v1\ntime ${row.time}\n${textOf(h)}`), sig = sign(raw(row.seed), message);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(row.time));
  same([hex(key), hex(sig), vkeyOf(witnessName(key), 4, key)], [row.witness, row.signature, row.vkey]);
  same(of.checkpoint + line(witnessName(key), 4, key, cat(time, sig)), row.checkpoint);
  same(parseWitness(row.vkey).key, key);
  const [[name, other]] = parseCheckpoint(row.checkpoint, of.vkey).others;
  same([name, hex(other.subarray(0, 4)), verify(key, message, other.subarray(12))], [witnessName(key), hex(keyID(name, 4, key)), true]);
}

// plainLeaves are the leaf hashes of a tree of which nothing else is said.
function plainLeaves(n) {
  return Array.from({ length: n }, (_, s) => {
    const b = Buffer.alloc(8);
    b.writeBigUInt64BE(BigInt(s));
    return leafHash(b);
  });
}

// path is PATH and subproof SUBPROOF of RFC 9162.
function path(m, leaves) {
  if (leaves.length === 1) return [];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  if (m < k) return [...path(m, leaves.slice(0, k)), root(leaves.slice(k))];
  return [...path(m - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

function subproof(m, leaves, whole) {
  if (m === leaves.length) return whole ? [] : [root(leaves)];
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  if (m <= k) return [...subproof(m, leaves.slice(0, k), whole), root(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), root(leaves.slice(0, k))];
}

const consistency = (m, leaves) => (m === 0 ? [] : subproof(m, leaves, true));

function checkFile(row) {
  const leaves = plainLeaves(row.size), extra = raw(row.leaf), log = raw(row.log), author = publicKey(raw(row.seed));
  same(hex(leafData(decodeLeaf(extra))), row.leaf);
  leaves[row.index] = leafHash(extra);
  const h = { log, size: BigInt(row.size), root: root(leaves) };
  const f = { extra, index: row.index, hashes: path(row.index, leaves), checkpoint: checkpoint(h, author, sign(raw(row.seed), utf8(textOf(h)))) };
  same([vkey(log, author), proofFile(f)], [row.vkey, row.text]);
  verifyFile(row.text, row.vkey);
}

function checkConsistency(row) {
  const leaves = plainLeaves(row.size), hashes = consistency(row.old, leaves), old = root(leaves.slice(0, row.old));
  same([hex(old), hex(root(leaves)), hashes.map(hex)], [row.old_root, row.root, [...row.hashes]]);
  if (row.old > 0) same(verifyConsistency(row.old, row.size, hashes, old, root(leaves)), true);
}

function checkFork(row) {
  const topic = raw(row.topic), author = publicKey(raw(row.seed)), log = logID(topic, author, row.page_bytes, row.kind, row.number);
  const truth = plainLeaves(row.size), lie = plainLeaves(row.old);
  for (let i = Math.min(3, row.old - 1); i < row.old; i++) lie[i] = sha256(utf8(`lie ${i}`));
  const head = (leaves) => ({ log, size: BigInt(leaves.length), root: root(leaves) });
  const pair = [head(lie), head(truth)];
  if (row.old === row.size) pair.sort((a, b) => Buffer.compare(a.root, b.root));
  const [a, b] = pair.map((h) => checkpoint(h, author, sign(raw(row.seed), utf8(textOf(h)))));
  const f = { topic, pageBytes: row.page_bytes, kind: row.kind, number: BigInt(row.number), key: vkey(log, author), old: a, new: b };
  f.root = row.old === row.size ? pair[1].root : root(truth.slice(0, row.old));
  f.hashes = row.old === row.size ? [] : consistency(row.old, truth);
  same(forkText(f), row.text);
  same(parseFork(row.text), f);
  verifyFork(parseFork(row.text));
}

const refusing = {
  checkpoint: (row) => parseCheckpoint(row.text, row.vkey),
  file: (row) => verifyFile(row.text, row.vkey),
  fork: (row) => verifyFork(parseFork(row.text)),
  vkey: (row) => parseVKey(row.text),
  witness: (row) => parseWitness(row.text),
};

export function checkProofs(file) {
  file.note("note");
  file.each("heads", checkHead);
  file.each("cosignatures", (row) => checkCosignature(row, file.value.heads));
  file.each("files", checkFile);
  file.each("consistency", checkConsistency);
  file.each("forks", checkFork);
  file.each("refused", (row) => {
    same([typeof row.what, typeof row.vkey], ["string", "string"]);
    refuses(() => refusing[row.kind](row), row.reason);
  });
}
