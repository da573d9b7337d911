// SPDX-License-Identifier: MPL-2.0

// The small rows of "The AOF" of docs/format.md, read: of peers, of processes and
// in meta; and the texts CLOSED and rows.json.

import { hex, isZero, raw, Reader, tagged, utf8 } from "./bytes.mjs";
import { parseAddress } from "./invite.mjs";
import { parse } from "./json.mjs";
import { parseFork, verifyFork } from "./proof.mjs";
import { isName } from "./roster.mjs";
import { need, refuse, Refused, refuses, same } from "./row.mjs";
import { parsePlace } from "./texts.mjs";

const ok = (is, what) => need(is, "row", what);
const hash = (r) => hex(r.take(32));
const all = (r) => r.take(r.b.length);
const times = (n, fn) => Array.from({ length: n }, fn);

// within turns what another parser refuses into a row that is damaged.
function within(fn) {
  try {
    return fn();
  } catch (e) {
    if (e instanceof Refused) refuse("row", e.message);
    throw e;
  }
}

function text(b) {
  ok(utf8(b.toString()).equals(b), "no UTF-8");
  return b.toString();
}

function follow(r) {
  ok(r.b.length % 32 === 0 && r.b.length <= 32 * 4095, "names");
  const names = times(r.b.length / 32, () => hash(r));
  ok(names.every((n, i) => i === 0 || names[i - 1] < n), "names do not increase");
  return { names };
}

function kemKeys(r) {
  ok(r.b.length > 0 && r.b.length % 64 === 0 && r.b.length <= 16 * 64, "KEM keys");
  const keys = times(r.b.length / 64, () => ({ recipient: hash(r), seed: hex(r.take(32)) }));
  ok(keys.every((k) => !/^0*$/.test(k.seed)), "a key of zeros");
  return { keys };
}

function epoch(r) {
  const e = { number: r.uint(8), secret: hex(r.take(32)), join: hex(r.take(32)), readers: hash(r) };
  ok(!/^0*$/.test(e.join), "a join key of zeros");
  return e;
}

function cosignedHead(r) {
  const h = { size: r.uint(8), root: hash(r), signature: hex(r.take(64)) };
  return { ...h, cosignatures: times(r.uint(1), () => ({ witness: hash(r), time: r.uint(8), signature: hex(r.take(64)) })) };
}

function cosignatures(r) {
  const heads = [];
  while (r.b.length > 0) heads.push(cosignedHead(r));
  return { heads };
}

function peerRow(r, { peer }) {
  ok(r.uint(1) === 1, "version");
  const [places, topics, error] = [r.uint(1), r.uint(1), r.uint(1)];
  ok(places <= 4 && topics <= 64 && error <= 200, "numbers");
  const v = { failures: r.uint(2), day: r.uint(2), seen_ms: r.uint(8), erred_ms: r.uint(8), topics: times(topics, () => hash(r)), error: text(r.take(error)) };
  v.places = times(places, () => {
    const [proven_ms, source, open] = [r.uint(8), hash(r), r.uint(1) === 1], host = text(r.take(r.uint(2)));
    within(() => parseAddress(`${peer}@${host}`));
    return { host, proven_ms, source, public: open };
  });
  return v;
}

function forkRow(r, { log }) {
  const file = text(all(r)), f = within(() => parseFork(file));
  within(() => verifyFork(f));
  ok(f.key.startsWith(`xaeroflux/${log}+`), "of another log");
  return { file };
}

function processKey(r) {
  const name = r.take(r.b.length - 33);
  ok(name.length > 0 && r.uint(1) === 0, "a name and 0");
  return { name: text(name), log: hash(r) };
}

function generation(r) {
  const b = r.take(16);
  ok(!isZero(b), "zeros");
  return { generation: hex(b) };
}

function home(r) {
  const topic = hash(r);
  ok(!/^0*$/.test(topic), "a topic of zeros");
  const root = all(r);
  ok(root.length === 0 || root.length === 1216, "a root KEM key of another length");
  return { topic, root: hex(root) };
}

function successor(r) {
  const seed = all(r);
  ok(seed.length === 32 && !isZero(seed), "no seed");
  return { seed: hex(seed) };
}

function petname(r) {
  const v = { given_ms: r.uint(8), name: text(r.take(r.uint(1))) };
  ok(v.name === "" || isName(v.name), "a name");
  return v;
}

function named(r) {
  const v = { to: r.uint(8), root: hash(r), sequence: r.uint(8), time_ms: r.uint(8), body: hex(r.take(r.uint(2))) };
  ok(v.body === "" ? v.sequence === 0 && v.time_ms === 0 : v.sequence < v.to, "an event that was not read");
  return v;
}

const none = () => ({}), time = (r) => ({ time_ms: r.uint(8) }), ofTopic = (r) => ({ topic: hash(r) }), ofLog = (r) => ({ log: hash(r) });
const kind = (database, prefix, key, value) => ({ database, prefix, key, value });

