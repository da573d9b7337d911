// SPDX-License-Identifier: MPL-2.0

//   node oracle.mjs vectors   prints tests/testdata/vectors/seal.json
//   node oracle.mjs           answers questions on stdin, one JSON object a line

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { answer, box, epoch, padme, publicKey, seal, step } from "./seal.mjs";

// some is n bytes that a name stands for: SHA-256 of the name, 0x00 and a counter, block after block.
function some(name, n = 32) {
  let out = Buffer.alloc(0);
  for (let i = 0; out.length < n; i++) {
    out = Buffer.concat([out, createHash("sha256").update(name).update(Buffer.from([0, i])).digest()]);
  }
  return out.subarray(0, n).toString("hex");
}

const text = (s) => Buffer.from(s).toString("hex");

function payloads(key) {
  const one = [{ log: "0000000000000001", seen: 1 }];
  const two = [{ log: "00000000000000ff", seen: 127 }, { log: "0100000000000000", seen: 128 }];
  const all = Array.from({ length: 16 }, (_, i) => ({ log: some("ref", 8).slice(0, 14) + Buffer.from([i * 16]).toString("hex"), seen: i === 15 ? 2 ** 48 - 1 : 2 ** (3 * i) }));
  const plain = { hide: false, type: text("note"), key: text("k1"), payload: text("hello, world"), refs: [], id: "" };
  const cases = [
    { ...plain, type: "", key: "", payload: "" },
    plain,
    { ...plain, hide: true },
    { ...plain, hide: true, type: "", key: "", payload: "" },
    { ...plain, refs: one },
    { ...plain, id: some("id", 16) },
    { ...plain, hide: true, refs: two, id: some("id", 16) },
    { ...plain, refs: all, payload: "" },
    { ...plain, payload: "80000080000000" },
    { ...plain, payload: some("payload", 60) },
    { ...plain, payload: some("payload", 61) },
    { ...plain, hide: true, payload: some("payload", 256) },
    { ...plain, hide: true, type: text("t".repeat(63)), key: text("k".repeat(1023)), payload: some("payload", 1000) },
  ];
  return cases.map((c, i) => {
    const x = { ...key, log: some(`log ${i % 2}`), nonce: some(`nonce ${i}`, 12), ...c };
    return { ...x, ...seal(x) };
  });
}

async function kem(names) {
  return Promise.all(names.map(async (n) => ({ seed: some(n), public: await publicKey({ seed: some(n) }) })));
}

async function boxes(keys) {
  const at = { topic: some("topic"), coins: some("coins", 64) };
  const cases = [
    { kind: 1, number: 0, plaintext: some("secret 0") + some("join key 0") },
    { kind: 1, number: 9007199254740991, plaintext: some("secret 1") + some("join key 1") },
    { kind: 2, number: 7, plaintext: some("join key 1") },
    { kind: 3, number: 0, plaintext: some("account secret") },
  ];
  return Promise.all(cases.map(async (c, i) => {
    const x = { ...keys[i % keys.length], ...at, recipient: some(`recipient ${i}`), ...c };
    return { ...x, ...(await box(x)) };
  }));
}

async function vectors() {
  const keys = await kem(["device", "account", "root"]);
  const reader = (i) => ({ id: some(`recipient ${i}`), kind: i === 2 ? 2 : 1, ...keys[i] });
  const made = (i, number, readers) => {
    const x = { secret: some(`secret ${i}`), number, join_key: some(`join key ${i}`), readers };
    return { ...x, ...epoch(x) };
  };
  const epochs = [made(0, 0, []), made(1, 1, [reader(0)]), made(2, 9007199254740991, [reader(2), reader(0), reader(1)])];
  const steps = [1, 2].map((i) => {
    const [child, parent] = [epochs[i], epochs[i - 1]];
    const x = { secret: child.secret, epoch: child.epoch, parent: parent.epoch, parent_secret: parent.secret, nonce: some(`step ${i}`, 12) };
    return { ...x, ...step(x) };
  });
  return {
    note: "made by tests/oracle/seal, an implementation independent of this one: node oracle.mjs vectors",
    padded: [1, 63, 64, 65, 66, 127, 128, 129, 255, 256, 257, 1000, 1024, 1025, 4095, 65537, 1000000, 16777216, 16777217, 16778563].map((n) => [n, padme(n)]),
    keys, epochs, steps,
    payloads: payloads({ secret: epochs[1].secret, epoch: epochs[1].epoch }),
    boxes: await boxes(keys),
  };
}

if (process.argv[2] === "vectors") {
  console.log(JSON.stringify(await vectors(), null, 2));
} else {
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))));
}
