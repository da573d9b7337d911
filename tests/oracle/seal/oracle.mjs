// SPDX-License-Identifier: MPL-2.0

//   node oracle.mjs vectors   prints tests/testdata/vectors/seal.json
//   node oracle.mjs           answers questions on stdin, one JSON object a line

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { answer, box, epoch, padme, publicKey, seal, sealBytes, step } from "./seal.mjs";

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
    { ...plain, type: text("xf") },
    { ...plain, hide: true, type: text("XF/"), refs: one },
  ];
  return cases.map((c, i) => {
    const x = { ...key, log: some(`log ${i % 2}`), nonce: some(`nonce ${i}`, 12), ...c };
    return { ...x, ...seal(x) };
  });
}

// padding puts the mark and zeros behind what is inside, up to a length.
const padding = (inside, length = padme(inside.length / 2 + 1)) => (inside + "80").padEnd(2 * length, "0");

// refusedInside are payloads that members sealed, of a plaintext that none has.
function refusedInside(key) {
  const ref = (log, seen) => log + seen, own = some("log 0").slice(0, 16);
  const refs = (r, ...all) => "08" + Buffer.from([r]).toString("hex") + all.join("") + "0000";
  const many = Array.from({ length: 17 }, (_, i) => ref(`${Buffer.from([i]).toString("hex")}00000000000000`, "01"));
  const good = "000000" + text("hello, world");
  const cases = {
    "nothing": [false, padding("")],
    "flags only": [false, padding("00")],
    "one byte of lengths": [false, padding("0000")],
    "a length of a type beside flag 2": [false, padding("000100" + text("t"))],
    "a length of a key beside flag 2": [false, padding("004000" + text("k"))],
    "a type beyond the end": [true, padding("000200" + text("t"))],
    "a key beyond the end": [true, padding("008100" + text("tk"))],
    "flag 1": [false, padding("01" + good.slice(2))],
    "flag 2": [false, padding("02" + good.slice(2))],
    "flag 4": [true, padding("04" + good.slice(2))],
    "flag 32": [false, padding("20" + good.slice(2))],
    "flag 64": [false, padding("40" + good.slice(2))],
    "flag 128": [false, padding("80" + good.slice(2))],
    "no refs": [false, padding(refs(0))],
    "17 refs": [false, padding(refs(17, ...many))],
    "a ref to its own log": [false, padding(refs(1, ref(own, "01")))],
    "refs that fall": [false, padding(refs(2, many[1], many[0]))],
    "a log twice": [false, padding(refs(2, many[1], many[1]))],
    "a ref of size 0": [false, padding(refs(1, ref("0000000000000001", "00")))],
    "a ref of size 2⁴⁸": [false, padding(refs(1, ref("0000000000000001", "80808080808040")))],
    "a ref of size 1 in two bytes": [false, padding(refs(1, ref("0000000000000001", "8100")))],
    "a ref of size in eight bytes": [false, padding(refs(1, ref("0000000000000001", "8080808080808001")))],
    "a ref that ends early": [false, padding("0801" + "00000000000001")],
    "half an id": [false, padding("10" + "01".repeat(8))],
    "an id of zeros": [false, padding("10" + "00".repeat(16) + "0000")],
    "a type of the engine's": [true, padding("000600" + text("xf/ask"))],
    "the shortest type of the engine's": [true, padding("000300" + text("xf/"))],
    "a type of the engine's outside": [false, padding(good), text("xf/ask")],
    "no mark": [false, (good + "00").padEnd(128, "0")],
    "nothing but zeros": [false, "00".repeat(64)],
    "another mark": [false, (good + "81").padEnd(128, "0")],
    "padding that is not zero": [false, padding(good).slice(0, -2) + "01"],
    "a byte of padding more": [false, padding(good, 65)],
    "padded to the next class": [false, padding(good, 66)],
    "padded to twice the length": [false, padding(good, 128)],
    "not padded, and of no class": [false, padding("000000" + "01".repeat(62), 66 + 1)],
    "shorter than 64 bytes": [false, padding(good, 32)],
  };
  return Object.entries(cases).map(([what, [hide, plaintext, type = hide ? "" : text("note")]], i) => {
    const x = { what, ...key, log: some("log 0"), nonce: some(`refused ${i}`, 12), hide, type, key: hide ? "" : text("k1"), plaintext };
    return { ...x, sealed: sealBytes(x, Buffer.from(plaintext, "hex")) };
  });
}

// refusedOutside are sealed payloads of another place than the one that they are opened in.
function refusedOutside(key) {
  const x = { ...key, log: some("log 0"), nonce: some("nonce 1", 12), hide: false, type: text("note"), key: text("k1"), payload: text("hello, world"), refs: [], id: "" };
  const { sealed } = seal(x), hidden = seal({ ...x, hide: true }).sealed;
  const flip = (s, at) => s.slice(0, 2 * at) + Buffer.from([parseInt(s.slice(2 * at, 2 * at + 2), 16) ^ 1]).toString("hex") + s.slice(2 * at + 2);
  const at = (what, change, bytes = sealed) => {
    const { nonce, payload, refs, id, ...place } = { ...x, ...change };
    return { what, ...place, sealed: bytes };
  };
  return [
    at("another secret", { secret: some("another") }), at("another epoch", { epoch: some("another") }), at("an epoch that begins alike", { epoch: flip(x.epoch, 31) }),
    at("another log", { log: some("log 1") }), at("another type", { type: text("nota") }), at("another key", { key: text("k2") }),
    at("the end of the type in the key", { type: text("not"), key: text("ek1") }), at("nothing outside", { hide: true, type: "", key: "" }),
    at("something outside", {}, hidden), at("the epoch changed", {}, flip(sealed, 0)), at("the nonce changed", {}, flip(sealed, 8)), at("the ciphertext changed", {}, flip(sealed, 20)),
    at("the tag changed", {}, flip(sealed, 84)), at("nothing", {}, ""), at("a byte less", {}, sealed.slice(0, -2)), at("a byte more", {}, sealed + "00"),
  ];
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
    refused_inside: refusedInside({ secret: epochs[1].secret, epoch: epochs[1].epoch }),
    refused_outside: refusedOutside({ secret: epochs[1].secret, epoch: epochs[1].epoch }),
    boxes: await boxes(keys),
  };
}

if (process.argv[2] === "vectors") {
  console.log(JSON.stringify(await vectors(), null, 2));
} else {
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(JSON.parse(line))));
}
