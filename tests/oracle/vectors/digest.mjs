// SPDX-License-Identifier: MPL-2.0

import { cat, hex, raw, shake128, tagged, u16, u64 } from "./bytes.mjs";
import { same } from "./row.mjs";
import { leafHash, root } from "./tree.mjs";

export function checkDigest(file) {
  file.note("note");
  const { leaves, set } = file.value;
  file.each("leaves", (row) => same(hex(leafHash(raw(row.data))), row.hash));
  file.each("trees", (row) => same(hex(root(leaves.slice(0, row.size).map((l) => raw(l.hash)))), row.root));
  file.each("tagged", (row) => same(hex(tagged(row.tag, ...row.parts.map(raw))), row.hash));
  file.each("set", (row, i) => {
    const all = new Frontier();
    for (const step of [...set.slice(0, i), row]) all.change({ add: 1, remove: -1 }[step.op], raw(step.log), BigInt(step.size), raw(step.root));
    same([all.count, hex(all.digest())], [row.count, row.sum]);
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
