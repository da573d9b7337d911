// SPDX-License-Identifier: MPL-2.0

// A control of the reader: each value of each row is changed a little, and the
// row has to be wrong then. What is listed here may be another one.

// free are values that say something to people, that are inputs of a question
// whose answer may stay the same, that only the libraries of HPKE can follow, or
// that are too many and of which each changes a hash.
const free = [
  /\.(what|name)$/, /^judged\.(own|previous_ms|kind|sealed|erasable)$/, /^(refused|bad|bad_images)\.(text|vkey|body|image|key|row)$/, /^refused\.kind$/,
  /^refused\.(good|at|cut|put)$/, /^edges\.body$/, /^(strange_types|bad_names)$/,
  /^refused_rows\.(database|key|value)$/, /^damaged_closed$/, /^logs\.payload_bytes\[\]$/, /^refused_outside\.(secret|epoch|log|type|key|hide|sealed)$/,
  /^padded\[\]$/, /^round\.logs\[\]\.root$/, /^keys\.(seed|public)$/, /^epochs\.readers\[\]\.seed$/, /^boxes\.(seed|public|coins|plaintext|body)$/,
];

// beyond are records that a term record left behind: what they say does not count.
const beyond = /^rosters\.legs\[\]\.records\[\]\.(time|body)$/;

const isFree = (path, row) =>
  free.some((f) => f.test(path)) || (row.outcome === "refused" && path === "judged.record") || (row.name === "terms" && beyond.test(path)) ||
  (["petname", "gone"].includes(row.type) && path === "events.key"); // they may be of any topic, or device

function other(v) {
  if (v === null) return 0;
  if (typeof v === "boolean") return !v;
  if (typeof v === "number") return v + 1;
  if (typeof v === "bigint") return v + 1n;
  if (v === "") return "00";
  const last = v.at(-1);
  return v.slice(0, -1) + (last === "0" ? "1" : "0");
}

// changed yields [path, copy] for each value of v, with that one value changed.
function* changed(v, path) {
  if (v === null || typeof v !== "object") {
    yield [path, other(v)];
    return;
  }
  for (const k of Object.keys(v)) {
    for (const [p, inner] of changed(v[k], Array.isArray(v) ? `${path}[]` : `${path}.${k}`)) {
      const copy = Array.isArray(v) ? [...v] : { ...v };
      copy[k] = inner;
      yield [p, copy];
    }
  }
}

// blind returns the paths of values of a row that check does not miss.
export function blind(row, i, list, check) {
  const out = new Set();
  for (const [path, copy] of changed(row, list)) {
    if (isFree(path, row)) continue;
    try {
      check(copy, i);
      out.add(path);
    } catch {
      // as it has to be
    }
  }
  return [...out];
}
