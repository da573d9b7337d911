// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Erase takes events out of the first pages of the log, which must all be
// written. Their leaves stay the same, and so does every root. The segments
// concerned are written anew, each with its tree, and what was erased is in none
// of them when Erase returns; a page that was handed out before keeps its bytes
// until it is released. Repeating it changes nothing, so that a caller who does
// not know how it ended may do so. Which events may be erased is the caller's to
// say.
func (l *Log) Erase(pages uint64, list []Erasure) error {
	if err := l.latched(); err != nil {
		return err
	}
	l.writing.segs.Lock()
	defer l.writing.segs.Unlock()
	l.writing.trees.Lock()
	defer l.writing.trees.Unlock()
	concerned, err := l.pagesOf(pages, list)
	if err != nil {
		return err
	}
	e := &eraser{l: l, pages: pages, changes: map[uint64]*change{}}
	for _, page := range concerned {
		segment, _ := l.place(page)
		if err := e.flush(segment); err != nil {
			return err
		}
		if err := e.page(page, list); err != nil {
			return err
		}
	}
	return e.flush(^uint64(0))
}

// pagesOf returns the pages in which events of list begin, in order.
func (l *Log) pagesOf(pages uint64, list []Erasure) ([]uint64, error) {
	found := map[uint64]bool{}
	for _, x := range list {
		if x.First >= x.End {
			return nil, fmt.Errorf("%w: an erasure of events %d to %d", ErrParams, x.First, x.End)
		}
		for seq := x.First; seq < x.End; {
			page, _, end, err := l.FindPage(seq, pages)
			if err != nil {
				return nil, err
			}
			found[page], seq = true, end
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// An eraser gathers what changes in each segment.
type eraser struct {
	l       *Log
	pages   uint64
	changes map[uint64]*change
}

// flush rewrites the segments before one. A group's image is in its first
// segment, so that it is there before the pages it stands for are not.
func (e *eraser) flush(before uint64) error {
	for _, segment := range slices.Sorted(maps.Keys(e.changes)) {
		if segment >= before {
			break
		}
		if err := e.l.rewriteSegment(segment, *e.changes[segment]); err != nil {
			return err
		}
		delete(e.changes, segment)
	}
	return nil
}

// in returns the change of the segment that a page is in, and its place there.
func (e *eraser) in(page uint64) (*change, int) {
	segment, i := e.l.place(page)
	c := e.changes[segment]
	if c == nil {
		n := uint64(e.l.p.SegmentPages)
		c = &change{pages: map[int][]byte{}, trees: map[int]Tree{}, packed: int(min(e.pages-segment*n, n))}
		e.changes[segment] = c
	}
	return c, i
}

// page erases of a page, or of the group that begins there.
func (e *eraser) page(page uint64, list []Erasure) error {
	h, items, err := e.l.Items(page)
	if err != nil {
		return err
	}
	items, changed, err := eraseItems(items, list)
	if err != nil || !changed {
		return err
	}
	image, err := AppendImage(nil, h, e.l.p.PageBytes, items)
	if err != nil {
		return err
	}
	tree, err := decodeHeader(image).TreeOf(image)
	if err != nil {
		return err
	}
	c, i := e.in(page)
	c.pages[i], c.trees[i] = image, Tree{First: h.First, Count: h.Count, Nodes: tree.Nodes(nil)}
	for k := page + 1; k < page+uint64(h.Span); k++ {
		c, i := e.in(k)
		c.pages[i] = nil
	}
	return nil
}

// Items returns what a page holds, or the group that begins there: one item if
// nothing of it is erased. They are the caller's own. The error is a
// *CorruptError.
func (l *Log) Items(page uint64) (PageHeader, []Item, error) {
	h, items, err := l.items(page)
	if errors.Is(err, ErrRewritten) { // and is an image now, which is one page
		return l.items(page)
	}
	return h, items, err
}

func (l *Log) items(page uint64) (PageHeader, []Item, error) {
	ref, err := l.Page(page)
	if err != nil {
		return PageHeader{}, nil, err
	}
	defer ref.Release()
	var b itemJoiner
	h := ref.Header
	switch h.Kind {
	case KindGroup:
		var record []byte
		if record, err = l.Group(page, h.Span); err == nil {
			err = b.add(Item{First: h.First, Count: 1, Records: record})
		}
	case KindContinuation:
		segment, _ := l.place(page)
		err = flaw(l.segPath(segment), int64(page), -1, "a page in the middle of event %d where one should begin", h.First)
	default:
		err = h.EachItem(ref.Bytes, b.add)
	}
	return h, b.items, err
}

// Group joins the pages of a large event into its record, the caller's own. The
// error is a *CorruptError, a *PageError or ErrRewritten.
func (l *Log) Group(page uint64, span int) ([]byte, error) {
	pages := make([][]byte, span)
	for i := range span {
		ref, err := l.Page(page + uint64(i))
		if err != nil {
			return nil, err
		}
		pages[i] = slices.Clone(ref.Bytes)
		ref.Release()
		if len(pages[i]) == 0 || ref.Header.Kind == KindErased {
			return nil, fmt.Errorf("%w: page %d", ErrRewritten, page+uint64(i))
		}
	}
	return DecodeGroup(pages)
}

// WriteStored writes pages that follow one another, the first with that index,
// as they come from a peer: each a page, an image, or no bytes for a page of an
// erased group after its first. A segment that gets an image is written anew and
// synced, so that a run of them should be given at once.
func (l *Log) WriteStored(index uint64, pages [][]byte) error {
	if err := l.latched(); err != nil {
		return err
	}
	l.writing.segs.Lock()
	defer l.writing.segs.Unlock()
	l.writing.trees.Lock()
	defer l.writing.trees.Unlock()
	for len(pages) > 0 {
		segment, i := l.place(index)
		n := min(len(pages), l.p.SegmentPages-i)
		c := change{pages: map[int][]byte{}, packed: i + n}
		for k, b := range pages[:n] {
			if len(b) > 0 {
				if _, err := parseStored(b, l.p.PageBytes); err != nil {
					return fmt.Errorf("%w: page %d: %w", ErrParams, index+uint64(k), err)
				}
			}
			c.pages[i+k] = b
		}
		if err := l.rewriteSegment(segment, c); err != nil {
			return err
		}
		l.setEnd(segment, 0)
		pages, index = pages[n:], index+uint64(n)
	}
	return nil
}
