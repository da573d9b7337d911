// SPDX-License-Identifier: MPL-2.0

package mmrindex

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// testLeaves returns the leaf hashes of the sequences [0, n).
func testLeaves(n int) []digest.Hash {
	leaves := make([]digest.Hash, n)
	for seq := range leaves {
		leaves[seq] = digest.Leaf(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	}
	return leaves
}

// naive is the slow and obvious tree: the recursive definitions of RFC 6962,
// section 2.1, over leaf hashes, with the subtrees it has hashed remembered.
type naive struct {
	leaves []digest.Hash
	known  map[[2]int]digest.Hash
}

func newNaive(n int) *naive {
	return &naive{testLeaves(n), map[[2]int]digest.Hash{}}
}

// split returns the largest power of two below n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// root is MTH(D[x:y]).
func (t *naive) root(x, y int) digest.Hash {
	if h, ok := t.known[[2]int{x, y}]; ok {
		return h
	}
	var h digest.Hash
	switch n := y - x; n {
	case 0:
		h = digest.Empty
	case 1:
		h = t.leaves[x]
	default:
		k := x + split(n)
		h = digest.Node(t.root(x, k), t.root(k, y))
	}
	t.known[[2]int{x, y}] = h
	return h
}

// inclusion is PATH(m-x, D[x:y]).
func (t *naive) inclusion(m, x, y int) []digest.Hash {
	if y-x == 1 {
		return nil
	}
	k := x + split(y-x)
	if m < k {
		return append(t.inclusion(m, x, k), t.root(k, y))
	}
	return append(t.inclusion(m, k, y), t.root(x, k))
}

// consistency is SUBPROOF(m-x, D[x:y], whole).
func (t *naive) consistency(m, x, y int, whole bool) []digest.Hash {
	if m == y && whole {
		return nil
	}
	if m == y {
		return []digest.Hash{t.root(x, y)}
	}
	k := x + split(y-x)
	if m <= k {
		return append(t.consistency(m, x, k, whole), t.root(k, y))
	}
	return append(t.consistency(m, k, y, false), t.root(x, k))
}

// ReadNodes hashes each node from its leaves.
func (t *naive) ReadNodes(ids []NodeID, out []digest.Hash) error {
	for i, id := range ids {
		if id.End() > uint64(len(t.leaves)) {
			return fmt.Errorf("node %v is not in a tree of %d leaves", id, len(t.leaves))
		}
		out[i] = t.root(int(id.Begin()), int(id.End()))
	}
	return nil
}

// whole is a store that holds all nodes of a log in one page, for the large
// trees that the naive one is too slow for.
type whole struct{ *merkleindex.Builder }

func newWhole(n int) whole {
	b := merkleindex.NewBuilder(0)
	b.AppendAll(testLeaves(n))
	return whole{b}
}

func (w whole) ReadNodes(ids []NodeID, out []digest.Hash) error {
	for i, id := range ids {
		h, ok := w.Node(uint(id.Level), id.Index)
		if !ok {
			return fmt.Errorf("no node %v", id)
		}
		out[i] = h
	}
	return nil
}
