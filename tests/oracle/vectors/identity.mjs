// SPDX-License-Identifier: MPL-2.0

import { cat, hex, hkdf, hmac, publicKey, raw, sign, tagged, u32, u64, u8, utf8, verify, zeros } from "./bytes.mjs";
import * as genesis from "./genesis.mjs";
import * as invite from "./invite.mjs";
import { refuses, same } from "./row.mjs";
import * as texts from "./texts.mjs";

export const accountKey = (secret) => hkdf(secret, "xaeroflux account key v1");
export const logID = (topic, author, pageBytes, kind, number) => tagged("xaeroflux log v2", topic, author, u32(pageBytes), u8(kind), u64(number));

function genesisOf(row) {
  const g = {
    policy: row.policy, pageLog: row.page_bytes === 0 ? 0 : Math.log2(row.page_bytes), owner: raw(row.owner), steward: raw(row.steward), salt: raw(row.salt),
    lobbyHash: tagged("xaeroflux lobby key v1", raw(row.lobby)), joinHash: tagged("xaeroflux join key v1", raw(row.join)),
    retention: row.retention_days, days: row.erase_days, need: row.need, successors: row.successors.map(raw),
  };
  same([hex(g.lobbyHash), hex(g.joinHash)], [row.lobby_hash, row.join_hash]);
  same(g.pageLog === 0 ? 0 : 2 ** g.pageLog, row.page_bytes);
  return g;
}

function checkTopic(row) {
  const g = genesisOf(row), body = genesis.encode(g);
  same(hex(body), row.body);
  const parsed = genesis.parse(raw(row.body));
  same(hex(genesis.encode(parsed)), row.body);
  same([hex(genesis.topicID(body)), hex(genesis.foundingHash(g))], [row.id, row.founding]);
  for (let n = 0; n < body.length; n++) refuses(() => genesis.parse(body.subarray(0, n)), "genesis");
  checkProofs(row);
}

function checkProofs(row) {
  const position = genesis.encodePosition({ term: row.term, leg: row.leg, size: row.size, root: raw(row.root) });
  same(hex(position), row.position);
  same(hex(genesis.encodePosition(genesis.parsePosition(position))), row.position);
  const state = cat(position, u64(row.logs), raw(row.digest));
  const proof = (key, label, role, what) => hex(hmac(hkdf(raw(key), label), u8(role), raw(row.id), what, raw(row.binding)));
  ["listener", "dialer"].forEach((end, role) => {
    same(proof(row.lobby, "xaeroflux lobby proof v1", role, ""), row[`lobby_proof_${end}`]);
    same(proof(row.join, "xaeroflux join proof v2", role, "").slice(0, 32), row[`join_proof_${end}`]);
    same(proof(row.join, "xaeroflux state mark v2", role, state).slice(0, 32), row[`state_${end}`]);
  });
}

function checkSeed(row, topics) {
  const [seed, generation, body] = [raw(row.seed), raw(row.generation), raw(topics[row.topic].body)];
  const g = genesis.parse(body), id = genesis.topicID(body);
  same(hex(publicKey(hkdf(seed, "xaeroflux peer key v2", generation))), row.peer_id);
  const founding = publicKey(hkdf(seed, "xaeroflux founding key v1", generation, genesis.foundingHash(g)));
  const joined = publicKey(hkdf(seed, "xaeroflux author key v2", generation, id));
  same(hex(founding.equals(g.steward) ? founding : joined), row.author);
  same(hex(publicKey(hkdf(seed, "xaeroflux witness key v2", generation, id))), row.witness);
  same(texts.seedFile(seed), row.file);
  same(hex(texts.parseSeedFile(row.file)), row.seed);
}

function checkLog(row) {
  const number = BigInt(row.number);
  same([row.term, row.leg], [Number(number >> 32n), Number(number & 0xffffffffn)]);
  same(hex(logID(raw(row.topic), raw(row.author), row.page_bytes, row.kind, number)), row.log);
}

