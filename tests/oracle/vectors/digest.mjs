// SPDX-License-Identifier: MPL-2.0

import { cat, hex, raw, shake128, tagged, u16, u64 } from "./bytes.mjs";
import { same } from "./row.mjs";
import { leafHash, root } from "./tree.mjs";

export function checkDigest(file) {
  file.note("note");
  const leaves = [];
  file.each("leaves", (row) => {
    leaves.push(leafHash(raw(row.data)));
    same(hex(leaves.at(-1)), row.hash);
  });
  file.each("trees", (row) => same(hex(root(leaves.slice(0, row.size))), row.root));
  file.each("tagged", (row) => same(hex(tagged(row.tag, ...row.parts.map(raw))), row.hash));
  const set = new Frontier();
  file.each("set", (row) => {
    const sign = { add: 1, remove: -1 }[row.op];
    set.change(sign, raw(row.log), BigInt(row.size), raw(row.root));
    same([set.count, hex(set.digest())], [row.count, row.sum]);
  });
}

// A Frontier is the frontier digest.
export class Frontier {
  count = 0;
  lanes = Array(1024).fill(0);

  change(sign, log, size, root) {
    const x = shake128(tagged("xaeroflux frontier entry v1", log, u64(size), root), 2048);
    this.count += sign;
    this.lanes = this.lanes.map((v, i) => (v + sign * x.readUInt16LE(2 * i) + 65536) % 65536);
  }

  digest() {
    return tagged("xaeroflux frontier v1", cat(...this.lanes.map(u16)));
  }
}
