// SPDX-License-Identifier: MPL-2.0

// The vectors of docs/roster.md.

import * as bodies from "./bodies.mjs";
import { cat, hex, raw, Reader, sha256, tagged, u8, utf8, verify } from "./bytes.mjs";
import { choose, foldTo, summary, verifyBody } from "./fold.mjs";
import * as genesis from "./genesis.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { need, refuses, same } from "./row.mjs";
import { leafHash, root, verifyInclusion } from "./tree.mjs";

// longBytes is the long string of bytes of a name.
function longBytes(name, n) {
  const blocks = Array.from({ length: Math.ceil(n / 32) }, (_, i) => sha256(utf8(`${name} ${i}`)));
  return hex(cat(...blocks).subarray(0, n));
}

// spelled returns a value with the names of long bytes written out.
function spelled(v) {
  if (typeof v === "string") {
    const m = /^bytes:(.*):([0-9]+)$/.exec(v);
    return m ? longBytes(m[1], Number(m[2])) : v;
  }
  if (Array.isArray(v)) return v.map(spelled);
  return v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, spelled(x)])) : v;
}

export const recordLeaf = (type, time, body) =>
  leafHash(record.leafData(record.decode(record.encode({ type: utf8(type), key: cat(), payload: body, time, flags: 0, refs: [], id: cat() }))));

function checkBody(c, row) {
  const fields = spelled(row.fields), body = raw(row.body);
  same(hex(c.write(fields)), row.body);
  const got = bodies.decode(c, body);
  same(got, fields);
  for (let n = 0; n < body.length; n += 1 + (n >> 6)) refuses(() => bodies.decode(c, body.subarray(0, n)), "body");
  refuses(() => bodies.decode(c, cat(body, u8(0))), "body");
  return got;
}

function checkRecord(row, topic, g) {
  const c = bodies.of(bodies.records, row.type), body = raw(row.body);
  const v = row.type === "xf/genesis" ? bodies.decode(c, body) : checkBody(c, row);
  same([v, hex(c.write(v))], [spelled(row.fields), row.body]);
  if (row.type === "xf/genesis") genesis.parse(body);
  else same(verifyBody(row.type, v, topic, g), true);
  same(hex(recordLeaf(row.type, row.time, body)), row.leaf);
}

// verifyRecordProof checks that a record is in a leg.
function verifyRecordProof(p, leg) {
  const type = ["", "genesis", "begin", "admit", "device", "handover"][p.type], body = raw(p.body);
  need(verifyInclusion(recordLeaf(`xf/${type}`, p.time, body), p.seq, leg.size, p.hashes.map(raw), raw(leg.root)), "certificate", `record ${p.seq}`);
  return { type: `xf/${type}`, v: bodies.decode(bodies.records[`xf/${type}`], body) };
}

const legLog = (topic, leg) => logID(topic, raw(leg.author), 4096, 1, BigInt(leg.term) << 32n | BigInt(leg.leg));

// checkBegin checks that a leg begins as the roster does, with a term, or with a leg that the verifier holds.
function checkBegin(leg, { type, v }, topic, g) {
  if (type === "xf/genesis") {
    need(raw(v.body).equals(genesis.encode(g)) && leg.author === hex(g.steward) && leg.term === 0 && leg.leg === 0, "certificate", "genesis");
    return;
  }
  need(type === "xf/begin", "certificate", "record 0");
  need(v.term === null || (verifyBody(type, v, topic, g) && leg.leg === 0 && v.term.term === leg.term && v.term.steward === leg.author), "certificate", "term record");
}

// checkLegs checks that each leg continues the one before, and is signed.
function checkLegs(legs, topic, g) {
  legs.forEach((leg, i) => {
    const text = utf8(`xaeroflux/${hex(legLog(topic, leg))}\n${leg.size}\n${raw(leg.root).toString("base64")}\n`);
    need(verify(raw(leg.author), text, raw(leg.sig)), "certificate", "head of a leg");
    const first = verifyRecordProof(leg.begin, leg);
    need(leg.begin.seq === 0, "certificate", "record 0");
    checkBegin(leg, first, topic, g);
    if (i === 0) return;
    need(first.type === "xf/begin", "certificate", "genesis behind another leg");
    const before = legs[i - 1], { term, before: whole } = first.v, named = term ? term.last : whole;
    same([named.log, named.size, named.root], [hex(legLog(topic, before)), before.size, before.root]);
    if (term !== null) return;
    need(before.handover !== null && leg.term === before.term && leg.leg === before.leg + 1, "certificate", "no handover");
    const h = verifyRecordProof(before.handover, before);
    need(h.type === "xf/handover" && h.v.device === leg.author && before.handover.seq === before.size - 1, "certificate", "handover");
  });
}

// shown returns the key of the device that a certificate is about, once what it shows is checked.
function shown({ kind, shows }, topic, g) {
  if (kind === 1) {
    checkLegs(shows.legs, topic, g);
    const { type, v } = verifyRecordProof(shows.record, shows.legs[shows.which]);
    need((type === "xf/admit" || type === "xf/device") && verifyBody(type, v, topic, g), "certificate", "admission");
    same((type === "xf/admit" ? v.card : v.device).card.device, shows.device);
    return shows.device;
  }
  // The invite of the one, and the signer of the other, are the fold's to know.
  const [type, v] = kind === 2 ? ["xf/admit", shows] : ["xf/device", { device: shows }];
  need(verifyBody(type, v, topic, g), "certificate", "signatures");
  return shows.card.card?.device ?? shows.card.device;
}

