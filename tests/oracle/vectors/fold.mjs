// SPDX-License-Identifier: MPL-2.0

// The fold over a roster, after docs/roster.md: which legs count, and what they say.

import * as bodies from "./bodies.mjs";
import { cat, hex, raw, tagged, u8, verify } from "./bytes.mjs";
import { logID } from "./identity.mjs";
import { verifyConsistency } from "./tree.mjs";
import { rules } from "./rules.mjs";

const signs = (key, sig, tag, ...parts) => verify(raw(key), tagged(`xaeroflux ${tag} v1`, ...parts), raw(sig));

export const dataLog = (topic, c) => hex(logID(topic, raw(c.device ?? c.author), c.page_bytes, 0, c.number));

// verifyBody checks the signatures in a body.
export function verifyBody(type, v, topic, g) {
  switch (type) {
    case "xf/begin": return v.term === null || verifyTerm(v.term, topic, g);
    case "xf/admit": return verifyCard(v.card, topic) && (v.by === null || verifyProof(v.by, v.card.card, topic));
    case "xf/device": return verifyDevice(v.device, topic);
    case "xf/invite": return v.invite.link === null || signs(v.invite.link.signer, v.invite.link.sig, "link", topic, bodies.linked(v.invite));
    case "xf/cut": return v.fork === null || verifyFork(v.fork, topic);
  }
  return true;
}

function verifyCard(s, topic) {
  const card = bodies.card.write(s.card);
  return signs(s.card.account, s.account_sig, "admit", topic, card) && signs(s.card.device, s.device_sig, "admitted device", topic, card);
}

const verifyProof = (p, card, topic) => signs(p.invite, p.sig, "join", topic, raw(p.invite), bodies.card.write(card));

function verifyDevice(s, topic) {
  const card = bodies.deviceCard.write(s.card);
  return signs(s.signer, s.signer_sig, "device", topic, card) && signs(s.card.device, s.device_sig, "added device", topic, card);
}

export const termHash = (t, topic) => tagged(t.by === 2 ? "xaeroflux term v1" : "xaeroflux succession v1", topic, bodies.termSigned.write(t));

function verifyTerm(t, topic, g) {
  const message = termHash(t, topic);
  if (t.by === 2) return verify(g.owner, message, raw(t.signed[0].sig));
  return g.need > 0 && t.signed.length === g.need && t.signed.every((s) => s.index < g.successors.length && verify(g.successors[s.index], message, raw(s.sig)));
}

function verifyFork(f, topic) {
  const log = dataLog(topic, f);
  const heads = [f.old, f.new].map((h) => verify(raw(f.author), cat(`xaeroflux/${log}\n${h.size}\n${raw(h.root).toString("base64")}\n`), raw(h.sig)));
  return heads[0] && heads[1] && f.old.size > 0 && f.old.size <= f.new.size && f.root !== f.old.root &&
    verifyConsistency(f.old.size, f.new.size, f.hashes.map(raw), raw(f.root), raw(f.new.root));
}

// A State is what a roster says at a position.
export class State {
  constructor(topic, g) {
    Object.assign(this, { topic, g, open: (g.policy & 2) !== 0, chain: [], epochs: [], due: false, heir: null });
    for (const m of ["accounts", "devices", "logs", "invites", "settled", "uses", "numbers", "rights", "kems"]) this[m] = new Map();
  }

  get leg() {
    return this.chain.at(-1);
  }

  boxLog() {
    return hex(logID(this.topic, raw(this.leg.author), 4096, 2, BigInt(this.leg.term) << 32n | BigInt(this.leg.leg)));
  }

  account(key) {
    const a = this.accounts.get(key);
    return a?.belongs ? a : null;
  }

  device(key) {
    const d = this.devices.get(key);
    return d?.belongs ? d : null;
  }

  devicesOf(account) {
    return [...this.devices.values()].filter((d) => d.belongs && d.account === account);
  }

  invite(key) {
    const v = this.invites.get(key);
    return v?.open ? v : null;
  }

  roleOf(account) {
    return this.account(account)?.role ?? 0;
  }

  // recipients are those of an epoch made now, in the order of their keys.
  recipients() {
    if (this.open) return [];
    const all = [];
    const add = (id, role, kem) => all.push({ id, kind: role <= 4 ? 1 : 2, kem });
    for (const a of this.accounts.values()) {
      if (!a.belongs) continue;
      add(a.key, a.role, a.kem);
      for (const d of this.devicesOf(a.key)) add(d.key, a.role, d.kem);
    }
    for (const v of this.invites.values()) if (v.open) add(v.key, v.role === 6 ? this.roleOf(v.account) : v.role, v.kem);
    return all.sort((x, y) => (x.id < y.id ? -1 : 1));
  }

  recipientsDigest() {
    return hex(tagged("xaeroflux epoch readers v1", cat(...this.recipients().map((r) => cat(raw(r.id), u8(r.kind), raw(r.kem))))));
  }

