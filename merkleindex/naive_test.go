// SPDX-License-Identifier: MPL-2.0

package merkleindex

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// The slow and obvious twins that the tests compare with.

// testLeaves returns the leaf hashes of the sequences [begin, end).
func testLeaves(begin, end uint64) []digest.Hash {
	var leaves []digest.Hash
	for seq := begin; seq < end; seq++ {
		leaves = append(leaves, digest.Leaf(binary.BigEndian.AppendUint64(nil, seq)))
	}
	return leaves
}

// naiveRoot is MTH of RFC 6962, section 2.1, over leaf hashes.
func naiveRoot(leaves []digest.Hash) digest.Hash {
	switch len(leaves) {
	case 0:
		return digest.Empty
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return digest.Node(naiveRoot(leaves[:k]), naiveRoot(leaves[k:]))
}

// naiveRange looks for the compact range [begin, end) from the top down.
func naiveRange(id NodeID, begin, end uint64) []NodeID {
	switch {
	case begin >= id.End() || end <= id.Begin():
		return nil
	case begin <= id.Begin() && id.End() <= end:
		return []NodeID{id}
	}
	left := NodeID{Level: id.Level - 1, Index: 2 * id.Index}
	right := NodeID{Level: id.Level - 1, Index: 2*id.Index + 1}
	return append(naiveRange(left, begin, end), naiveRange(right, begin, end)...)
}

// naiveNodes lists what is stored beside the page [begin, end): every node of
// level 1 or more is tried.
func naiveNodes(begin, end uint64) []NodeID {
	var ids []NodeID
	for level := uint8(1); uint64(1)<<level <= end; level++ {
		for index := uint64(0); (index+1)<<level <= end; index++ {
			if id := (NodeID{level, index}); id.Begin() >= begin {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// naiveHashes hashes each node from its leaves; leaves[0] has sequence first.
func naiveHashes(ids []NodeID, leaves []digest.Hash, first uint64) []digest.Hash {
	hashes := make([]digest.Hash, 0, len(ids))
	for _, id := range ids {
		hashes = append(hashes, naiveRoot(leaves[id.Begin()-first:id.End()-first]))
	}
	return hashes
}
