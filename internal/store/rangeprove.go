// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// rangeTree is the nodes that are known of a log's tree from one range.
type rangeTree map[mmrindex.NodeID]digest.Hash

// treeOf computes them: those of the compact ranges, of the events, and those
// that they complete together.
func treeOf(r *syncer.Range) (rangeTree, error) {
	t := rangeTree{}
	put := func(begin, end uint64, hashes []digest.Hash) {
		for i, id := range merkleindex.RangeNodes(begin, end) {
			t[id] = hashes[i]
		}
	}
	visit := func(level uint, index uint64, h digest.Hash) {
		t[mmrindex.NodeID{Level: uint8(level), Index: index}] = h
	}
	m, err := mmrindex.New(r.First, r.Left)
	if err != nil {
		return nil, err
	}
	put(0, r.First, r.Left)
	for i, leaf := range r.Leaves {
		visit(0, r.First+uint64(i), leaf)
		if err := m.Append(leaf, visit); err != nil {
			return nil, err
		}
	}
	err = m.Merge(merkleindex.Range{Begin: r.End(), End: r.Head.Size, Hashes: r.Right}, visit)
	if err == nil {
		put(r.End(), r.Head.Size, r.Right)
	}
	return t, err
}

// ReadNodes implements mmrindex.Nodes.
func (t rangeTree) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		h, ok := t[id]
		if !ok {
			return fmt.Errorf("%w: node %d of level %d", ErrRange, id.Index, id.Level)
		}
		out[i] = h
	}
	return nil
}

// RangeInclusion returns the inclusion proof of an event in a range, and the
// head that it is under: that of the range. The error is a *GapError where the
// event is not held.
func (s *Store) RangeInclusion(l *Log, seq uint64) ([]digest.Hash, proof.Head, error) {
	span, ok := s.rangeAt(l, seq)
	if !ok {
		return nil, proof.Head{}, cmp.Or(s.gapError(l, seq), fmt.Errorf("%w: event %d of %d", ErrRange, seq, l.State().Size))
	}
	r, err := s.ReadRange(l, span)
	if err != nil {
		return nil, proof.Head{}, err
	}
	hashes, err := inclusionIn(r, seq, r.Head.Size)
	if err == nil {
		err = proof.VerifyInclusion(r.Leaves[seq-r.First], seq, r.Head.Size, hashes, r.Head.Root)
	}
	return hashes, r.Head, err
}

// InclusionHeld is Inclusion, also of an event in a range: at the sizes that the
// range reaches to, and that of its head. The error is a *GapError where the
// event is not held, ErrRange where it cannot be proven at that size.
func (s *Store) InclusionHeld(l *Log, seq, size uint64) ([]digest.Hash, error) {
	if seq >= size || size <= l.State().Size {
		return s.Inclusion(l, seq, size)
	}
	span, ok := s.rangeAt(l, seq)
	if !ok {
		return nil, cmp.Or(s.gapError(l, seq), fmt.Errorf("%w: event %d at size %d of %d", ErrRange, seq, size, l.State().Size))
	}
	r, err := s.ReadRange(l, span)
	if err != nil {
		return nil, err
	}
	root := r.Head.Root
	switch {
	case size <= r.End():
		root, _, err = rootIn(r, size)
	case size != r.Head.Size:
		err = fmt.Errorf("%w: event %d is proven at size %d, and from its own up to %d", ErrRange, seq, r.Head.Size, r.End())
	}
	if err != nil {
		return nil, err
	}
	hashes, err := inclusionIn(r, seq, size)
	if err == nil {
		err = proof.VerifyInclusion(r.Leaves[seq-r.First], seq, size, hashes, root)
	}
	return hashes, err
}

func inclusionIn(r *syncer.Range, seq, size uint64) ([]digest.Hash, error) {
	t, err := treeOf(r)
	if err != nil {
		return nil, err
	}
	return mmrindex.Inclusion(seq, size, t)
}
