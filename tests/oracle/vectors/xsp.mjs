// SPDX-License-Identifier: MPL-2.0

// The messages of docs/xsp.md.

import { cat, hex, raw } from "./bytes.mjs";
import { bin, bool, codec, fixed, hashes, list, readFields, str, struct, uint, Values, writeArray, writeUint } from "./msgpack.mjs";
import { need, refuse, refuses, same } from "./row.mjs";

const max32 = 2 ** 32 - 1, max64 = 2n ** 64n - 1n, size = uint(2 ** 48 - 1), hash = fixed(32), topic = ["Topic", uint(max32)], log = ["Log", hash];
const short = 2048, hello = 80 * 1024, long = 2 ** 20, events = 35 * 2 ** 19;
const rising = (v, of = (x) => x) => v.every((x, i) => i === 0 || of(v[i - 1]) < of(x));
const zeroHash = "0".repeat(64);

const pageSize = codec((r) => 2 ** r.uint(16), (n) => writeUint(Math.log2(n)));
const logName = [["Author", hash], ["PageBytes", pageSize], ["Kind", uint(2)], ["Number", uint(max64)]];
const head = struct([["Size", size], ["Root", hash], ["Sig", fixed(64)]]);
const state = struct([log, ...logName, ["Size", size], ["Pages", size], ["Head", head], ["End", uint(2 ** 48 + 1)]]);
const positionFields = [["Term", uint(max32)], ["Leg", uint(max32)], ["Size", uint(2 ** 48 - 1, 1)], ["Root", hash]];
const position = codec(readPosition, (p) => (p.Size === 0 ? writeArray(0) : struct(positionFields).write(p)));
const offers = list(1024, struct([["Lobby", hash], ["Join", fixed(16)], ["Partial", bool]], [["Mark", fixed(16), "0".repeat(32)]]));
const capability = struct([["Name", str(32, 1)], ["Param", bin(64)]]);
const caps = list(32, capability, (v) => rising(v, (c) => hex(Buffer.from(c.Name))));
const padding = bin(256, (b) => b.every((c) => c === 0));
const images = codec(readImages, (v) => cat(writeArray(3 * v.length), ...v.flatMap((i) => [i.Skip, i.Pages, i.Bytes].map(writeUint))));
const end = [["Code", uint(65535)], ["Text", str(512)]];
const records = [["First", size], ["Count", uint(max32)], ["Head", head]];

function readPosition(r) {
  const n = r.array();
  if (n === 0) return { Term: 0, Leg: 0, Size: 0, Root: zeroHash };
  need(n >= 4, "malformed", "a position");
  const p = readFields(r, positionFields);
  r.skip(n - 4);
  return p;
}

function readImages(r) {
  const n = r.array();
  need(n <= 3 * 65536, "too long", "images");
  need(n % 3 === 0, "malformed", "images");
  return Array.from({ length: n / 3 }, () => ({ Skip: r.uint(65536), Pages: r.uint(65536), Bytes: r.uint(4 * 65536) }));
}

function recordsFlaw(m) {
  const bytes = m.Records.length / 2;
  return m.Count > Math.floor(bytes / 12) || (m.Count === 0 && bytes > 0) || m.First + m.Count > m.Head.Size;
}

function pagesFlaw(m) {
  if (m.EndSeq < m.FirstSeq || m.EndSeq > m.Head.Size || m.EndSeq - m.FirstSeq > m.Count * m.PageBytes / 12) return true;
  let at = 0;
  return m.Images.some((i) => {
    at += i.Skip + i.Pages;
    return i.Pages === 0 || at > m.Count || i.Bytes < 36 || i.Bytes >= 4 * m.PageBytes;
  });
}

