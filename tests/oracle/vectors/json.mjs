// SPDX-License-Identifier: MPL-2.0

// A strict JSON parser. Unlike JSON.parse it keeps integers that a double
// cannot hold, as BigInt, and refuses an object with one name twice.

const escapes = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

export function parse(text) {
  let at = 0;
  const fail = (what) => {
    throw new Error(`JSON, character ${at}: ${what}`);
  };
  const blank = () => {
    while (" \t\r\n".includes(text[at] ?? "x")) at++;
  };
  const expect = (s) => {
    if (!text.startsWith(s, at)) fail(`want ${s}`);
    at += s.length;
  };

  function string() {
    expect('"');
    let out = "";
    for (;;) {
      const c = text[at++];
      if (c === undefined || c < " ") fail("a string does not end");
      if (c === '"') return out;
      out += c === "\\" ? escape() : c;
    }
  }

  function escape() {
    const c = text[at++];
    if (c !== "u") return escapes[c] ?? fail("unknown escape");
    const digits = text.slice(at, at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail("no four digits");
    at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }

  function number() {
    const m = /^-?(0|[1-9][0-9]*)/.exec(text.slice(at, at + 40));
    if (!m) fail("no value");
    at += m[0].length;
    if (/[.eE]/.test(text[at] ?? "")) fail("a number that is no integer");
    const n = Number(m[0]);
    return Number.isSafeInteger(n) ? n : BigInt(m[0]);
  }

  function list(close, item) {
    at++;
    blank();
    if (text[at] === close) return at++;
    for (;;) {
      blank();
      item();
      blank();
      if (text[at] === close) return at++;
      expect(",");
    }
  }

  function object() {
    const out = {};
    list("}", () => {
      const name = string();
      if (Object.hasOwn(out, name)) fail(`${name} twice`);
      blank();
      expect(":");
      out[name] = value();
    });
    return out;
  }

  function array() {
    const out = [];
    list("]", () => out.push(value()));
    return out;
  }

  function value() {
    blank();
    switch (text[at]) {
      case "{": return object();
      case "[": return array();
      case '"': return string();
      case "t": return expect("true"), true;
      case "f": return expect("false"), false;
      case "n": return expect("null"), null;
    }
    return number();
  }

  const out = value();
  blank();
  if (at !== text.length) fail("more behind the end");
  return out;
}
