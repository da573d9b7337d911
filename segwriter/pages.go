// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
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
	if err = g.write(i, pages); errors.Is(err, errPacked) {
		return l.writePacked(segment, i, pages)
	}
	if g.file != nil {
		l.wrote(&l.segs, it, l.newName(i))
	}
	l.setEnd(segment, 0)
	return err
}

// writePacked replaces packed pages.
func (l *Log) writePacked(segment uint64, i int, pages []byte) error {
	l.writing.trees.Lock()
	defer l.writing.trees.Unlock()
	n := len(pages) / l.p.PageBytes
	c := change{pages: map[int][]byte{}, packed: i + n}
	for k := range n {
		c.pages[i+k] = pages[k*l.p.PageBytes:][:l.p.PageBytes]
	}
	l.setEnd(segment, 0)
	return l.rewriteSegment(segment, c)
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

// A PageRef is a page in the map, or a copy of one that the map cannot give: read-only
// and borrowed until Release.
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

// Page returns a page that was written, without copying it, or its image if
// something of it is erased. It is checked whole the first time. A page of an
// erased group after its first has no bytes, and the header of a continuation.
// The error is a *CorruptError, or what the file system says.
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
	switch {
	case err != nil:
	case len(bytes) == 0:
		h, err = l.freed(g, i)
	default:
		h, bytes, err = g.header(i, bytes, again)
	}
	if err != nil {
		l.s.cache.release(it)
		return PageRef{}, err
	}
	return PageRef{Header: h, Bytes: bytes, cache: l.s.cache, item: it}, nil
}

// freed returns the header of page i of g, which has no bytes: the image that
// stands for it is that of a group which begins before.
func (l *Log) freed(g *segment, i int) (PageHeader, error) {
	k := i
	for k > 0 && g.empty(k-1) {
		k--
	}
	index := uint64(g.number(k))
	if index == 0 {
		return PageHeader{}, flaw(g.path, 0, g.offset(0), "the first page of the log has no bytes")
	}
	ref, err := l.page(index-1, false) // of the segment before, if k is 0
	if err != nil {
		return PageHeader{}, err
	}
	defer ref.Release()
	h, at := ref.Header, uint64(g.number(i))
	if h.Kind == KindContinuation && h.Used == 0 { // a freed page too
		h.Index -= uint64(h.Span)
	} else if h.Kind != KindErased || at >= h.Index+uint64(h.Span) {
		return PageHeader{}, flaw(g.path, int64(at), g.offset(i), "it has no bytes, and page %d before is no image that stands for it", index-1)
	}
	return PageHeader{Kind: KindContinuation, First: h.First, Span: int(at - h.Index), Index: at}, nil
}

// empty reports whether page i of g is packed and has no bytes.
func (g *segment) empty(i int) bool {
	start, end := g.l.p.span(g.pack, i)
	return start == end
}
