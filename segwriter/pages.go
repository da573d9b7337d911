// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"
)

// WritePages writes whole pages that follow one another, the first with that
// index, into as many segments as they need. They are durable after SyncPages.
// Writing the same pages again does no harm, also while they are read.
func (l *Log) WritePages(index uint64, pages []byte) error {
	if len(pages)%l.p.PageBytes != 0 {
		return fmt.Errorf("%w: %d bytes are no whole pages of %d", ErrParams, len(pages), l.p.PageBytes)
	}
	if err := l.latched(); err != nil {
		return err
	}
	l.writing.segs.Lock()
	defer l.writing.segs.Unlock()
	for len(pages) > 0 {
		segment, i := l.place(index)
		n := min(len(pages)/l.p.PageBytes, l.p.SegmentPages-i)
		if err := l.writeSegment(segment, i, pages[:n*l.p.PageBytes]); err != nil {
			return err
		}
		pages, index = pages[n*l.p.PageBytes:], index+uint64(n)
	}
	return nil
}

func (l *Log) writeSegment(segment uint64, i int, pages []byte) error {
	it, g, err := l.segment(segment)
	if err != nil {
		return err
	}
	defer l.s.cache.release(it)
	err = g.write(i, pages)
	if g.file != nil {
		l.segs.add(l.s.cache, it, l.newName(i))
	}
	l.setEnd(segment, 0)
	return err
}

// newName returns the directory to sync for a write of page i of a segment:
// with its first page, the file may be new.
func (l *Log) newName(i int) string {
	if i == 0 {
		return l.dir
	}
	return ""
}

// SyncPages makes all pages written before durable, with the names of their
// files. After an error, all that is written to the log fails.
func (l *Log) SyncPages() error { return l.syncSet(&l.segs) }

// A PageRef is a page in the map, read-only and borrowed until Release.
type PageRef struct {
	Header PageHeader
	Bytes  []byte

	cache *cache
	item  *item
}

// Release gives the page back. Its bytes must not be looked at any more.
func (r *PageRef) Release() {
	if r.item != nil {
		r.cache.release(r.item)
		r.item, r.Bytes = nil, nil
	}
}

// Page returns a page that was written, without copying it. It is checked
// whole the first time. The error is a *CorruptError.
func (l *Log) Page(index uint64) (PageRef, error) { return l.page(index, false) }

// Recheck checks a page again, however often it was checked before.
func (l *Log) Recheck(index uint64) error {
	ref, err := l.page(index, true)
	ref.Release()
	return err
}

func (l *Log) page(index uint64, again bool) (PageRef, error) {
	segment, i := l.place(index)
	it, g, err := l.segment(segment)
	if err != nil {
		return PageRef{}, err
	}
	bytes, err := g.page(i)
	var h PageHeader
	if err == nil {
		h, err = g.header(i, bytes, again)
	}
	if err != nil {
		l.s.cache.release(it)
		return PageRef{}, err
	}
	return PageRef{Header: h, Bytes: bytes, cache: l.s.cache, item: it}, nil
}