// messages: name, type, longest body, fields, and what makes the whole malformed.
const messages = [
  ["HELLO", 1, hello, [["Version", uint(65535)], ["Peer", hash], ["Caps", caps], ["MaxFrame", uint(max32)], ["MaxPages", uint(max32)], ["More", bool], ["Offers", offers]]],
  ["TOPICS", 2, hello, [["Answers", uint(max32)], ["More", bool], ["Offers", offers]]],
  ["LEAVE", 3, short, [topic]],
  ["CERTIFICATE", 4, hello, [topic, ["Sealed", bin(65536, (b) => b.length > 0)]]],
  ["PING", 5, short, [["Nonce", uint(max64)], ["Padding", padding]]],
  ["PONG", 6, short, [["Nonce", uint(max64)], ["Padding", padding]]],
  ["ERROR", 11, short, end],
  ["BYE", 12, short, end],
  ["PEAKS", 16, long, [topic, ["Roster", position], ["Logs", size], ["Digest", hash]]],
  ["DIFF", 17, long, [topic, ["Rung", uint(3, 1)], ["More", bool], ["Part", bool], ["Body", bin(long - 1024)], ["Entries", list(4096, state)]]],
  ["EVENTS", 18, events, [topic, log, ...logName, ...records, ["Right", hashes(128)], ["Records", bin(events)]], recordsFlaw],
  ["SYNC_DONE", 19, long, [topic, ["Roster", position], ["Logs", size], ["Digest", hash], ["Ask", bool], ["Leaves", bool]]],
  ["SUBSCRIBE", 20, long, [topic, ["Names", hashes(4096, rising)]]],
  ["FORK", 21, long, [topic, ["Proof", bin(8192)]]],
  ["PAGE_REQUEST", 22, long, [topic, log, ["From", size], ["Count", size], ["Tail", bool]]],
  ["PAGE_RESPONSE", 23, long, [log, ["From", size], ["Count", uint(65536)], ["FirstSeq", size], ["EndSeq", size], ["PageBytes", pageSize], ["Head", head],
    ["Right", hashes(128)], ["More", bool], ["Images", images]], pagesFlaw],
  ["RANGE_REQUEST", 24, long, [topic, log, ["From", size], ["To", size], ["Newest", bool], ["Limit", size]], (m) => m.To > 0 && m.To < m.From],
  ["RANGE_RESPONSE", 25, events, [log, ...logName, ...records, ["Left", hashes(64)], ["Right", hashes(128)], ["Records", bin(events)]], recordsFlaw],
  ["PROOF_REQUEST", 26, long, [topic, log, ["Seq", size], ["Size", size]]],
  ["PROOF_RESPONSE", 27, long, [topic, log, ["Seq", size], ["Head", head], ["Hashes", hashes(64)], ["Leaf", bin(2048)]]],
  ["PEERS", 48, long, [topic, ["Addresses", list(64, str(256))]]],
  ["COSIGN_REQUEST", 56, long, [topic, log, ["Size", size], ["Root", hash]]],
  ["COSIGN_RESPONSE", 57, long, [topic, log, ["Size", size], ["Root", hash], ["Witness", hash], ["Time", size], ["Sig", fixed(64)]]],
  ["OPEN", 80, hello, [["Capability", str(32, 1)], ["Param", bin(4096)]]],
  ["HAVE", 144, long, [topic, ["Logs", list(1024, struct([log, ["Size", size]]))]]],
  ["PRUNE", 145, long, [topic]],
  ["GRAFT", 146, long, [topic, ["Logs", list(1024, struct([log, ["Size", size], ["Pages", size]]))]]],
  ["PRESENCE", 208, short, [topic, ["Capability", str(32, 1)], ["Data", bin(1024)]]],
].map(([name, type, limit, fields, flaw = () => false]) => ({ name, type, limit, fields, flaw }));

// encode writes the frame of a message, of a type by its name or its row above.
export function encode(type, v) {
  const m = messages.find((x) => x === type || x.name === type), body = cat(writeArray(1 + m.fields.length), writeUint(m.type), ...m.fields.map(([name, c]) => c.write(v[name])));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return cat(length, body);
}

// fieldsOf are the bytes of each field of a message.
export const fieldsOf = (type, v) => messages.find((x) => x.name === type).fields.map(([name, c]) => c.write(v[name]));

export function decode(body) {
  const r = new Values(body);
  const count = r.fields(1), type = r.uint(65535);
  need(type !== 0, "malformed", "type 0");
  const m = messages.find((x) => x.type === type);
  need(body.length <= (m?.limit ?? long), "too long", "body");
  if (!m && type < 128) refuse("unknown type", type);
  const known = m?.fields ?? [];
  need(count >= known.length, "malformed", `${count} fields`);
  const fields = readFields(r, known);
  r.skip(count - known.length);
  need(!m?.flaw(fields), "malformed", "numbers that do not agree");
  need(r.b.length === 0, "malformed", "bytes behind it");
  return { name: m?.name, fields };
}

function checkGood(row, seen) {
  const m = messages.find((x) => x.name === row.type), fields = plain(row.fields);
  same(Object.keys(fields).sort(), m.fields.map(([name]) => name).sort());
  same(hex(encode(m, fields)), row.frame);
  const frame = raw(row.frame), body = frame.subarray(4);
  same(frame.readUInt32BE(0), body.length);
  same(decode(body), { name: row.type, fields });
  for (let n = 0; n < body.length; n += 1 + (n >> 5)) refuses(() => decode(body.subarray(0, n)), "malformed");
  refuses(() => decode(cat(body, Buffer.alloc(1))), "malformed");
  same(decode(more(body)), { name: row.type, fields }); // a later version's field
  seen.add(row.type);
}

// more is a body with one field more.
function more(body) {
  same(body[0] >= 0x91 && body[0] <= 0x9e, true);
  return cat(Buffer.from([body[0] + 1]), body.subarray(1), Buffer.from([0x91, 0xc0]));
}

// plain reads all of a value.
const plain = (v) => (Array.isArray(v) ? v.map(plain) : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v);

export function checkXSP(file) {
  const seen = new Set();
  file.note("comment");
  file.each("good", (row) => checkGood(row, seen));
  file.each("bad", (row) => {
    same(typeof row.what, "string");
    refuses(() => decode(raw(row.body)), row.error);
  });
  for (const m of messages) if (!seen.has(m.name)) file.flaws.push(`${file.name}: no good ${m.name}`);
}