// kinds are database and beginning of the key, the rest of the key, and the value behind its checksum.
const kinds = {
  process: kind("cursors", "", processKey, (r) => ({ next: r.uint(8) })),
  peer: kind("peers", "peer\0", (r) => ({ peer: hash(r) }), peerRow),
  generation: kind("meta", "generation", none, generation),
  place: kind("meta", "place", none, (r) => ({ place: within(() => parsePlace(text(all(r)))) })),
  restored: kind("meta", "restored", none, time),
  unmet: kind("meta", "unmet ", ofTopic, time),
  closed: kind("meta", "closed", none, (r) => ({ closed: r.uint(8) })),
  former: kind("meta", "former ", (r) => ({ topic: hash(r), author: hash(r) }), ofLog),
  copy: kind("meta", "copy ", ofLog, (r) => ({ topic: hash(r), author: hash(r), ...time(r) })),
  default: kind("meta", "default", none, ofTopic),
  home: kind("meta", "home", none, home),
  successor: kind("meta", "successor ", (r) => ({ key: hash(r) }), successor),
  petname: kind("meta", "petname ", (r) => ({ topic: hash(r), account: hash(r) }), petname),
  named: kind("meta", "named ", ofLog, named),
  follow: kind("meta", "follow ", ofTopic, follow),
  kem: kind("meta", "kem ", ofTopic, kemKeys),
  epoch: kind("meta", "epoch ", (r) => ({ topic: hash(r), epoch: hash(r) }), epoch),
  legs: kind("meta", "legs ", ofTopic, follow),
  invited: kind("meta", "invited ", ofTopic, (r) => ({ term: r.uint(4), leg: r.uint(4), size: r.uint(6), root: hash(r) })),
  resumed: kind("meta", "resumed ", ofTopic, (r) => ({ term: r.uint(4), leg: r.uint(4), size: r.uint(6), root: hash(r) })),
  signed: kind("meta", "signed ", ofLog, (r) => ({ size: r.uint(8), root: hash(r) })),
  unasked: kind("meta", "unasked ", ofLog, (r) => {
    const s = { from: r.uint(8), to: r.uint(8), root: hash(r) };
    ok(s.from <= s.to, "stretch");
    return s;
  }),
  fork: kind("meta", "fork ", ofLog, forkRow),
  cosigned: kind("meta", "cosigned ", ofLog, (r) => ({ size: r.uint(8), root: hash(r) })),
  forgot: kind("meta", "forgot", none, time),
  cosignatures: kind("meta", "cosignatures ", ofLog, cosignatures),
  doubt: kind("meta", "doubt ", ofLog, (r) => ({ size: r.uint(8), root: hash(r), signature: hex(r.take(64)) })),
};

// readRow returns the kind of a row and what it says.
function readRow(database, key, value) {
  const name = Object.keys(kinds).find((k) => kinds[k].database === database && key.subarray(0, kinds[k].prefix.length).equals(utf8(kinds[k].prefix)));
  ok(name !== undefined, "of no kind");
  const k = kinds[name], [rk, rv] = [new Reader(key.subarray(k.prefix.length), "row"), new Reader(value, "row")];
  ok(name !== "process" || rk.b.length > 33, "no name");
  const inKey = k.key(rk), fields = { ...inKey, ...k.value(rv, inKey) };
  ok(rk.b.length + rv.b.length === 0, "bytes behind it");
  return { kind: name, fields };
}

function closedFile(n) {
  const line = `closed ${n}\n`;
  return `${line}check ${hex(tagged("xaeroflux closed check v1", utf8(line)).subarray(0, 8))}\n`;
}

// parseClosed returns the number in the text of CLOSED, or 0 if it says nothing.
function parseClosed(s) {
  const m = /^closed (0|[1-9][0-9]*)\n/.exec(s);
  return m && closedFile(m[1]) === s ? BigInt(m[1]) : 0n;
}

// plain is a value with nothing of the proxies that watch it.
export const plain = (v) =>
  Array.isArray(v) ? v.map(plain) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v;

export function checkSmallRows(file) {
  file.each("rows", (row) => same(readRow(row.database, raw(row.key), raw(row.value)), { kind: row.kind, fields: plain(row.fields) }));
  file.each("refused_rows", (row) => {
    same(typeof row.what, "string");
    refuses(() => readRow(row.database, raw(row.key), raw(row.value)), "row");
  });
  file.each("closed", (row) => same([closedFile(row.closed), parseClosed(row.text)], [row.text, BigInt(row.closed)]));
  file.each("damaged_closed", (row) => same(parseClosed(row), 0n));
  file.each("aside", (row) => {
    same(/^[^\n]+\n$/.test(row.line), true);
    same(parse(row.line), { bucket: row.bucket, key: row.key, value: row.value });
  });
}
