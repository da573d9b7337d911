// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// A Run is consecutive events of one log as record bytes. They are borrowed:
// they lie in a mapped page or an LMDB page and are gone when the function
// they were handed to returns.
//
// Of events that are wholly erased there are no records: such a run is Gone, and
// holds nothing else.
type Run struct {
	First   uint64
	Count   int
	Records []byte // nil if the run is Gone
}

// Gone reports whether the events are erased without their headers.
func (r Run) Gone() bool { return r.Count > 0 && r.Records == nil }

// erased is the error that reading r is, if it is Gone.
func (r Run) erased() error {
	return &segwriter.ErasedError{First: r.First, End: r.First + uint64(r.Count)}
}

// Each decodes the records of r one after another. rec is fn's until it
// returns. The error for a run that is Gone is a *segwriter.ErasedError.
func (r Run) Each(fn func(sequence uint64, rec *event.Record) error) error {
	if r.Gone() {
		return r.erased()
	}
	var rec event.Record // one for all: it escapes into fn
	rest := r.Records
	for i := range r.Count {
		var n int
		var err error
		if rec, n, err = event.DecodeRecord(rest); err != nil {
			return err
		}
		if err := fn(r.First+uint64(i), &rec); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// cut returns the part of r in [from, to).
func (r Run) cut(from, to uint64) (Run, error) {
	if r.Gone() {
		end := min(r.First+uint64(r.Count), to)
		r.First = min(max(r.First, from), end)
		r.Count = int(end - r.First)
		return r, nil
	}
	if skip := from - min(from, r.First); skip > 0 {
		rest, err := event.SkipRecords(r.Records, skip)
		if err != nil {
			return r, err
		}
		r.First, r.Count, r.Records = from, r.Count-int(skip), rest
	}
	if over := r.First + uint64(r.Count); over > to {
		r.Count = int(to - r.First)
		rest, err := event.SkipRecords(r.Records, uint64(r.Count))
		if err != nil {
			return r, err
		}
		r.Records = r.Records[:len(r.Records)-len(rest)]
	}
	return r, nil
}

// Read calls fn with the events [from, to) of a log in order, as borrowed
// runs. The error is ErrRange past the published size.
func (s *Store) Read(l *Log, from, to uint64, fn func(Run) error) error {
	if p := l.State(); from > to || to > p.Size {
		return fmt.Errorf("%w: events %d to %d of %d", ErrRange, from, to, p.Size)
	}
	return s.eachRun(l, from, to, fn)
}

// readHeld is Read for all that is held, whether it counts or not.
func (s *Store) readHeld(l *Log, from, to uint64, fn func(Run) error) error {
	if p := l.Whole(); from > to || to > p.Size {
		return fmt.Errorf("%w: events %d to %d of %d", ErrRange, from, to, p.Size)
	}
	return s.eachRun(l, from, to, fn)
}

// eachRun reads pages as far as they are published and the AOF beyond. fn is
// never called inside of an AOF read, which would hold up a commit that has to
// grow the map: what is read there is copied first.
func (s *Store) eachRun(l *Log, from, to uint64, fn func(Run) error) error {
	var buf []byte
	for next := from; next < to; {
		pages, size := l.readable()
		if next < size {
			end := min(to, size)
			if err := s.walkPages(l, pages, size, next, end, fn); err != nil {
				return err
			}
			next = end
			continue
		}
		run, err := s.readChunk(l, next, to, buf)
		if err != nil {
			// The AOF may have been trimmed since we looked: then the pages
			// reach further by now.
			if _, now := l.readable(); errors.Is(err, aof.ErrCorrupt) && now > size {
				continue
			}
			return err
		}
		buf, next = run.Records, run.First+uint64(run.Count)
		if err := fn(run); err != nil {
			return err
		}
	}
	return nil
}

var errChunk = errors.New("one chunk is enough")

// readChunk copies what one chunk of the AOF holds from a sequence on to buf.
func (s *Store) readChunk(l *Log, from, to uint64, buf []byte) (run Run, err error) {
	err = s.aof.View(func(v *aof.View) error {
		return v.Events(l.Num, from, to, func(first uint64, count int, records []byte) error {
			run = Run{First: first, Count: count, Records: append(buf[:0], records...)}
			return errChunk
		})
	})
	if errors.Is(err, errChunk) {
		err = nil
	}
	return run, err
}

// readable returns how far the log's page files can be read.
func (l *Log) readable() (pages, size uint64) {
	if p := l.pub.Load(); p != nil {
		pages, size = p.Pages, p.PagesSize
	}
	if row := l.row.Load(); row.SealedSize > size {
		pages, size = row.SealedPages, row.SealedSize
	}
	return pages, size
}

// walkPages reads events [from, to) out of the first pages of the log's files,
// which hold size events.
func (s *Store) walkPages(l *Log, pages, size, from, to uint64, fn func(Run) error) error {
	if from >= to {
		return nil
	}
	page, _, _, err := l.files.FindPage(from, pages)
	if err != nil {
		return err
	}
	for from < to {
		n, end, err := s.pageRun(l, page, from, to, fn)
		if err != nil {
			return err
		}
		page, from = page+uint64(n), end
	}
	return nil
}

// pageRun hands fn what one page, or group of pages, holds of [from, to) and
// returns how many pages that were and the sequence after them.
func (s *Store) pageRun(l *Log, page, from, to uint64, fn func(Run) error) (pages int, end uint64, err error) {
	ref, err := l.files.Page(page)
	if err != nil {
		return 0, 0, err
	}
	defer ref.Release()
	h := ref.Header
	run := Run{First: h.First, Count: h.Count}
	switch h.Kind {
	case segwriter.KindRecords:
		run.Records = h.Records(ref.Bytes)
	case segwriter.KindErased:
		return h.Span, h.End(), h.EachItem(ref.Bytes, func(it segwriter.Item) error {
			if it.End() <= from || it.First >= to {
				return nil
			}
			run, err := Run{First: it.First, Count: it.Count, Records: it.Records}.cut(from, to)
			if err != nil {
				return err
			}
			return fn(run)
		})
	case segwriter.KindGroup:
		run.Records, err = l.files.Group(page, h.Span)
		if errors.Is(err, segwriter.ErrRewritten) { // it is an image now
			return s.pageRun(l, page, from, to, fn)
		}
		if err != nil {
			return 0, 0, err
		}
	default:
		return 0, 0, &CorruptError{Where: fmt.Sprintf("log %s page %d", l.ID, page), What: "a page in the middle of an event where one should begin"}
	}
	end = h.First + uint64(h.Count)
	if run, err = run.cut(from, to); err != nil {
		return 0, 0, &CorruptError{Where: fmt.Sprintf("log %s page %d", l.ID, page), What: "its records", Err: err}
	}
	return h.Span, end, fn(run)
}

func recordLen(b []byte) (int, error) {
	n, err := event.RecordLen(b)
	if err == nil && n > len(b) {
		err = fmt.Errorf("%w: %d bytes left of %d", event.ErrRecord, len(b), n)
	}
	return n, err
}
