// SPDX-License-Identifier: MPL-2.0

// "Bytes" of docs/roster.md: the body of every record, ask and box, and the
// certificate. Bytes are hexadecimal outside.

import { cat, hex, raw, Reader, u16, u32, u48, u64, u8, utf8 } from "./bytes.mjs";
import { need, refuse } from "./row.mjs";
import { empty } from "./tree.mjs";

const none = "0".repeat(64), max = 2 ** 48 - 1;
const ok = (is, what) => need(is, "body", what);
const codec = (read, write) => ({ read, write });
const number = (bytes, write, least = 0, most = Infinity) => codec((r) => {
  const n = r.uint(bytes);
  ok(n >= least && n <= most, `number ${n}`);
  return n;
}, write);
const bytes = (n) => codec((r) => hex(r.take(n)), raw);
const key = bytes(32), sig = bytes(64), byte = number(1, u8);
const size = number(8, u64, 0, max);

// blob is a length u16, one of those, and as many bytes.
const blob = (...lengths) => codec((r) => {
  const n = r.uint(2);
  ok(lengths.includes(n), `length ${n}`);
  return hex(r.take(n));
}, (v) => cat(u16(raw(v).length), raw(v)));

// name is any bytes: text if they are UTF-8.
const name = codec((r) => {
  const n = r.uint(1);
  ok(n >= 1 && n <= 63, `name of ${n} bytes`);
  const b = r.take(n), text = b.toString();
  return utf8(text).equals(b) ? text : b;
}, (v) => cat(u8(Buffer.from(v).length), v));

// struct is fields in a row; check may refuse the whole.
const struct = (fields, check = () => true) => codec((r) => {
  const v = {};
  for (const [n, c] of fields) v[n] = c.read(r, v);
  ok(check(v), "values that do not agree");
  return v;
}, (v) => cat(...fields.map(([n, c]) => c.write(v[n], v))));

const optional = (c) => codec((r) => {
  const there = r.uint(1);
  ok(there <= 1, `presence ${there}`);
  return there === 1 ? c.read(r) : null;
}, (v) => (v === null ? u8(0) : cat(u8(1), c.write(v))));

const list = (c, least, most, follows) => codec((r) => {
  const n = r.uint(2);
  ok(n >= least && n <= most, `${n} entries`);
  const v = Array.from({ length: n }, () => c.read(r));
  ok(v.every((x, i) => i === 0 || follows(v[i - 1], x)), "entries do not rise");
  return v;
}, (v) => cat(u16(v.length), ...v.map((x) => c.write(x))));

// counted is a list behind a u8.
const counted = (c, least, most, follows = () => true) => codec((r) => {
  const n = r.uint(1);
  ok(n >= least && n <= most, `${n} entries`);
  const v = Array.from({ length: n }, () => c.read(r));
  ok(v.every((x, i) => i === 0 || follows(v[i - 1], x)), "entries do not rise");
  return v;
}, (v) => cat(u8(v.length), ...v.map((x) => c.write(x))));

const kem = blob(0, 1216);
const ask = struct([["log", key], ["seq", size]], (v) => v.log !== none || v.seq === 0);
const prefix = struct([["log", key], ["size", size], ["root", key]], (v) => (v.size === 0) === (v.root === empty));
const cuts = list(prefix, 0, 65535, (a, b) => a.log < b.log);
const point = struct([["term", number(4, u32)], ["leg", number(4, u32)], ["size", number(6, u48, 1)], ["root", key]]);
const boxes = struct([["log", key], ["first", size], ["count", number(4, u32, 1, 8000)], ["root", key]]);

const termHead = [["last", prefix], ["term", number(4, u32, 1)], ["steward", key], ["by", number(1, u8, 1, 2)]];
const signed = counted(struct([["index", byte], ["sig", sig]]), 1, 16, (a, b) => a.index < b.index);
const isTerm = (v) => (v.last.log === none) === (v.last.size === 0) && (v.by === 1 || (v.signed.length === 1 && v.signed[0].index === 0));
export const term = struct([...termHead, ["signed", signed]], isTerm);
export const termSigned = struct(termHead);

const begin = codec((r) => {
  const before = { log: none, size: 0, root: none }, t = optional(term).read(r);
  if (t !== null) return { before, term: t };
  const v = { before: prefix.read(r), term: null };
  ok(v.before.size > 0, "nothing before");
  return v;
}, (v) => (v.term === null ? cat(u8(0), prefix.write(v.before)) : optional(term).write(v.term)));

const proof = struct([["invite", key], ["sig", sig]]);
export const card = struct([["account", key], ["device", key], ["page_bytes", number(4, u32)], ["number", number(8, u64)], ["kem", kem], ["account_kem", kem], ["recovery", blob(0, 1168)]]);
const signedCard = struct([["card", card], ["account_sig", sig], ["device_sig", sig]]);
const end = struct([["size", size], ["root", key]], (v) => (v.size === 0) === (v.root === empty));
export const deviceCard = struct([["account", key], ["device", key], ["page_bytes", number(4, u32)], ["number", number(8, u64)], ["parent", key], ["ends", optional(end)], ["kem", kem]],
  (v) => v.parent === none || v.parent !== v.device);
export const signedDevice = struct([["card", deviceCard], ["signer", key], ["signer_sig", sig], ["device_sig", sig]]);

const inviteHead = [["key", key], ["role", number(1, u8, 2, 6)], ["uses", number(2, u16, 1)], ["expiry", number(6, u48)], ["kem", kem]];
const link = struct([["account", key], ["signer", key], ["sig", sig]]);
const invite = struct([...inviteHead, ["link", optional(link)]], (v) => (v.link !== null) === (v.role === 6));

