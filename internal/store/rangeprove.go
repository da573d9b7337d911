// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/chunk"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// RangeInclusion returns the inclusion proof of an event in a range, and the
// head that it is under: that of the range. The error is a *GapError if the
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
	hashes, err := chunk.Inclusion(r, seq, r.Head.Size)
	if err == nil {
		err = proof.VerifyInclusion(r.Leaves[seq-r.First], seq, r.Head.Size, hashes, r.Head.Root)
	}
	return hashes, r.Head, err
}

// InclusionHeld is Inclusion, also of an event in a range: at the sizes that the
// range reaches to, and that of its head. The error is a *GapError if the
// event is not held, ErrRange if it cannot be proven at that size.
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
		root, _, err = chunk.Root(r, size)
	case size != r.Head.Size:
		err = fmt.Errorf("%w: event %d is proven at size %d, and from its own up to %d", ErrRange, seq, r.Head.Size, r.End())
	}
	if err != nil {
		return nil, err
	}
	hashes, err := chunk.Inclusion(r, seq, size)
	if err == nil {
		err = proof.VerifyInclusion(r.Leaves[seq-r.First], seq, size, hashes, root)
	}
	return hashes, err
}