function checkCertificate(row) {
  const body = raw(row.body), g = genesis.parse(raw(row.genesis)), topic = genesis.topicID(raw(row.genesis));
  same([typeof row.what, hex(topic)], ["string", row.topic]);
  const c = bodies.decode(bodies.certificate, body);
  same(hex(bodies.certificate.write(c)), row.body);
  const message = (role) => tagged("xaeroflux certificate v1", topic, u8(role), raw(row.binding), body.subarray(0, -64));
  const device = raw(shown(c, topic, g));
  same([0, 1].map((role) => verify(device, message(role), raw(c.sig))), [row.role === 0, row.role === 1]);
  for (let n = 0; n < body.length; n += 97) refuses(() => bodies.decode(bodies.certificate, body.subarray(0, n)), "body");
  refuses(() => bodies.decode(bodies.certificate, cat(body, u8(0))), "body");
}

const codecs = {
  roster: (type) => bodies.of(bodies.records, type),
  data: (type) => bodies.of(bodies.asks, type),
  box: (type) => bodies.of({ "xf/box": bodies.box }, type),
  certificate: (type) => bodies.of({ "": bodies.certificate }, type),
};

function checkEdge(row) {
  const c = codecs[row.kind](row.type);
  same([typeof row.what, hex(c.write(bodies.decode(c, raw(row.body))))], ["string", row.body]);
}

// checkRefused: the good body is one, and with one edit it is not.
function checkRefused(row) {
  const c = codecs[row.kind](row.type), good = raw(row.good);
  same([typeof row.what, hex(c.write(bodies.decode(c, good))), row.at + row.cut <= good.length], ["string", row.good, true]);
  refuses(() => bodies.decode(c, cat(good.subarray(0, row.at), raw(row.put), good.subarray(row.at + row.cut))), "body");
}

// edits are rows of their own, each with what its group says.
function edits(groups) {
  for (const g of groups) same(Object.keys(g), ["kind", "type", "good", "bad"]);
  return groups.flatMap(({ bad, ...group }) => bad.map((e) => ({ ...group, ...e })));
}

function checkRoster(row) {
  const body = raw(row.genesis), g = genesis.parse(body), topic = genesis.topicID(body);
  same(hex(topic), row.topic);
  same(typeof row.name, "string");
  const legs = row.legs.map((l) => ({ author: l.author, term: l.term, leg: l.leg, log: l.log, records: l.records.map((r) => ({ type: r.type, time: r.time, body: r.body })) }));
  for (const l of legs) {
    same(hex(logID(topic, raw(l.author), 4096, 1, BigInt(l.term) << 32n | BigInt(l.leg))), l.log);
    for (const r of l.records) r.leaf = recordLeaf(r.type, r.time, raw(r.body));
    l.rootAt = (n) => hex(root(l.records.slice(0, n).map((r) => r.leaf)));
  }
  row.legs.forEach((l, i) => same(legs[i].rootAt(l.records.length), l.root));
  row.legs.forEach((l, i) => same(foldTo(legs, legs[i], topic, g).voids, l.records.map((r) => r.void)));
  const { legs: _, genesis: __, topic: ___, name: ____, ...want } = row;
  same(summary(choose(legs, topic, g)), spelled(want));
}

// isName is the rule of "Names".
export const isName = (s) =>
  utf8(s).length <= 64 && /^(?![\p{M} ])[\p{L}\p{M}\p{N}\p{P}\p{S} ]+(?<! )$/u.test(s) && !/  |\u2800|\p{Default_Ignorable_Code_Point}/u.test(s);

// parseName reads the body of an xf/name.
function parseName(b) {
  const r = new Reader(b, "body"), kind = r.uint(1), rest = r.take(r.b.length);
  need(kind === 1 || kind === 2, "body", "kind");
  if (kind === 2) {
    need(rest.length > 0 && rest.length <= 1024, "body", "length");
    return { kind, name: "", sealed: hex(rest) };
  }
  const name = rest.toString();
  need(utf8(name).equals(rest) && (name === "" || isName(name)), "body", "name");
  return { kind, name, sealed: "" };
}

function checkName(row) {
  same(parseName(raw(row.body)), { kind: row.kind, name: row.name, sealed: row.sealed });
}

export function checkRosters(file) {
  file.note("note");
  file.note("genesis");
  const g = genesis.parse(raw(file.value.genesis)), topic = genesis.topicID(raw(file.value.genesis));
  file.one("topic", (row) => same(hex(topic), row));
  file.each("records", (row) => checkRecord(row, topic, g));
  file.each("asks", (row) => checkBody(bodies.of(bodies.asks, row.type), row));
  file.each("boxes", (row) => {
    same(row.type, "xf/box");
    checkBody(bodies.box, row);
  });
  file.each("names", checkName);
  file.each("bad_names", (body) => refuses(() => parseName(raw(body)), "body"));
  file.each("terms", (row) => {
    const t = spelled(row.fields);
    same(hex(tagged(t.by === 2 ? "xaeroflux term v1" : "xaeroflux succession v1", topic, bodies.termSigned.write(t))), row.hash);
    same(verifyBody("xf/begin", { before: null, term: t }, topic, g), true);
    same(bodies.decode(bodies.term, bodies.term.write(t)), t);
  });
  file.each("certificates", checkCertificate);
  file.each("rosters", checkRoster);
  file.each("edges", checkEdge);
  file.each("strange_types", (type) => refuses(() => bodies.of(bodies.records, type), "body"));
  file.each("refused", checkRefused, edits(file.value.refused));
}
