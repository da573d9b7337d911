// SPDX-License-Identifier: MPL-2.0

package merkleindex

import "github.com/xaeroflux/xaeroflux/internal/digest"

// A Builder grows the tree of one open page from its leaf hashes. Each node is
// hashed once, as soon as both its children are there. A Builder that is Reset
// for the next page reuses its memory. It is for one goroutine.
type Builder struct {
	levels []level // levels[0] are the leaf hashes; never empty
}

// A level holds the page's nodes of one level, without gaps.
type level struct {
	first uint64 // index of nodes[0], also while there is none
	nodes []digest.Hash
}

// orphans returns how many nodes at the start of the level have their sibling
// in an earlier page: one or none.
func (l *level) orphans() int { return int(l.first & 1) }

// NewBuilder returns a builder for the page whose first event has that sequence.
func NewBuilder(first uint64) *Builder {
	b := &Builder{levels: make([]level, 1, 12)}
	b.Reset(first)
	return b
}

// Reset empties the builder for the page whose first event has that sequence.
// What Leaves returned is overwritten from then on.
func (b *Builder) Reset(first uint64) {
	for k := range b.levels {
		b.levels[k] = level{first: first, nodes: b.levels[k].nodes[:0]}
		first = first>>1 + first&1
	}
}

// Append adds the leaf hash of the next event.
func (b *Builder) Append(leaf digest.Hash) {
	b.levels[0].nodes = append(b.levels[0].nodes, leaf)
	b.grow()
}

// AppendAll adds the leaf hashes of the events that follow.
func (b *Builder) AppendAll(leaves []digest.Hash) {
	b.levels[0].nodes = append(b.levels[0].nodes, leaves...)
	b.grow()
}

// grow makes the nodes that the level below has become ready for, level by
// level, until one has nothing new.
func (b *Builder) grow() {
	for k := 0; ; k++ {
		below := b.levels[k]
		pairs := (len(below.nodes) - below.orphans()) / 2
		if pairs == 0 {
			return
		}
		if k+1 == len(b.levels) {
			b.levels = append(b.levels, level{first: below.first>>1 + below.first&1})
		}
		up := &b.levels[k+1]
		made := len(up.nodes)
		if made == pairs {
			return
		}
		up.nodes = digest.Parents(up.nodes, below.nodes[below.orphans()+2*made:])
	}
}

// First returns the sequence of the page's first event.
func (b *Builder) First() uint64 { return b.levels[0].first }

// End returns the sequence that the next leaf gets.
func (b *Builder) End() uint64 { return b.First() + uint64(b.Len()) }

// Len returns the number of leaves.
func (b *Builder) Len() int { return len(b.levels[0].nodes) }

// Leaves returns the leaf hashes, borrowed until the next call of a method
// that changes b.
func (b *Builder) Leaves() []digest.Hash { return b.levels[0].nodes }

// Range returns the page's compact range, the caller's own.
func (b *Builder) Range() CompactRange {
	r := CompactRange{Begin: b.First(), End: b.End()}
	r.Hashes = make([]digest.Hash, 0, RangeLen(r.Begin, r.End))
	for id := range rangeNodes(r.Begin, r.End) {
		h, _ := b.Node(uint(id.Level), id.Index)
		r.Hashes = append(r.Hashes, h)
	}
	return r
}

// Nodes appends to dst the nodes that are stored beside the page, in the order
// that NodeOffset counts.
func (b *Builder) Nodes(dst []digest.Hash) []digest.Hash {
	for _, l := range b.levels[1:] {
		dst = append(dst, l.nodes...)
	}
	return dst
}

// Node returns the hash of a node that lies in the page, and false for any
// other. Level 0 are the leaf hashes.
func (b *Builder) Node(level uint, index uint64) (digest.Hash, bool) {
	if level >= uint(len(b.levels)) {
		return digest.Hash{}, false
	}
	l := &b.levels[level]
	if i := index - l.first; index >= l.first && i < uint64(len(l.nodes)) {
		return l.nodes[i], true
	}
	return digest.Hash{}, false
}
