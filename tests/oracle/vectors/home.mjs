// SPDX-License-Identifier: MPL-2.0

// The vectors of docs/home.md: what the devices of a person tell each other.

import * as bodies from "./bodies.mjs";
import { cat, hex, hkdf, isZero, publicKey, raw, Reader, tagged, u16, u64, u8, utf8, verify, zeros } from "./bytes.mjs";
import { verifyBody } from "./fold.mjs";
import * as genesis from "./genesis.mjs";
import { accountKey } from "./identity.mjs";
import { checkPeer, printable } from "./invite.mjs";
import { need, Refused, refuse, refuses, same } from "./row.mjs";
import { isName } from "./roster.mjs";
import * as texts from "./texts.mjs";

const ok = (is, what) => need(is, "home", what);

// inside has what another page refuses be no event of a home topic.
function inside(fn) {
  try {
    return fn();
  } catch (e) {
    if (e instanceof Refused) refuse("home", e.message);
    throw e;
  }
}

// begin takes the version off.
function begin(b) {
  const r = new Reader(b, "home");
  ok(r.uint(1) === 1, "version");
  return r;
}

const end = (r, v) => {
  ok(r.b.length === 0, "bytes behind it");
  return v;
};

// rest returns what a body of docs/roster.md says, which is all that is left.
const rest = (c, r) => inside(() => bodies.decode(c, r.b));

function parseRoot(b) {
  const r = begin(b);
  return end(r, { kem: r.take(1216), signature: r.take(64) });
}

function parseStatement(b) {
  const r = begin(b), flags = r.uint(1);
  ok(flags < 16 && (!(flags & 4) || flags & 2), "flags");
  const v = { default: (flags & 1) !== 0, left: (flags & 8) !== 0, genesis: r.take(r.uint(2)), lobby: r.take(32), join: r.take(32) };
  const g = inside(() => genesis.parse(v.genesis));
  ok(tagged("xaeroflux lobby key v1", v.lobby).equals(g.lobbyHash), "lobby key");
  ok(!(g.policy & 2) || tagged("xaeroflux join key v1", v.join).equals(g.joinHash), "join key");
  const p = r.uint(1);
  ok(p === 0 || p === 46, "length of a position");
  v.roster = r.take(p);
  if (p > 0) inside(() => genesis.parsePosition(v.roster));
  v.named_ms = r.uint(8);
  const name = r.take(r.uint(1));
  v.name = inside(() => printable(name));
  v.account = flags & 2 ? r.take(32) : zeros(32);
  ok(!(flags & 2) || !isZero(v.account), "account");
  v.box = r.take(flags & 4 ? 1168 : 0);
  const n = r.uint(1);
  ok(n <= 8, "places");
  v.places = Array.from({ length: n }, () => ({ peer: hex(r.take(32)), place: r.take(r.uint(2)).toString() }));
  inside(() => v.places.forEach(checkPeer));
  return end(r, v);
}

function encodeStatement(v) {
  const name = utf8(v.name), flags = (v.default ? 1 : 0) | (isZero(v.account) ? 0 : 2) | (v.box.length > 0 ? 4 : 0) | (v.left ? 8 : 0);
  return cat(u8(1), u8(flags), u16(v.genesis.length), v.genesis, v.lobby, v.join, u8(v.roster.length), v.roster, u64(v.named_ms), u8(name.length), name,
    flags & 2 ? v.account : "", v.box, u8(v.places.length), ...v.places.map((p) => cat(raw(p.peer), u16(utf8(p.place).length), p.place)));
}

const claim = { read: (r) => ({ card: bodies.deviceCard.read(r), sig: hex(r.take(64)) }) };

const parseCard = (b) => rest(claim, begin(b));

function parseGrant(b) {
  const r = begin(b), v = { number: r.uint(8), id: r.take(32), secret: r.take(32), join: r.take(32), readers: r.take(32) };
  ok(!isZero(v.join), "join key");
  const id = tagged("xaeroflux epoch v1", v.secret, u64(v.number), tagged("xaeroflux join key v1", v.join), v.readers);
  ok(isZero(v.secret) || id.equals(v.id), "epoch id");
  return { ...v, device: rest(bodies.signedDevice, r) };
}

