// SPDX-License-Identifier: MPL-2.0

// "Invites" and "Addresses" of docs/format.md.

import { isIPv4, isIPv6 } from "node:net";
import { base32, cat, crc32c, hex, isZero, raw, Reader, smallOrder, tagged, u16, u32, u48, u8, utf8, zeros } from "./bytes.mjs";
import * as genesis from "./genesis.mjs";
import { need, Refused, refuse } from "./row.mjs";

const label = /^[A-Za-z0-9_-]{1,63}$/;
const isName = (s) => s.split(".").every((l) => label.test(l));

// checkPlace refuses what is no place of another machine.
export function checkPlace(place) {
  const m = /^(?:(?:quic|tcp):\/\/)?(?:\[([^\]]*)\]|([^:[\]]*)):([1-9][0-9]{0,4})$/.exec(place);
  need(m && utf8(place).length <= 266, "address", `${place} is no place`);
  const [, six, host, port] = m;
  need(Number(port) <= 65535, "address", `port ${port}`);
  if (six === undefined) return need(isIPv4(host) || (host.length <= 253 && isName(host)), "address", `host ${host}`);
  const [ip, ...zone] = six.split("%");
  need(isIPv6(ip) && zone.length <= 1 && zone.every(isName), "address", `host ${six}`);
}

const checkPath = (place) => need(/^unix:\/\/\/[^\p{Cc}]*$/u.test(place) && utf8(place).length <= 266, "address", place);

// parseAddress returns peer and place; a place of this machine may have no peer.
export function parseAddress(text) {
  if (text.startsWith("unix://")) {
    checkPath(text);
    return { peer: "", place: text };
  }
  const at = text.indexOf("@");
  const [peer, place] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  need(/^[0-9a-f]{64}$/.test(peer) && !smallOrder(raw(peer)), "address", `peer ${peer}`);
  if (place.startsWith("unix://")) checkPath(place);
  else checkPlace(place);
  return { peer, place };
}

// encode writes {genesis, lobby, join, seed, role, expires, uses, roster, name, peers}; seed and roster may be empty bytes.
export function encode(v) {
  const part = (b) => cat(u8(b.length), b);
  const b = cat(u8(2), u16(v.genesis.length), v.genesis, v.lobby, v.join, part(v.seed), u8(v.role), u48(v.expires), u16(v.uses), part(v.roster),
    part(utf8(v.name)), u8(v.peers.length), ...v.peers.map((p) => cat(raw(p.peer), u16(utf8(p.place).length), p.place)));
  return `xf2${base32(cat(b, u32(crc32c(b))))}`;
}

// bytesOf undoes base32 and the checksum.
function bytesOf(text) {
  const s = text.trim();
  const lower = s.replace(/[A-Z]/g, (c) => c.toLowerCase());
  if (/^xf[13-9]/.test(lower)) refuse("version", lower.slice(0, 3));
  need(lower.startsWith("xf2"), "prefix", "it does not begin with xf2");
  const digits = lower.slice(3);
  need(/^[a-z2-7]*$/.test(digits), "character", "one that is not of base32");
  const bits = [...digits].map((c) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const b = Buffer.from((bits.match(/.{8}/g) ?? []).map((x) => parseInt(x, 2)));
  need(base32(b) === digits && b.length > 4, "damaged", "no base32 of whole bytes");
  const [body, crc] = [b.subarray(0, -4), b.subarray(-4)];
  need(u32(crc32c(body)).equals(crc), "damaged", "checksum");
  return body;
}

// content turns what another parser refuses into the invite's reason.
function content(fn) {
  try {
    return fn();
  } catch (e) {
    if (e instanceof Refused) refuse("content", e.message);
    throw e;
  }
}

export function parse(text) {
  const r = new Reader(bytesOf(text), "truncated");
  const ok = (is, what) => need(is, "content", what);
  need(r.uint(1) === 2, "version", "inside");
  const v = { genesis: r.take(r.uint(2)), lobby: r.take(32), join: r.take(32) };
  v.seed = r.take(lengthOf(r, 32));
  ok(v.seed.length === 0 || !isZero(v.seed), "seed");
  v.role = r.uint(1);
  v.expires = r.uint(6);
  v.uses = r.uint(2);
  v.roster = r.take(lengthOf(r, 46));
  const name = r.take(r.uint(1));
  const count = r.uint(1);
  v.peers = Array.from({ length: count }, () => ({ peer: hex(r.take(32)), place: r.take(r.uint(2)).toString() }));
  need(r.b.length === 0, "trailing", "bytes behind it");
  v.name = content(() => printable(name));
  ok(count <= 8, "peers");
  content(() => v.peers.forEach((p) => checkPeer(p)));
  if (v.roster.length > 0) content(() => genesis.parsePosition(v.roster));
  checkKeys(v, content(() => genesis.parse(v.genesis)), ok);
  return v;
}

function lengthOf(r, length) {
  const n = r.uint(1);
  need(n === 0 || n === length, "content", `length ${n}, want 0 or ${length}`);
  return n;
}

export function checkPeer(p) {
  need(!smallOrder(raw(p.peer)), "address", "peer");
  checkPlace(p.place);
}

export function printable(b) {
  const s = b.toString();
  need(utf8(s).equals(b) && b.length <= 64 && /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(s), "name", "not printable, or too long");
  return s;
}

function checkKeys(v, g, ok) {
  const isOpen = (g.policy & 2) !== 0;
  ok(tagged("xaeroflux lobby key v1", v.lobby).equals(g.lobbyHash), "lobby key");
  ok(!isOpen || tagged("xaeroflux join key v1", v.join).equals(g.joinHash), "join key");
  if (v.seed.length === 0) return ok(isOpen && v.role === 0 && v.expires === 0 && v.uses === 0, "no seed");
  ok(v.role >= 2 && v.role <= 6 && v.uses >= 1, "role or uses");
}

export const none = zeros(0);