  // apply folds one record and returns whether it is void.
  apply(type, body, at) {
    if (this.heir !== null) return true; // behind a handover nothing counts
    this.at = at;
    this.size = at.size;
    const v = bodies.decode(bodies.records[type], raw(body));
    if (!rules[type](this, v)) return true;
    if (v.ask && !isNone(v.ask)) this.settled.set(v.ask.log, Math.max(this.settled.get(v.ask.log) ?? 0, v.ask.seq + 1));
    return false;
  }
}

export const isNone = (ask) => /^0*$/.test(ask.log);

const body0 = (leg) => (leg.records[0].type === "xf/begin" ? bodies.decode(bodies.records["xf/begin"], raw(leg.records[0].body)) : null);

// chainTo lists [leg, records that count] from the first leg to this one, or null if something of it is not held.
function chainTo(legs, leg) {
  const b = body0(leg);
  if (b === null) return leg.term === 0 && leg.leg === 0 ? [[leg, leg.records.length]] : null;
  const last = b.term?.last ?? b.before;
  if (b.term !== null && (b.term.term !== leg.term || b.term.steward !== leg.author || leg.leg !== 0)) return null;
  if (b.term !== null && last.size === 0) return [[leg, leg.records.length]];
  const before = legs.find((l) => l.log === last.log);
  if (!before || last.size > before.records.length || before.rootAt(last.size) !== last.root) return null;
  if (b.term === null ? before.term !== leg.term || before.leg + 1 !== leg.leg : leg.term <= before.term) return null;
  const chain = chainTo(legs, before);
  if (chain === null || (chain.length === 1 && last.size < 2)) return null;
  return [...chain.slice(0, -1), [before, last.size], [leg, leg.records.length]];
}

// foldTo folds the chain up to a leg; voids is about the records of that leg.
export function foldTo(legs, leg, topic, g) {
  const chain = chainTo(legs, leg);
  if (chain === null) throw new Error(`no chain to ${leg.log}`);
  const s = new State(topic, g);
  for (const [l, size] of chain) {
    const before = s.leg;
    const last = before && (body0(l).term?.last ?? body0(l).before);
    if (before && (last.size !== s.size || (body0(l).term === null && s.heir !== l.author))) throw new Error("a leg without a handover to it");
    s.chain.push({ log: l.log, author: l.author, term: l.term, leg: l.leg });
    Object.assign(s, { heir: null, held: l, due: s.due || (before !== undefined && before.term !== l.term) });
    s.voids = l.records.slice(0, size).map((r, i) => s.apply(r.type, r.body, { term: l.term, leg: l.leg, size: i + 1 }));
  }
  return s;
}

// decides reports whether term a decides against b.
function decides(a, b, topic) {
  if (a.term !== b.term) return a.term > b.term;
  if (a.by !== b.by) return a.by < b.by;
  return Buffer.compare(termHash(a, topic), termHash(b, topic)) < 0;
}

// choose folds the roster that counts of all legs held.
export function choose(legs, topic, g) {
  let best = legs.find((l) => body0(l) === null && l.author === hex(g.steward)), term = null;
  for (const l of legs) {
    const t = body0(l)?.term;
    if (!t || !verifyTerm(t, topic, g) || chainTo(legs, l) === null || (term && !decides(t, term, topic))) continue;
    [best, term] = [l, t];
  }
  for (;;) {
    const s = foldTo(legs, best, topic, g), from = best;
    const next = legs.find((l) => s.heir === l.author && l.term === from.term && l.leg === from.leg + 1 && body0(l)?.before.log === from.log && chainTo(legs, l) !== null);
    if (!next) return s;
    best = next;
  }
}

const byKey = (a, b) => ((a.key ?? a.id) < (b.key ?? b.id) ? -1 : 1);
const none = "0".repeat(64);

// summary is what the vectors say of a state.
export function summary(s) {
  const accounts = [...s.accounts.values()].filter((a) => a.belongs).sort(byKey).map((a) => ({
    key: a.key, role: a.role, since: a.since, invite: a.invite ?? none,
    devices: s.devicesOf(a.key).sort(byKey).map((d) => ({ key: d.key, parent: d.parent, since: d.since, log: d.log })),
  }));
  const logs = [...s.logs.values()].sort(byKey).map((l) => ({
    id: l.id, account: l.account, device: l.device, writes: l.writes, admitted: l.admitted, forked: l.forked, cuts: l.cuts, settled: s.settled.get(l.id) ?? 0,
  }));
  const invites = [...s.invites.values()].filter((v) => v.open).sort(byKey).map((v) => ({ key: v.key, role: v.role, used: v.used, by: v.by }));
  return {
    chain: s.chain, point: { term: s.leg.term, leg: s.leg.leg, size: s.size, root: s.held.rootAt(s.size) }, heir: s.heir ?? none,
    due: !s.open && (s.due || s.epochs.length === 0), epochs: s.epochs.length, recipients: s.recipients().length, recipients_digest: s.recipientsDigest(), accounts, logs, invites,
  };
}