function parsePetname(b) {
  const r = begin(b), v = { account: r.take(32), given_ms: r.uint(8) }, name = r.take(r.uint(1));
  v.name = name.toString();
  ok(utf8(v.name).equals(name) && (v.name === "" || isName(v.name)), "name");
  return end(r, v);
}

function parseKey(b) {
  const r = begin(b);
  return end(r, { device: r.take(32), signature: r.take(64) });
}

const parseGone = (b) => end(begin(b), {});

const parsers = { root: parseRoot, topic: parseStatement, card: parseCard, device: parseGrant, petname: parsePetname, key: parseKey, gone: parseGone };

// homeOf derives the home topic from its words.
function homeOf(words) {
  const b = texts.parsePhrase(words), owner = publicKey(accountKey(hkdf(b, "xaeroflux home account v1")));
  const body = genesis.encode({
    policy: 29, pageLog: 0, owner, steward: zeros(32), salt: hkdf(b, "xaeroflux home salt v1").subarray(0, 16),
    lobbyHash: tagged("xaeroflux lobby key v1", hkdf(b, "xaeroflux home lobby key v1")), retention: 0, days: 0, need: 0, successors: [],
  });
  return { owner, id: genesis.topicID(body) };
}

const hexes = (v, ...names) => Object.fromEntries(names.map((n) => [n, hex(v[n])]));

// said is what the fields of a row say, and checks what is signed.
const said = {
  root(v, key, home) {
    same([key.length, verify(home.owner, tagged("xaeroflux home root v1", home.id, v.kem), v.signature)], [0, true]);
    return hexes(v, "kem", "signature");
  },
  topic(v, key, home, payload) {
    same([hex(key), hex(encodeStatement(v))], [hex(genesis.topicID(v.genesis)), hex(payload)]);
    return {
      ...hexes(v, "genesis", "lobby", "join", "account", "box", "roster"), default: v.default, left: v.left, name: v.name, named_ms: v.named_ms,
      places: v.places.map((p) => `${p.peer}@${p.place}`),
    };
  },
  card(v, key) {
    same(verify(raw(v.card.device), tagged("xaeroflux added device v1", key, bodies.deviceCard.write(v.card)), raw(v.sig)), true);
    return { account: v.card.account, device: v.card.device };
  },
  key(v, key, home) {
    same(verify(v.device, tagged("xaeroflux home device v1", home.id, key, home.author), v.signature), true);
    return hexes(v, "device", "signature");
  },
  gone: () => ({}),
  petname: (v) => ({ ...hexes(v, "account"), given_ms: v.given_ms, name: v.name }),
  device(v, key) {
    same(verifyBody("xf/device", { device: v.device }, key), true);
    return { ...hexes(v, "id", "secret", "join", "readers"), number: v.number, signer: v.device.signer, device: v.device.card.device };
  },
};

function checkEvent(row, home) {
  const key = raw(row.key), payload = raw(row.payload), v = parsers[row.type](payload);
  const { ...fields } = row.fields ?? {};
  if (fields.places) fields.places = [...fields.places];
  same(said[row.type](v, key, home, payload), fields);
  for (let n = 0; n < payload.length; n += 1 + (n >> 5)) refuses(() => parsers[row.type](payload.subarray(0, n)), "home");
}

// checkRefused: each is an event that is cut short, or longer, or of another version.
function checkRefused(row, i, events) {
  const e = events[Math.floor(i / 3)], b = raw(e.payload);
  const wrong = [b.subarray(0, -1), cat(b, u8(0)), cat(u8(2), b.subarray(1))][i % 3];
  same([row.type, row.key, row.payload], [e.type, e.key, hex(wrong)]);
  refuses(() => parsers[row.type](raw(row.payload)), "home");
}

export function checkHome(file) {
  const home = { ...homeOf(file.value.words), author: raw(file.value.author) }, events = file.value.events;
  file.note("note");
  file.one("words", (words) => same(hex(homeOf(words).id), file.value.home));
  file.note("author");
  file.one("home", (id) => same(id, hex(home.id)));
  file.each("events", (row) => checkEvent(row, home));
  file.each("refused", (row, i) => checkRefused(row, i, events));
}
