// SPDX-License-Identifier: MPL-2.0

// The section "Worked examples" of docs/format.md, computed from inputs in the
// vectors.

import { hex, raw, sha256, u16, u32, u48, u64, u8, utf8 } from "./bytes.mjs";
import * as genesis from "./genesis.mjs";
import { logID } from "./identity.mjs";
import * as record from "./record.mjs";
import { aadOf, payloadKey, payloadOf, plaintext, seal } from "./seal.mjs";
import { leafHash } from "./tree.mjs";

const width = 96;

// line is a name and bytes, wrapped.
function line(name, value) {
  const digits = typeof value === "string" ? value : hex(value);
  const rows = digits.match(new RegExp(`.{1,${width}}`, "g")) ?? ["(none)"];
  return rows.map((r, i) => `${(i === 0 ? name : "").padEnd(24)}${r}`).join("\n");
}

// head is the first sentence of the section of a page.
export const head = (page) => `These are rows of \`tests/testdata/vectors\`; \`node tests/oracle/vectors/read.mjs examples ${page}\`\ncomputes them from what they are made of.`;

export const block = (lines) => ["```", ...lines.map(([n, v]) => line(n, v)), "```"].join("\n");

function recordExample(row) {
  const refs = row.refs.map((r) => ({ log: raw(r.log), size: BigInt(r.size) }));
  const e = { type: utf8(row.type), key: raw(row.key), payload: raw(row.payload), time: row.time_ms, flags: row.flags, refs, id: raw(row.id) };
  const bytes = record.encode(e), leaf = record.leafData(record.decode(bytes));
  const lengths = u16(e.type.length | e.key.length << 6);
  return [
    `A record with refs and an id: type \`${row.type}\`, key \`${e.key}\`, payload \`${e.payload}\`, time ${row.time_ms}, flags 8 and 16.`,
    block([
      ["length and flags", u32(e.payload.length + e.flags * 2 ** 25)], ["lengths", lengths], ["time", u48(e.time)], ["number of refs", u8(refs.length)],
      ...refs.map((r, i) => [`ref, of size ${r.size}`, record.encodeRefs([r]).subarray(1)]), ["id", e.id], ["type", e.type], ["key", e.key], ["payload", e.payload],
      ["record", bytes], ["SHA-256 of the payload", sha256(e.payload)], ["leaf data", leaf], ["leaf hash", leafHash(leaf)],
    ]),
  ];
}

function genesisExample(row) {
  const g = genesis.parse(raw(row.body));
  return [
    `A topic that is plain and open, with pages of ${row.page_bytes} bytes. No retention, no days, no successors.`,
    block([
      ["format, policy, log₂", raw(row.body).subarray(0, 3)], ["owner", g.owner], ["steward", g.steward], ["salt", g.salt], ["lobby key", row.lobby], ["H(lobby key)", g.lobbyHash],
      ["join key", row.join], ["H(join key)", g.joinHash], ["rest", raw(row.body).subarray(-8)], ["genesis", genesis.encode(g)], ["topic id", genesis.topicID(genesis.encode(g))],
    ]),
  ];
}

function logExample(row) {
  return [
    "The roster of a topic's first leg.",
    block([
      ["topic id", row.topic], ["author key", row.author], ["page bytes", u32(row.page_bytes)], ["kind", u8(row.kind)], ["number", u64(BigInt(row.number))],
      ["log id", logID(raw(row.topic), raw(row.author), row.page_bytes, row.kind, BigInt(row.number))],
    ]),
  ];
}

function sealExample(row) {
  const x = payloadOf(row);
  return [
    `A sealed payload of a record with flag 2: type \`${x.type}\` and key \`${x.key}\` outside, payload \`${x.payload}\` inside.`,
    block([
      ["epoch secret", x.secret], ["epoch id", x.epoch], ["log id", x.log], ["payload key", payloadKey(x)], ["additional data", aadOf(x)], ["nonce", x.nonce],
      ["plaintext", plaintext(x)], ["sealed payload", seal(x)],
    ]),
  ];
}

// formatExamples is the section of docs/format.md, of the files by name.
export function formatExamples(files) {
  const { events } = files["event.json"], { topics, logs } = files["identity.json"], { payloads } = files["seal.json"];
  return [
    head("format"),
    ...recordExample(events.find((e) => e.flags === 24 && e.type === "note")), ...genesisExample(topics[0]), ...logExample(logs.find((l) => l.kind === 1)),
    ...sealExample(payloads.find((p) => !p.hide && p.refs.length === 0 && p.id === "" && p.type !== "")),
  ].join("\n\n");
}
