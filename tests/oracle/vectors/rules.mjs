// SPDX-License-Identifier: MPL-2.0

// "The table" of docs/roster.md: each rule changes a state and returns true, or
// returns false if the record is void.

import { raw, smallOrder } from "./bytes.mjs";
import { dataLog, isNone, verifyBody } from "./fold.mjs";
import { empty } from "./tree.mjs";

const none = "0".repeat(64);
const owner = 1, admin = 2, writer = 3, replica = 5, deviceRole = 6;
const bool = (...conditions) => conditions.every(Boolean);
const stewardAccount = (s) => s.device(s.leg.author)?.account ?? null;
const over = (s, a, b) => [owner, admin].includes(s.roleOf(a)) && s.roleOf(a) <= s.roleOf(b);
const isAdmin = (s, a) => [owner, admin].includes(s.roleOf(a));
const cutOf = (l) => (l.cuts.length === 0 ? null : l.forked ? l.cuts.at(-1) : l.cuts[0]);

// asker is on whose authority a record is: {account, steward}, or null if it may be on nobody's.
function asker(s, ask) {
  if (isNone(ask)) return { account: stewardAccount(s), steward: true };
  const l = s.logs.get(ask.log);
  if (!l || !s.device(l.device) || unsettled(s, ask) === false) return null;
  const cut = cutOf(l);
  return cut && ask.seq >= cut.size ? null : { account: l.account, device: l.device };
}

const unsettled = (s, ask) => ask.seq >= (s.settled.get(ask.log) ?? 0);

// boxesFit checks the boxes that a record brings recipients with.
function boxesFit(s, boxes, count) {
  if (s.open || s.epochs.length === 0 || count === 0) return boxes === null;
  return boxes !== null && boxes.count === count && boxes.log === s.boxLog() && s.recipients().length + count <= 8000;
}

const kemFits = (s, kem) => (kem === "") === s.open;
const freeFor = (s, key, use) => !s.uses.has(key) || s.uses.get(key) === use;

function addLog(s, id, account, device, number) {
  s.logs.set(id, { id, account, device, writes: s.roleOf(account) <= writer, admitted: s.at, forked: false, cuts: [], number });
  s.numbers.set(device, number);
}

function addDevice(s, c, account, parent) {
  const log = dataLog(s.topic, c);
  s.devices.set(c.device, { key: c.device, account, parent, since: s.at, log, kem: c.kem, belongs: true });
  s.uses.set(c.device, `device of ${account}`);
  if (c.kem !== "") s.kems.set(c.kem, c.device);
  addLog(s, log, account, c.device, c.number);
}

const newLogFits = (s, c) => !s.logs.has(dataLog(s.topic, c)) && (!s.numbers.has(c.device) || BigInt(c.number) > BigInt(s.numbers.get(c.device)));

function useInvite(s, v) {
  v.used++;
  if (v.used === v.uses) v.open = false;
}

function admit(s, v) {
  const c = v.card.card, first = s.at.size === 2 && s.chain.length === 1, i = v.by && s.invite(v.by.invite), a = v.by ? null : asker(s, v.ask);
  if (first) {
    const founding = bool(v.role === owner, c.account === s.g.owner.toString("hex"), c.device === s.leg.author, c.number === 0, isNone(v.ask), !v.by, v.boxes === null);
    if (!founding) throw new Error("no owner in record 1");
  } else if (v.by) {
    if (!bool(i, i?.role === v.role, v.ask.log === dataLog(s.topic, c), v.ask.seq === 0, unsettled(s, v.ask))) return false;
  } else if (!bool(a, isAdmin(s, a?.account), v.role >= s.roleOf(a?.account))) return false;
  if (!bool(first || v.role !== owner, !s.account(c.account), !s.device(c.device), c.account !== c.device, first || c.account !== s.g.owner.toString("hex"))) return false;
  if (!bool(freeFor(s, c.account, "account"), freeFor(s, c.device, `device of ${c.account}`), newLogFits(s, c))) return false;
  if (!bool(kemFits(s, c.kem), kemFits(s, c.account_kem), !s.kems.has(c.kem), verifyBody("xf/admit", v, s.topic, s.g), boxesFit(s, v.boxes, 2))) return false;
  s.accounts.set(c.account, { key: c.account, role: v.role, since: s.at, invite: v.by?.invite, kem: c.account_kem, belongs: true });
  s.uses.set(c.account, "account");
  addDevice(s, c, c.account, none);
  if (i) useInvite(s, i);
  return true;
}