// linked is what the signer of a link signs.
export const linked = (v) => cat(struct(inviteHead).write(v), u8(1), raw(v.link.account));

const head = struct([["size", size], ["root", key], ["sig", sig]]);
const fork = struct([["author", key], ["page_bytes", number(4, u32)], ["number", number(8, u64)], ["old", head], ["new", head], ["root", key], ["hashes", counted(key, 0, 64)]]);
const target = struct([["account", key], ["device", key]]);
const change = struct([["account", key], ["role", number(1, u8, 2, 5)]]);
const isRange = (v) => v.count >= 1 && v.first + v.count <= max;
const logRange = struct([["log", key], ["first", size], ["count", size]], isRange);
const logRanges = list(logRange, 1, 1000, (a, b) => a.log < b.log || (a.log === b.log && a.first + a.count < b.first));
const ranges = list(struct([["first", size], ["count", size]], isRange), 1, 1000, (a, b) => a.first + a.count < b.first);
const stored = struct([["root", key], ["size", size], ["key", blob(32, 68)]]);
const state = struct([["view", name], ["version", number(4, u32)], ["at", point], ["logs", cuts], ["hash", key], ["blob", optional(stored)]]);
const right = struct([["account", key], ["on", key], ["what", name], ["calls", number(4, u32)], ["per", number(4, u32)], ["until", number(6, u48)]],
  (v) => v.calls > 0 || (v.per === 0 && v.until === 0));

const genesis = struct([["body", codec((r) => hex(r.take(r.b.length)), raw)]]);

export const records = {
  "xf/genesis": genesis,
  "xf/begin": begin,
  "xf/admit": struct([["ask", ask], ["role", number(1, u8, 1, 5)], ["by", optional(proof)], ["card", signedCard], ["boxes", optional(boxes)]]),
  "xf/device": struct([["ask", ask], ["device", signedDevice], ["boxes", optional(boxes)]]),
  "xf/role": struct([["ask", ask], ["change", change], ["cuts", cuts]]),
  "xf/remove": struct([["ask", ask], ["target", target], ["cuts", cuts], ["keep", list(key, 0, 65535, (a, b) => a < b)]]),
  "xf/invite": struct([["ask", ask], ["invite", invite], ["boxes", optional(boxes)]]),
  "xf/uninvite": struct([["ask", ask], ["invite", key]]),
  "xf/epoch": struct([["number", number(8, u64)], ["id", key], ["join", key], ["readers", key], ["boxes", boxes], ["step", blob(0, 60)]]),
  "xf/cut": struct([["ask", ask], ["cut", prefix], ["fork", optional(fork)]]),
  "xf/erase": struct([["ask", ask], ["ranges", logRanges]]),
  "xf/snapshot": struct([["ask", ask], ["state", state]]),
  "xf/grant": struct([["ask", ask], ["right", right]]),
  "xf/answer": struct([["log", key], ["size", number(8, u64, 1, max)]]),
  "xf/handover": struct([["ask", ask], ["device", key]]),
};

const contents = {
  1: target, 2: change, 3: invite, 4: key, 5: struct([["cut", prefix], ["fork", optional(fork)]]), 6: logRanges, 7: right, 8: state,
  9: struct([["role", number(1, u8, 2, 5)], ["card", signedCard]]), 10: codec(() => null, () => cat()),
};
const content = codec((r, v) => (contents[v.what] ?? refuse("body", "what is asked for")).read(r), (x, v) => contents[v.what].write(x));

export const asks = {
  "xf/join": struct([["by", proof], ["card", signedCard]]),
  "xf/leave": struct([]),
  "xf/device": struct([["device", signedDevice]]),
  "xf/ask": struct([["at", point], ["what", byte], ["content", content]]),
  "xf/erase": struct([["ranges", ranges]]),
  "xf/snapshot": struct([["state", state]]),
};

const sealed = codec((r, v) => hex(r.take({ 1: 1200, 2: 1168 }[v.kind] ?? refuse("body", "kind of a box"))), raw);
export const box = struct([["kind", byte], ["epoch", number(8, u64)], ["recipient", key], ["sealed", sealed]]);

const bodyOf = codec((r) => hex(r.take(r.uint(2))), (v) => cat(u16(raw(v).length), raw(v)));
const recordProof = struct([["type", number(1, u8, 1, 5)], ["seq", size], ["time", number(6, u48)], ["body", bodyOf], ["hashes", counted(key, 0, 64)]]);
const legProof = struct([["author", key], ["term", number(4, u32)], ["leg", number(4, u32)], ["size", size], ["root", key], ["sig", sig],
  ["begin", recordProof], ["handover", optional(recordProof)]]);
const member = struct([["device", key], ["legs", counted(legProof, 1, 32)], ["which", byte], ["record", recordProof]], (v) => v.which < v.legs.length);
const shown = { 1: member, 2: asks["xf/join"], 3: signedDevice };

export const certificate = struct([["kind", byte], ["shows", codec((r, v) => (shown[v.kind] ?? refuse("body", "kind")).read(r), (x, v) => shown[v.kind].write(x))], ["sig", sig]]);

// of returns the codec of a type, of a table above.
export const of = (table, type) => (Object.hasOwn(table, type) ? table[type] : refuse("body", `type ${type}`));

export function decode(c, b) {
  const r = new Reader(b, "body"), v = c.read(r);
  ok(r.b.length === 0, "bytes behind it");
  return v;
}
