// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// rangeAt returns the row that holds an event.
func (s *Store) rangeAt(l *Log, seq uint64) (syncer.Span, bool) {
	if cut, ok := l.Cut(); ok && seq >= cut {
		return syncer.Span{}, false
	}
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
	if cut, ok := l.Cut(); ok {
		to = min(to, cut)
	}
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
// *GapError if it is in the log and not held.
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