function checkInvite(row) {
  const position = { term: row.term, leg: row.leg, size: row.size, root: raw(row.root) };
  const v = {
    genesis: raw(row.body), lobby: raw(row.lobby), join: raw(row.join), seed: raw(row.seed), role: row.role, expires: row.expires, uses: row.uses,
    roster: row.has_roster ? genesis.encodePosition(position) : zeros(0), name: row.name, peers: row.peers.map(invite.parseAddress),
  };
  if (!row.has_roster) same([position.term, position.leg, position.size, hex(position.root)], [0, 0, 0, hex(zeros(32))]);
  same(invite.encode(v), row.invite);
  same(invite.parse(row.invite), v);
  same(invite.parse(` ${row.invite.toUpperCase()}\n`), v);
  const made = v.seed.length > 0;
  same(made ? hex(publicKey(hkdf(v.seed, "xaeroflux invite key v1"))) : "", row.key);
  same(made ? hex(hkdf(v.seed, "xaeroflux invite kem v1")) : "", row.kem_seed);
  for (let n = 1; n < row.invite.length; n += 7) refuses(() => invite.parse(row.invite.slice(0, n)), "prefix", "damaged", "truncated");
}

function checkWords(row) {
  const b = raw(row.entropy);
  same(texts.phrase(b), row.phrase);
  same(hex(texts.parsePhrase(` ${row.phrase.toUpperCase().replaceAll(" ", "\t\n")} `)), row.entropy);
  const [lobby, account] = [hkdf(b, "xaeroflux home lobby key v1"), hkdf(b, "xaeroflux home account v1")];
  same([hex(hkdf(b, "xaeroflux root kem v1")), hex(lobby), hex(account)], [row.root_kem_seed, row.lobby, row.account]);
  const body = genesis.encode({
    policy: 29, pageLog: 0, owner: publicKey(accountKey(account)), steward: zeros(32), salt: hkdf(b, "xaeroflux home salt v1").subarray(0, 16),
    lobbyHash: tagged("xaeroflux lobby key v1", lobby), retention: 0, days: 0, need: 0, successors: [],
  });
  same([hex(body), hex(genesis.topicID(body))], [row.body, row.id]);
  genesis.parse(body);
}

function checkPlace(row) {
  const { line, ...values } = row;
  same(texts.place(values), line);
  texts.parsePlace(line);
}

function checkSignature(row) {
  const message = tagged(row.tag, ...row.parts.map(raw));
  same([hex(publicKey(raw(row.seed))), hex(sign(raw(row.seed), message))], [row.public, row.signature]);
  same(verify(raw(row.public), message, raw(row.signature)), true);
}

function checkFormat(row) {
  const f = texts.parseFormat(row.text);
  if (f.version === 3) f.generation = hex(texts.openStored(raw(row.seed), utf8("FORMAT generation"), raw(f.sealed)));
  same([f.page, f.segment, f.generation, f.place], [row.page_bytes, row.segment_pages, row.generation, row.place]);
  same(texts.format(f), row.text);
}

const parsers = {
  genesis: (t) => genesis.parse(raw(t)), position: (t) => genesis.parsePosition(raw(t)), invite: invite.parse, place: texts.parsePlace, words: texts.parsePhrase,
  format: texts.parseFormat, seed: texts.parseSeedFile, address: invite.parseAddress,
};

export function checkIdentity(file) {
  file.note("note");
  file.each("topics", checkTopic);
  file.each("seeds", (row) => checkSeed(row, file.value.topics));
  file.each("logs", checkLog);
  file.each("accounts", (row) => {
    same(hex(publicKey(accountKey(raw(row.secret)))), row.key);
    same(hex(hkdf(raw(row.secret), "xaeroflux account kem v1")), row.kem_seed);
  });
  file.each("invites", checkInvite);
  file.each("words", checkWords);
  file.each("places", checkPlace);
  file.each("signatures", checkSignature);
  file.each("formats", checkFormat);
  file.each("store_sealed", (row) => {
    const [seed, place, sealed] = [raw(row.seed), raw(row.place), raw(row.sealed)];
    same(hex(texts.storeKey(seed)), row.key);
    same(hex(tagged("xaeroflux store key check v1", texts.storeKey(seed)).subarray(0, 8)), row.check);
    same(hex(texts.openStored(seed, place, sealed)), row.secret);
    same(hex(sealed.subarray(0, 12)), row.nonce);
  });
  file.each("sealed_seeds", (row) => {
    same(hex(texts.parseSeedFile(texts.openAge(raw(row.file), row.passphrase).toString())), row.seed);
  });
  file.each("addresses", (row) => same(invite.parseAddress(row.text), { peer: row.peer, place: row.place }));
  file.each("refused", (row) => {
    same([typeof row.what, utf8(row.what).length > 0], ["string", true]);
    refuses(() => parsers[row.kind](row.text), row.reason);
  });
}