function device(s, v) {
  const c = v.device.card, is = s.device(c.device), log = dataLog(s.topic, c), signer = v.device.signer;
  const i = s.invite(signer), byInvite = bool(!is, i?.role === deviceRole, i?.account === c.account);
  const byOwn = signer === c.account || s.device(signer)?.account === c.account;
  if (!isNone(v.ask)) {
    const joining = v.ask.log === log && v.ask.seq === 0 && unsettled(s, v.ask);
    if (!joining && asker(s, v.ask)?.account !== c.account) return false;
  }
  if (!bool(s.account(c.account), byInvite || byOwn, verifyBody("xf/device", v, s.topic, s.g), kemFits(s, c.kem), freeFor(s, c.device, `device of ${c.account}`))) return false;
  if (!is) {
    const parent = c.parent === none || s.uses.get(c.parent) === `device of ${c.account}`;
    if (!bool(parent, c.ends === null, newLogFits(s, c), !s.kems.has(c.kem), boxesFit(s, v.boxes, 1))) return false;
    addDevice(s, c, c.account, c.parent);
    if (byInvite) useInvite(s, i);
    return true;
  }
  return deviceThere(s, v, c, is, log);
}

function deviceThere(s, v, c, is, log) {
  const fresh = c.kem !== is.kem;
  if (c.parent !== none || (fresh && s.kems.has(c.kem)) || !boxesFit(s, v.boxes, fresh ? 1 : 0)) return false;
  if (log === is.log) {
    if (!fresh || c.ends !== null) return false;
  } else {
    const newest = s.logs.get(is.log), cut = cutOf(newest);
    if (!newLogFits(s, c) || (c.ends !== null) === (cut !== null)) return false;
    if (c.ends !== null) newest.cuts.push({ at: s.at, size: c.ends.size, root: c.ends.root });
    addLog(s, log, c.account, c.device, c.number);
    is.log = log;
  }
  is.kem = c.kem;
  if (fresh) s.kems.set(c.kem, c.device);
  return true;
}

// cutLogs cuts all logs of devices as listed, at 0 if not listed.
function cutLogs(s, devices, list) {
  for (const l of s.logs.values()) {
    if (!devices.includes(l.device)) continue;
    const entry = list.find((x) => x.log === l.id);
    if (l.cuts.length > 0 && !(entry && l.forked)) continue;
    l.cuts.push({ at: s.at, size: entry?.size ?? 0, root: entry?.root ?? empty });
  }
}

function role(s, v) {
  const a = asker(s, v.ask), is = s.account(v.change.account);
  if (!bool(a, is, over(s, a?.account, v.change.account), v.change.role >= s.roleOf(a?.account))) return false;
  if (is.role === owner || is.role === v.change.role || (is.key === stewardAccount(s) && v.change.role === replica)) return false;
  const was = is.role;
  is.role = v.change.role;
  if ((was <= writer) !== (is.role <= writer)) cutLogs(s, s.devicesOf(is.key).map((d) => d.key), v.cuts);
  if (is.role > admin) for (const i of s.invites.values()) if (i.by === is.key && i.role !== deviceRole) i.open = false;
  if (was === replica || is.role === replica) s.due = true;
  return true;
}

// family is a device, the one that it is a copy of, and all copies of it; the steward's excepted.
function family(s, key) {
  const all = new Set([key]);
  for (let n = 0; n !== all.size;) {
    n = all.size;
    for (const d of s.devices.values()) if (all.has(d.parent)) all.add(d.key);
  }
  all.add(s.devices.get(key).parent);
  return [...all].filter((k) => k !== s.leg.author && s.device(k));
}

function remove(s, v) {
  const a = asker(s, v.ask), account = s.account(v.target.account);
  if (!a || !account || !(a.account === account.key || over(s, a.account, account.key))) return false;
  let gone;
  if (v.target.device === none) {
    if (account.role === owner || account.key === stewardAccount(s)) return false;
    gone = s.devicesOf(account.key).map((d) => d.key);
    account.belongs = false;
    for (const [k, r] of s.rights) if (r.account === account.key || r.on === account.key) s.rights.delete(k);
  } else {
    if (s.device(v.target.device)?.account !== account.key || v.target.device === s.leg.author) return false;
    gone = family(s, v.target.device);
  }
  for (const k of gone) s.devices.get(k).belongs = false;
  cutLogs(s, gone, v.cuts);
  for (const i of s.invites.values()) if (!v.keep.includes(i.key) || (i.role === deviceRole && !s.account(i.account))) i.open = false;
  s.due = true;
  return true;
}

