// SPDX-License-Identifier: MPL-2.0

// The sections "Worked examples" of docs/xsp.md and docs/roster.md.

import * as bodies from "./bodies.mjs";
import { cat, hex, raw, u16, u48, u64, u8, utf8 } from "./bytes.mjs";
import { helloFields, logOf, roundOf, session } from "./example.mjs";
import { block, head } from "./examples.mjs";
import { writeArray, writeUint } from "./msgpack.mjs";
import * as record from "./record.mjs";
import { leafHash } from "./tree.mjs";
import { encode, fieldsOf } from "./xsp.mjs";

// begin is the front of a frame: its length, and array and type.
const begin = (frame) => [["length of the body", frame.subarray(0, 4)], ["array, type", frame.subarray(4, frame[5] < 128 ? 6 : 7)]];

// messageOf is [name, bytes] of a frame's parts; names are those of the fields in their order, "" for one that is left to parts.
function messageOf(type, v, names, parts = {}) {
  const frame = encode(type, v), fields = fieldsOf(type, v);
  if (fields.length !== names.length) throw new Error(`${type} has ${fields.length} fields`);
  const lines = names.flatMap((n, i) => parts[n] ?? [[n, fields[i]]]);
  const whole = cat(...begin(frame).map(([, b]) => b), ...lines.map(([, b]) => b));
  if (!whole.equals(frame)) throw new Error(`the parts of ${type} are not all of it`);
  return [...begin(frame), ...lines, ["frame", frame]];
}

const bin = (b) => cat(Buffer.from([0xc4, b.length]), b);

function helloLines(v) {
  const [o] = v.Offers;
  return messageOf("HELLO", v, ["version", "peer", "capabilities: SYNC", "max frame", "max pages", "more", "offers"], {
    offers: [["offers: 1, of 3 fields", cat(writeArray(1), writeArray(3))], ["lobby proof", bin(raw(o.Lobby))], ["join proof", bin(raw(o.Join))], ["partial", Buffer.from([0xc2])]],
  });
}

const peaks = ["topic", "roster: none", "logs", "digest"];

function diffLines(v) {
  const body = raw(v.Body);
  return messageOf("DIFF", v, ["topic", "rung", "more", "part", "body", "entries: none"], { body: [["body", bin(body)]] });
}

function eventsLines(v, l) {
  const parts = {
    head: [["head: size", cat(writeArray(3), writeUint(l.size))], ["root", bin(l.root)], ["signature", bin(l.sig)]],
    records: [["records", cat(Buffer.from([0xc4, l.records.reduce((n, r) => n + r.length, 0)]), l.records[0])], ...l.records.slice(1).map((r) => ["", r])],
  };
  return messageOf("EVENTS", v, ["topic", "log", "author", "log₂ of page bytes", "kind", "number", "first", "count", "head", "right: no hashes", "records"], parts);
}

// wrapped are the lines of a text.
function wrapped(text, width = 116) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length >= width) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines.join("\n");
}

// xspExamples is the section of docs/xsp.md.
export function xspExamples({ "example.json": { session: s, messages } }) {
  const all = session(s, helloFields(messages)), of = (from, type, n = 0) => all.filter(([f, t]) => f === from && t === type)[n][2];
  const [ada, ben] = s.peers.map((p) => logOf(s, p)), r = roundOf(s, ada, ben);
  const texts = s.peers.map((p) => p.events.map((e) => `\`${e.payload}\``).join(" and "));
  const answer = of("Ben", "DIFF");
  return [
    head("xsp"),
    wrapped(`Ada dialed Ben. Both are in one topic, of pages of ${s.page_bytes} bytes, and never met before. Ada's log holds two events of type \`note\` and key \`k1\`, ` +
      `${texts[0]}; Ben's holds one without a key, ${texts[1]}. Nothing is held of the roster. The whole session is in \`example.json\`.`),
    block([
      ["channel binding", s.binding], ["topic id", s.topic_id], ["lobby key", s.lobby_key], ["join key", s.join_key],
      ["Ada's author key", ada.author], ["Ada's log", ada.log], ["root of its 2 leaves", ada.root], ["Ben's author key", ben.author], ["Ben's log", ben.log], ["root of its leaf", ben.root],
    ]),
    "Ada's HELLO, with one offer, of topic 0. Ben's has his peer id, and other proofs.",
    block(helloLines(of("Ada", "HELLO"))),
    "Ada's PEAKS: one log, and the digest of it.",
    block(messageOf("PEAKS", of("Ada", "PEAKS"), peaks)),
    wrapped("Both stated one log, and their digests differ, so the dialer leads round 1. She states her log at rung 3, as one item costs less than a sketch."),
    block([
      ["salt", r.salt], ["short id of Ada's log", `0x${r.short[0].toString(16)}`], ["item", `0x${r.item.toString(16)}`], ["kind, round", r.items.subarray(0, 2)], ["salt", r.salt],
      ["item, as a varint", r.items.subarray(18)], ...diffLines(of("Ada", "DIFF")),
    ]),
    "Ben answers: of Ada's log he holds nothing, of his own one event. Two short states, by increasing id.",
    block([
      ["short id of Ben's log", `0x${r.short[1].toString(16)}`], ["kind, round", r.answer.subarray(0, 2)], ["states", r.states], ...diffLines(answer),
    ]),
    "Ada's EVENTS: all of her log, so that there is nothing to the right of it. Ben sends his in the same way.",
    block(eventsLines(of("Ada", "EVENTS"), ada)),
    "SYNC_DONE, once that is stored: two logs and the digest of both. Both say the same.",
    block(messageOf("SYNC_DONE", of("Ada", "SYNC_DONE"), [...peaks, "ask", "leaves"])),
  ].join("\n\n");
}

// rosterExamples is the section of docs/roster.md.
export function rosterExamples({ "roster.json": { records } }) {
  const row = records.find((x) => x.type === "xf/role"), v = row.fields, body = bodies.records["xf/role"].write(v);
  const e = { type: utf8(row.type), key: cat(), payload: body, time: row.time, flags: 0, refs: [], id: cat() };
  const bytes = record.encode(e), leaf = record.leafData(record.decode(bytes));
  return [
    head("roster"),
    wrapped(`A \`role\`, asked for by event ${v.ask.seq} of a log: the account is a ${["", "owner", "admin", "writer", "reader", "replica"][v.change.role]} from here on. ` +
      `It writes no more, so two logs are cut, at ${v.cuts[0].size} events and at ${v.cuts[1].size}. The record's time is ${row.time} ms after 1970.`),
    block([
      ["ask: log", v.ask.log], ["sequence", u64(v.ask.seq)], ["account", v.change.account], ["role", u8(v.change.role)], ["number of cuts", u16(v.cuts.length)],
      ...v.cuts.flatMap((c) => [["cut: log", c.log], ["size", u64(c.size)], ["root", c.root]]), ["body", body],
      ["record: header", bytes.subarray(0, 6)], ["time", u48(row.time)], ["type", bytes.subarray(12, 12 + row.type.length)], ["leaf hash", leafHash(leaf)],
    ]),
  ].join("\n\n");
}
