// SPDX-License-Identifier: MPL-2.0

// A whole session of docs/xsp.md, made from what both sides hold: each has a log
// that the other lacks.

import { cat, hex, hkdf, hmac, publicKey, raw, sign, tagged, u64, u8, utf8, zeros } from "./bytes.mjs";
import { Frontier } from "./digest.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { same } from "./row.mjs";
import { deltas, itemOf, shortID, statesOf, varint } from "./sessions.mjs";
import { plain } from "./smallrows.mjs";
import { leafHash, root } from "./tree.mjs";
import { decode, encode } from "./xsp.mjs";

const none = { Term: 0, Leg: 0, Size: 0, Root: hex(zeros(32)) };

// logOf is the log of a peer: name, records and signed head.
export function logOf(s, peer) {
  const author = publicKey(raw(peer.key_seed)), log = logID(raw(s.topic_id), author, s.page_bytes, 0, 0);
  const records = peer.events.map((e) => record.encode({ type: utf8(e.type), key: utf8(e.key), payload: utf8(e.payload), time: e.time_ms, flags: 0, refs: [], id: cat() }));
  const top = root(records.map((r) => leafHash(record.leafData(record.decode(r)))));
  const text = utf8(`xaeroflux/${hex(log)}\n${records.length}\n${top.toString("base64")}\n`);
  return { author, log, size: records.length, root: top, sig: sign(raw(peer.key_seed), text), records };
}

export function offerOf(s, dialer) {
  const proof = (key, label) => hex(hmac(hkdf(raw(key), label), u8(dialer ? 1 : 0), raw(s.topic_id), raw(s.binding)));
  return { Lobby: proof(s.lobby_key, "xaeroflux lobby proof v1"), Join: proof(s.join_key, "xaeroflux join proof v2").slice(0, 32), Partial: false, Mark: hex(zeros(16)) };
}

// standing is what PEAKS and SYNC_DONE say of logs that are held.
function standing(logs) {
  const f = new Frontier();
  for (const l of logs) f.change(1, l.log, BigInt(l.size), l.root);
  return { Topic: 0, Roster: none, Logs: f.count, Digest: hex(f.digest()) };
}

const events = (s, l) => ({
  Topic: 0, Log: hex(l.log), Author: hex(l.author), PageBytes: s.page_bytes, Kind: 0, Number: 0, First: 0, Count: l.size,
  Head: { Size: l.size, Root: hex(l.root), Sig: hex(l.sig) }, Right: [], Records: hex(cat(...l.records)),
});

const diff = (body) => ({ Topic: 0, Rung: 3, More: false, Part: false, Body: hex(body), Entries: [] });

// roundOf is round 1, which the dialer leads, with an item for its one log; the other answers for both.
export function roundOf(s, ada, ben) {
  const salt = tagged("xaeroflux sketch salt v1", raw(s.binding), raw(s.topic_id), u64(1)).subarray(0, 16);
  const item = itemOf(salt, ada.log, ada.size, ada.root), short = [ada, ben].map((l) => shortID(salt, l.log));
  const items = cat(u8(3), varint(1n), salt, ...deltas([item]));
  const states = statesOf([{ id: short[0], size: 0n }, { id: short[1], size: BigInt(ben.size) }]);
  return { salt, item, short, items, states, answer: cat(u8(4), varint(1n), states) };
}

// session lists [who, type, fields] of each message; of HELLO it takes from the frame what each side is free to say.
export function session(s, hellos) {
  const [ada, ben] = s.peers.map((p) => logOf(s, p)), [a, b] = s.peers.map((p) => p.name), r = roundOf(s, ada, ben), done = { ...standing([ada, ben]), Ask: false, Leaves: false };
  const hello = (i) => {
    const { Caps, MaxFrame, MaxPages } = hellos[i];
    return { Version: 2, Peer: s.peers[i].peer, Caps, MaxFrame, MaxPages, More: false, Offers: [offerOf(s, i === 0)] };
  };
  return [
    [a, "HELLO", hello(0)], [b, "HELLO", hello(1)], [b, "PEAKS", standing([ben])], [a, "PEAKS", standing([ada])], [a, "DIFF", diff(r.items)], [b, "DIFF", diff(r.answer)],
    [b, "EVENTS", events(s, ben)], [a, "EVENTS", events(s, ada)], [a, "SYNC_DONE", done], [b, "SYNC_DONE", done],
  ];
}

export const helloFields = (messages) => messages.slice(0, 2).map((m) => decode(raw(m.frame).subarray(4)).fields);

export function checkExample(file) {
  file.note("comment");
  const { messages } = file.value;
  file.one("session", (row) => {
    const s = plain(row);
    same(session(s, helloFields(messages)).map(([from, type, fields]) => [from, type, hex(encode(type, fields))]), messages.map((m) => [m.from, m.type, m.frame]));
  });
  file.each("messages", (row, i) => {
    const [from, type, fields] = session(file.value.session, helloFields(messages))[i];
    same([row.from, row.type, row.frame], [from, type, hex(encode(type, fields))]);
  });
}
