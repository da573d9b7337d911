// SPDX-License-Identifier: MPL-2.0

// "Genesis" and roster positions, of docs/format.md.

import { cat, isZero, Reader, smallOrder, tagged, u16, u32, u48, u8, zeros } from "./bytes.mjs";
import { need } from "./row.mjs";

const sealed = 1, open = 2, history = 4, erasable = 8, home = 16;

// encode writes {policy, pageLog, owner, steward, salt, lobbyHash, joinHash, retention, days, need, successors}.
export function encode(g) {
  return cat(u8(1), u8(g.policy), u8(g.pageLog), g.owner, g.steward, g.salt, g.lobbyHash, g.policy & open ? g.joinHash : "",
    u32(g.retention), u16(g.days), u8(g.need), u8(g.successors.length), ...g.successors);
}

export const topicID = (body) => tagged("xaeroflux topic v2", body);
export const foundingHash = (g) => tagged("xaeroflux founding v1", encode({ ...g, steward: zeros(32) }));

export function parse(body) {
  const r = new Reader(body, "genesis");
  need(r.uint(1) === 1, "genesis", "record format");
  const g = { policy: r.uint(1), pageLog: r.uint(1), owner: r.take(32), steward: r.take(32), salt: r.take(16), lobbyHash: r.take(32) };
  if (g.policy & open) g.joinHash = r.take(32);
  g.retention = r.uint(4);
  g.days = r.uint(2);
  g.need = r.uint(1);
  const n = r.uint(1);
  need(n <= 16, "genesis", `${n} successors`);
  g.successors = Array.from({ length: n }, () => r.take(32));
  need(r.b.length === 0, "genesis", "bytes behind it");
  check(g);
  return g;
}

function check(g) {
  const has = (bits) => (g.policy & bits) === bits;
  const ok = (is, what) => need(is, "genesis", what);
  ok(g.policy < 32, "policy");
  ok(!has(sealed | open), "sealed and open");
  ok(!has(history) || has(sealed), "history of what is not sealed");
  ok(has(open) ? g.pageLog >= 12 && g.pageLog <= 16 : g.pageLog === 0, "page bytes");
  ok(has(erasable) || (g.retention === 0 && g.days === 0), "retention or days");
  ok(has(home) ? isZero(g.steward) : !smallOrder(g.steward), "steward");
  ok(!smallOrder(g.owner), "owner");
  if (has(home)) ok(g.policy === 29 && g.retention === 0 && g.days === 0 && g.successors.length === 0, "home");
  checkSuccessors(g, ok);
}

function checkSuccessors(g, ok) {
  const n = g.successors.length;
  ok(g.need <= n && (n === 0 || 2 * g.need > n), "number of successors");
  ok(!g.owner.equals(g.steward), "owner as steward");
  g.successors.forEach((s, i) => {
    ok(!smallOrder(s) && !s.equals(g.owner) && !s.equals(g.steward), "successor");
    ok(i === 0 || Buffer.compare(g.successors[i - 1], s) < 0, "successors do not rise");
  });
}

export const encodePosition = (p) => cat(u32(p.term), u32(p.leg), u48(p.size), p.root);

export function parsePosition(b) {
  const r = new Reader(b, "position");
  const p = { term: r.uint(4), leg: r.uint(4), size: r.uint(6), root: r.take(32) };
  need(p.size > 0 && r.b.length === 0, "position", "size or length");
  return p;
}
