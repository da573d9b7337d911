// SPDX-License-Identifier: MPL-2.0

package merkleindex

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// hidden reports whether a node lies strictly below a node of one of the ranges.
func hidden(id NodeID, ranges [][2]uint64) bool {
	for _, r := range ranges {
		for _, top := range RangeNodes(r[0], r[1]) {
			if id.Level < top.Level && id.Begin() >= top.Begin() && id.End() <= top.End() {
				return true
			}
		}
	}
	return false
}

// A Sparse has the nodes of a Builder that is given all leaves, except those
// below the ranges that it was given instead.
func TestSparseIsTheBuilder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	for n := uint64(1); n <= 64; n++ {
		for range 8 {
			first := rnd.Uint64N(1<<40) >> rnd.IntN(41)
			whole, s := NewBuilder(first), NewSparse(first)
			var ranges [][2]uint64
			for at := first; at < first+n; {
				end := at + 1 + rnd.Uint64N(min(9, first+n-at))
				part := NewBuilder(at)
				for ; part.End() < end; part.Append(digest.Sum([]byte{byte(part.End()), byte(part.End() >> 8)})) {
				}
				whole.AppendAll(part.Leaves())
				if rnd.IntN(2) == 0 {
					ranges = append(ranges, [2]uint64{at, end})
					if err := s.Merge(part.Range()); err != nil {
						t.Fatal(err)
					}
				} else {
					for _, leaf := range part.Leaves() {
						if err := s.Append(leaf); err != nil {
							t.Fatal(err)
						}
					}
				}
				at = end
			}
			sameAsBuilder(t, s, whole, ranges)
		}
	}
}

func sameAsBuilder(t *testing.T, s *Sparse, whole *Builder, ranges [][2]uint64) {
	t.Helper()
	first, end := whole.First(), whole.End()
	got, want := s.Range(), whole.Range()
	if s.End() != end || Bag(got.Hashes) != Bag(want.Hashes) || got.Valid() != nil {
		t.Fatalf("[%d, %d): another compact range", first, end)
	}
	nodes := s.Nodes(nil)
	if len(nodes) != NodeCount(first, end) {
		t.Fatalf("[%d, %d): %d nodes, want %d", first, end, len(nodes), NodeCount(first, end))
	}
	for level := uint(0); level < 8; level++ {
		for index := first >> level; index <= end>>level; index++ {
			h, ok := s.Node(level, index)
			w, inside := whole.Node(level, index)
			if known := inside && !hidden(NodeID{Level: uint8(level), Index: index}, ranges); known != ok || ok && h != w {
				t.Fatalf("[%d, %d) without %v: node %d of level %d is %v, want %v", first, end, ranges, index, level, ok, known)
			}
			if off, stored := NodeOffset(first, end, level, index); stored && nodes[off] != h {
				t.Fatalf("node %d of level %d is stored as %v, want %v", index, level, nodes[off], h)
			}
		}
	}
}

func TestSparseRefusesGaps(t *testing.T) {
	s := NewSparse(5)
	if err := s.Merge(CompactRange{Begin: 6, End: 7, Hashes: make([]digest.Hash, 1)}); !errors.Is(err, ErrRange) {
		t.Errorf("a gap: %v", err)
	}
	if err := s.Merge(CompactRange{Begin: 5, End: 7, Hashes: make([]digest.Hash, 1)}); !errors.Is(err, ErrRange) {
		t.Errorf("a hash is missing: %v", err)
	}
	if s.End() != 5 || len(s.Range().Hashes) != 0 {
		t.Error("a refused range changed it")
	}
}
