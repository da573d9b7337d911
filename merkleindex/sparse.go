// SPDX-License-Identifier: MPL-2.0

package merkleindex

import "github.com/xaeroflux/xaeroflux/internal/digest"

// A Sparse is the tree of a page of which some events are erased with their
// headers: of those it takes compact ranges in place of leaves, and the nodes
// below them are unknown. All others are a Builder's. It is for one goroutine.
type Sparse struct {
	all   CompactRange
	known map[NodeID]digest.Hash
}

// NewSparse returns the tree of a page whose first event has that sequence.
func NewSparse(first uint64) *Sparse {
	return &Sparse{all: CompactRange{Begin: first, End: first}, known: map[NodeID]digest.Hash{}}
}

// Append adds the leaf hash of the next event. The error is ErrRange.
func (s *Sparse) Append(leaf digest.Hash) error {
	return s.Merge(CompactRange{Begin: s.all.End, End: s.all.End + 1, Hashes: []digest.Hash{leaf}})
}

// Merge adds the compact range of the events that follow. The error is
// ErrRange, and s is then unchanged.
func (s *Sparse) Merge(r CompactRange) error {
	if err := s.all.Merge(r, s.learn); err != nil {
		return err
	}
	i := 0
	for id := range rangeNodes(r.Begin, r.End) {
		s.learn(uint(id.Level), id.Index, r.Hashes[i])
		i++
	}
	return nil
}

func (s *Sparse) learn(level uint, index uint64, h digest.Hash) {
	s.known[NodeID{Level: uint8(level), Index: index}] = h
}

// End returns the sequence that the next leaf gets.
func (s *Sparse) End() uint64 { return s.all.End }

// Range returns the page's compact range, the caller's own.
func (s *Sparse) Range() CompactRange { return s.all.Clone() }

// Nodes appends to dst the nodes that are stored beside the page, in the order
// that NodeOffset counts. One that is unknown is the zero Hash, which no node
// has.
func (s *Sparse) Nodes(dst []digest.Hash) []digest.Hash {
	for level := uint(1); ; level++ {
		lo, hi := levelNodes(s.all.Begin, s.all.End, level)
		if lo >= hi {
			return dst
		}
		for index := lo; index < hi; index++ {
			dst = append(dst, s.known[NodeID{Level: uint8(level), Index: index}])
		}
	}
}

// Node returns the hash of a node that lies in the page, and false for one that
// does not or that is unknown. Level 0 are the leaf hashes.
func (s *Sparse) Node(level uint, index uint64) (digest.Hash, bool) {
	h, ok := s.known[NodeID{Level: uint8(level), Index: index}]
	return h, ok && level <= 63
}
