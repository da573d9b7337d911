// SPDX-License-Identifier: MPL-2.0

// Sessions that were recorded between the suite of tests/conformance and a node:
// every message decodes, every offer is proven, every number is of a topic that
// both offered, every event of the suite's logs leads to a signed root, and what the
// program holds when a session begins is what its PEAKS state.

import { readFileSync } from "node:fs";
import { cat, hex, hkdf, hmac, publicKey, raw, u8, verify } from "./bytes.mjs";
import { Frontier } from "./digest.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { same } from "./row.mjs";
import { empty, leafHash, root } from "./tree.mjs";
import { decode } from "./xsp.mjs";

const headText = (log, head) => `xaeroflux/${log}\n${head.Size}\n${raw(head.Root).toString("base64")}\n`;

// checkRoots holds roots against the leaves of earlier sessions.
function checkRoots(list, logs) {
  for (const l of list) same(hex(root(logs[l.log].slice(0, l.size))), l.root, `${l.size} events of log ${l.log}`);
  return list.length;
}

class Session {
  constructor(begin, topics) {
    this.binding = raw(begin.binding);
    this.topics = topics;
    this.offers = { suite: [], program: [] };
    this.holds = begin.holds;
    this.partial = new Set(); // topics that are not followed whole
  }

  // checkHolds holds what the program has against the leaves of earlier sessions.
  checkHolds(logs) {
    let n = 0;
    for (const t of this.holds) n += checkRoots(t.logs, logs) + checkRoots(t.agreed ?? [], logs);
    return n;
  }

  // checkPeaks: what the program states of a topic is what it holds of it.
  checkPeaks(m) {
    const topic = this.topic(m.Topic), all = new Frontier(), held = this.holds.find((t) => t.topic === topic);
    if (this.partial.has(m.Topic)) return;
    for (const l of held.logs) all.change(1, raw(l.log), BigInt(l.size), raw(l.root));
    for (const log of held.forks ?? []) all.change(1, raw(log), 0n, raw(empty));
    same([Number(m.Logs), m.Digest], [all.count, hex(all.digest())], `PEAKS of topic ${topic}`);
  }

  // proof is how one side, which is the dialer or is not, shows a key of a topic.
  proof(key, label, topic, from) {
    return hmac(hkdf(raw(key), label), u8(from === "suite" ? 1 : 0), raw(topic), this.binding);
  }

  // offer finds the topic that an offer is of, if it is one of the suite's.
  offer(from, o) {
    const t = this.topics.find((x) => hex(this.proof(x.lobby_key, "xaeroflux lobby proof v1", x.topic, from)) === o.Lobby);
    if (t) same(hex(this.proof(t.join_key, "xaeroflux join proof v2", t.topic, from).subarray(0, 16)), o.Join);
    this.offers[from].push(t?.topic);
    return t ? 1 : 0;
  }

  // topic is the one that the dialer's number is of; both have to have offered it.
  topic(number) {
    const t = this.offers.suite[number];
    same([t !== undefined, this.offers.program.includes(t)], [true, true], `topic ${number}`);
    return t;
  }
}

// provenEvents holds EVENTS against the head, behind the leaves known of its log.
function provenEvents(topic, m, logs) {
  same(hex(logID(raw(topic), raw(m.Author), m.PageBytes, m.Kind, m.Number)), m.Log);
  same(verify(raw(m.Author), cat(headText(m.Log, m.Head)), raw(m.Head.Sig)), true, "the head's signature");
  const leaves = (logs[m.Log] ??= []);
  let rest = raw(m.Records);
  for (let seq = m.First; seq < m.First + m.Count; seq++) {
    const x = record.decode(rest);
    leaves[seq] = leafHash(record.leafData(x));
    rest = rest.subarray(x.length);
  }
  same(rest.length, 0);
  const end = m.First + m.Count;
  if (end < m.Head.Size) return 0; // *right* stands for what is missing
  same([m.Right.length, hex(root(leaves.slice(0, end)))], [0, m.Head.Root]);
  return m.Count;
}

// checkRecorded checks a file of sessions and says how much there is in it.
export function checkRecorded(url) {
  const lines = readFileSync(url, "utf8").trim().split("\n").map((l) => JSON.parse(l));
  const topics = lines.filter((l) => l.topic), program = lines.find((l) => l.seed), sessions = new Map(), logs = {};
  same(hex(publicKey(hkdf(raw(program.seed), "xaeroflux peer key v2", raw(program.generation)))), program.program, "the key of the program");
  const n = { sessions: 0, messages: 0, offers: 0, events: 0, held: 0 };
  for (const l of lines.filter((x) => x.session)) {
    if (l.scenario) {
      same(l.program, program.program);
      sessions.set(l.session, new Session(l, topics));
      n.held += sessions.get(l.session).checkHolds(logs);
      n.sessions++;
      continue;
    }
    const s = sessions.get(l.session), { name, fields } = decode(raw(l.body));
    n.messages++;
    if (name === "SUBSCRIBE") s.partial.add(fields.Topic);
    if (name === "PEAKS" && l.from === "program") s.checkPeaks(fields);
    if (fields.Offers) for (const o of fields.Offers) n.offers += s.offer(l.from, o);
    else if (name === "EVENTS") n.events += provenEvents(s.topic(fields.Topic), fields, logs);
    else if (fields.Topic !== undefined) s.topic(fields.Topic);
  }
  return n;
}
