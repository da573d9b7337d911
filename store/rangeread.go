// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

var _ syncer.RangeSource = Source{}

// rangeAt returns the row that holds an event.
func (s *Store) rangeAt(l *Log, seq uint64) (syncer.Span, bool) {
	list := s.ranges.of(l.ID)
	at, found := slices.BinarySearchFunc(list, seq, func(h heldRange, seq uint64) int { return cmp.Compare(h.First, seq) })
	if !found {
		at--
	}
	if at < 0 || seq >= list[at].End {
		return syncer.Span{}, false
	}
	return list[at].Span, true
}

// ReadHeld calls fn with what is held of the events [from, to) of a log, in
// order and over gaps, as borrowed runs.
func (s *Store) ReadHeld(l *Log, from, to uint64, fn func(Run) error) error {
	for from < to {
		if size := l.State().Size; from < size {
			if err := s.eachRun(l, from, min(to, size), fn); err != nil {
				return err
			}
			from = min(to, size)
			continue
		}
		r, err := s.nextRange(l, from)
		if errors.Is(err, errAbsorbed) {
			continue
		}
		if r == nil || err != nil || r.First >= to {
			return err
		}
		run, err := Run{First: r.First, Count: r.Count, Records: r.Records}.cut(max(from, r.First), min(to, r.End()))
		if err != nil {
			return &CorruptError{Where: rangeName(l.ID, syncer.Span{First: r.First, End: r.End()}), What: "its records", Err: err}
		}
		if err := fn(run); err != nil {
			return err
		}
		from = r.End()
	}
	return nil
}

var errAbsorbed = errors.New("absorbed meanwhile")

// nextRange reads the row that holds an event, or else the first one behind it;
// nil says that there is none.
func (s *Store) nextRange(l *Log, seq uint64) (*syncer.Range, error) {
	list := s.ranges.of(l.ID)
	at := slices.IndexFunc(list, func(h heldRange) bool { return h.End > seq })
	if at < 0 {
		if l.State().Size > seq {
			return nil, errAbsorbed
		}
		return nil, nil
	}
	r, err := s.ReadRange(l, list[at].Span)
	if errors.Is(err, ErrNotHeld) {
		err = errAbsorbed
	}
	return r, err
}

// ReadOne calls fn with one event, of the prefix or of a range. The error is a
// *GapError where it is in the log and not held.
func (s *Store) ReadOne(l *Log, seq uint64, fn func(Run) error) error {
	if _, ok := s.rangeAt(l, seq); ok || seq < l.State().Size {
		found := false
		err := s.ReadHeld(l, seq, seq+1, func(run Run) error {
			found = true
			return fn(run)
		})
		if found || err != nil {
			return err
		}
	}
	if err := s.gapError(l, seq); err != nil {
		return err
	}
	return fmt.Errorf("%w: event %d of %d", ErrRange, seq, l.State().Size)
}

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

// Held implements syncer.RangeSource.
func (v Source) Held(id digest.Hash) ([]syncer.Span, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return nil, err
	}
	return v.s.Held(l), nil
}

// Newest implements syncer.RangeSource.
func (v Source) Newest(id digest.Hash) (*syncer.Range, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return nil, err
	}
	for {
		p := l.State()
		list := v.s.ranges.of(id)
		if n := len(list); n > 0 && list[n-1].End > p.Size {
			r, err := v.s.ReadRange(l, list[n-1].Span)
			if errors.Is(err, ErrNotHeld) {
				continue
			}
			if err != nil {
				return nil, err
			}
			return r.Cut(r.End(), r.End())
		}
		if p.Size == 0 {
			return nil, syncer.ErrNothingHeld
		}
		return &syncer.Range{Info: l.info(), First: p.Size, Head: p.Head, Left: p.Mountains.Peaks(), Right: p.Right}, nil
	}
}

// Chunk implements syncer.RangeSource.
func (v Source) Chunk(id digest.Hash, span syncer.Span, backwards bool) (*syncer.Range, error) {
	l, err := v.s.Log(id)
	if err != nil {
		return nil, err
	}
	for {
		p := l.State()
		at := span.First
		if backwards {
			at = span.End - 1
		}
		if at < p.Size {
			span.End = min(span.End, p.Size)
			return v.s.prefixChunk(l, p, span, backwards)
		}
		row, ok := v.s.rangeAt(l, at)
		if !ok && l.State() == p {
			return nil, fmt.Errorf("%w: event %d of log %s", ErrNotHeld, at, id.Short())
		}
		if !ok {
			continue
		}
		r, err := v.s.ReadRange(l, row)
		if errors.Is(err, ErrNotHeld) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return r.Cut(max(r.First, span.First), min(r.End(), span.End))
	}
}

// prefixChunk makes a chunk of a part of the prefix.
func (s *Store) prefixChunk(l *Log, p *Published, span syncer.Span, backwards bool) (r *syncer.Range, err error) {
	if backwards {
		if span.First, err = s.chunkBegin(l, p, span); err != nil {
			return nil, err
		}
	}
	c := syncer.Chunk{First: span.First}
	err = s.eachRun(l, span.First, span.End, func(run Run) error { return fillChunk(&c, run, chunkLimit(backwards)) })
	if err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	r = &syncer.Range{Info: l.info(), First: c.First, Count: c.Count, Records: c.Records, Head: p.Head}
	left, err := s.MountainsAt(l, r.First)
	if err != nil {
		return nil, err
	}
	r.Left = left.Peaks()
	r.Right, err = s.rightOf(l, p, r.End())
	return r, err
}

// chunkLimit bounds the records of a chunk. One that was cut backwards is whole
// as it is.
func chunkLimit(backwards bool) int {
	if backwards {
		return 1 << 62
	}
	return syncer.RangeBytes
}

// chunkBegin returns where the chunk begins that ends with a span: at a page, so
// that it has about RangeBytes.
func (s *Store) chunkBegin(l *Log, p *Published, span syncer.Span) (uint64, error) {
	if span.End > p.PagesSize {
		return max(span.First, p.PagesSize), nil
	}
	pages := syncer.RangeBytes / l.PageBytes
	begin := span.End
	var low uint64
	for begin > span.First {
		page, first, _, err := l.files.FindPage(begin-1, p.Pages)
		if err != nil {
			return 0, err
		}
		if begin == span.End {
			low = page + 1 - min(page+1, uint64(pages))
		} else if page < low {
			break
		}
		begin = first
	}
	return max(begin, span.First), nil
}
