// SPDX-License-Identifier: MPL-2.0

// What checks a vector is a function of its row. It runs on a proxy that takes
// note of what is read, so that a field that nobody looks at fails like a wrong
// one.

import assert from "node:assert/strict";
import { blind } from "./control.mjs";

if (!process.env.TRACE) Error.stackTraceLimit = 0; // thousands are thrown on purpose

// Refused is thrown for bytes that the format refuses; reason is its class.
export class Refused extends Error {
  constructor(reason, what) {
    super(`${reason}: ${what}`);
    this.reason = reason;
  }
}

export function refuse(reason, what) {
  throw new Refused(reason, what);
}

// need refuses unless ok.
export function need(ok, reason, what) {
  if (!ok) refuse(reason, what);
}

// refuses checks that fn refuses, for one of the reasons.
export function refuses(fn, ...reasons) {
  let got;
  try {
    got = fn();
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    if (!reasons.includes(e.reason)) throw new Error(`refused for "${e.message}", want one of: ${reasons}`);
    return;
  }
  throw new Error(`taken, want it refused for ${reasons}: ${JSON.stringify(got)?.slice(0, 200)}`);
}

export const same = (got, want, what) => assert.deepEqual(got, want, what);

// watched returns value as a proxy, and a function that lists what was not read.
function watched(value, path) {
  if (value === null || typeof value !== "object") return [value, () => []];
  const inner = new Map();
  for (const k of Object.keys(value)) inner.set(k, watched(value[k], Array.isArray(value) ? `${path}[]` : `${path}.${k}`));
  const read = new Set();
  const proxy = new Proxy(value, {
    get(target, k) {
      if (!inner.has(k)) return target[k];
      read.add(k);
      return inner.get(k)[0];
    },
  });
  const unread = () => [...inner].flatMap(([k, [, below]]) => (read.has(k) ? below() : [`${path}.${k}`]));
  return [proxy, unread];
}

// A File counts the rows of one file that were checked.
export class File {
  constructor(name, value, control) {
    this.name = name;
    this.control = control;
    this.count = 0;
    this.flaws = [];
    this.value = value;
    this.lists = new Set(Object.keys(value));
  }

  // note passes over what is said to people.
  note(name) {
    same(typeof this.value[name], "string");
    this.lists.delete(name);
  }

  // one runs check on a row that stands alone.
  one(name, check) {
    this.each(name, check, [this.value[name]]);
  }

  // each runs check on each row of a list, which may not be empty.
  each(list, check, rows = this.value[list]) {
    if (!Array.isArray(rows) || rows.length === 0) {
      this.flaws.push(`${this.name}: no ${list}`);
      return;
    }
    this.lists.delete(list);
    rows.forEach((raw, i) => {
      const [row, unread] = watched(raw, list);
      try {
        check(row, i);
        const left = unread();
        if (left.length > 0) throw new Error(`fields that nobody looks at: ${left}`);
        this.count++;
        const missed = this.control ? blind(raw, i, list, check) : [];
        if (missed.length > 0) throw new Error(`may be another one: ${missed}`);
      } catch (e) {
        this.flaws.push(`${this.name}: ${list} ${i}${raw.what || raw.name ? ` (${raw.what || raw.name})` : ""}: ${process.env.TRACE ? e.stack : e.message}`);
      }
    });
  }

  end() {
    for (const l of this.lists) this.flaws.push(`${this.name}: ${l} is not known here`);
  }
}
