// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

var _ syncer.RangeSource = Source{}

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
		r, err := l.rangeUnder(p)
		if err != nil {
			return nil, err
		}
		r.First, r.Left, r.Right = p.Size, p.Peaks.Hashes(), p.Right
		return r, nil
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

// rangeUnder returns a range of nothing yet, under the head of a state.
func (l *Log) rangeUnder(p *LogState) (*syncer.Range, error) {
	head, err := l.Head(p)
	if err != nil {
		return nil, err
	}
	info, err := l.info()
	return &syncer.Range{Info: info, Head: head}, err
}

// prefixChunk makes a chunk of a part of the prefix.
func (s *Store) prefixChunk(l *Log, p *LogState, span syncer.Span, backwards bool) (r *syncer.Range, err error) {
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
	if r, err = l.rangeUnder(p); err != nil {
		return nil, err
	}
	r.First, r.Count, r.Records = c.First, c.Count, c.Records
	left, err := s.PeaksAt(l, r.First)
	if err != nil {
		return nil, err
	}
	r.Left = left.Hashes()
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
func (s *Store) chunkBegin(l *Log, p *LogState, span syncer.Span) (uint64, error) {
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