function invite(s, v) {
  const a = asker(s, v.ask), i = v.invite, link = i.link;
  if (!bool(a, !s.uses.has(i.key), !smallOrder(raw(i.key)), kemFits(s, i.kem), boxesFit(s, v.boxes, 1))) return false;
  if (link === null) {
    if (!isAdmin(s, a.account) || i.role < s.roleOf(a.account)) return false;
  } else {
    const signer = link.signer === link.account || s.device(link.signer)?.account === link.account;
    if (!bool(s.account(link.account), signer, isNone(v.ask) || a.account === link.account, verifyBody("xf/invite", v, s.topic, s.g))) return false;
  }
  s.invites.set(i.key, { key: i.key, role: i.role, uses: i.uses, used: 0, by: a.account ?? none, account: link?.account, kem: i.kem, open: true });
  s.uses.set(i.key, "invite");
  return true;
}

function uninvite(s, v) {
  const a = asker(s, v.ask), i = s.invite(v.invite);
  if (!a || !i || !(isAdmin(s, a.account) || a.account === (i.account ?? i.by))) return false;
  i.open = false;
  s.due = true;
  return true;
}

function epoch(s, v) {
  const step = (s.g.policy & 4) !== 0 && v.number > 0;
  if (!bool(!s.open, v.number === s.epochs.length, v.readers === s.recipientsDigest(), v.boxes.count === s.recipients().length)) return false;
  if (v.boxes.log !== s.boxLog() || (v.step !== "") !== step) return false;
  s.epochs.push(v);
  s.due = false;
  return true;
}

function cut(s, v) {
  const a = asker(s, v.ask), l = s.logs.get(v.cut.log);
  if (!a || !l) return false; // cuts of logs that were never admitted are in no vector
  if (v.fork !== null) {
    if (dataLog(s.topic, v.fork) !== l.id || !verifyBody("xf/cut", v, s.topic, s.g)) return false;
    l.forked = true;
  } else {
    const may = a.account === l.account || (isAdmin(s, a.account) && (!s.account(l.account) || over(s, a.account, l.account)));
    if (!may || (l.cuts.length > 0 && !l.forked)) return false;
  }
  l.cuts.push({ at: s.at, size: v.cut.size, root: v.cut.root });
  return true;
}

function snapshot(s, v) {
  const a = asker(s, v.ask), want = (s.g.policy & 1) !== 0 ? 68 : 32;
  return bool(a, s.roleOf(a?.account) >= owner, s.roleOf(a?.account) <= writer, v.state.blob === null || v.state.blob.key.length / 2 === want);
}

function grant(s, v) {
  const a = asker(s, v.ask), r = v.right, name = `${r.account} ${r.on} ${r.what}`;
  if (!bool(a, s.account(r.account), r.on === none || s.account(r.on), isAdmin(s, a?.account) || a?.account === r.on)) return false;
  if (r.calls > 0) s.rights.set(name, r);
  else return s.rights.delete(name);
  return true;
}

function answer(s, v) {
  if (v.size <= (s.settled.get(v.log) ?? 0)) return false;
  s.settled.set(v.log, v.size);
  return true;
}

function handover(s, v) {
  const a = asker(s, v.ask), d = s.device(v.device);
  if (!a || a.device !== v.device || !d || s.roleOf(d.account) === replica) return false;
  s.heir = v.device;
  return true;
}

const first = (s) => s.at.size === 1;

export const rules = {
  "xf/genesis": first, "xf/begin": first, "xf/admit": admit, "xf/device": device, "xf/role": role, "xf/remove": remove, "xf/invite": invite,
  "xf/uninvite": uninvite, "xf/epoch": epoch, "xf/cut": cut, "xf/snapshot": snapshot, "xf/grant": grant, "xf/answer": answer, "xf/handover": handover,
  "xf/erase": (s, v) => (s.g.policy & 8) !== 0 && isAdmin(s, asker(s, v.ask)?.account),
};
