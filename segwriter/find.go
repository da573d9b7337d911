// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"
	"sort"
)

// FindPage returns which of the first pages of the log holds an event, and the
// sequences it begins with and ends before. For a large event it is the first
// page of its group. It looks at the tables of the .tree files where they are
// there and at the pages where they are not. The error is ErrNoPage or a
// *CorruptError.
func (l *Log) FindPage(seq, pages uint64) (index, first, end uint64, err error) {
	lo, hi, err := l.findSegment(seq, pages)
	if err != nil {
		return 0, 0, 0, err
	}
	if lo < hi {
		if index, ok := l.searchTable(seq, lo, hi); ok {
			if e, err := l.TreeEntry(index); err == nil && e.First <= seq && seq < e.End() {
				return index, e.First, e.End(), nil
			}
		}
	}
	return l.searchPages(seq, lo, hi)
}

// findSegment returns the range of pages of the segment in which the page that
// holds seq begins.
func (l *Log) findSegment(seq, pages uint64) (lo, hi uint64, err error) {
	n := uint64(l.p.SegmentPages)
	full := pages / n
	segment := sort.Search(int(full), func(i int) bool {
		end, endErr := l.segmentEnd(uint64(i))
		if endErr != nil && err == nil {
			err = endErr
		}
		return end > seq
	})
	return uint64(segment) * n, min(uint64(segment)*n+n, pages), err
}

// segmentEnd returns the sequence after the last event of a full segment.
func (l *Log) segmentEnd(segment uint64) (uint64, error) {
	l.mu.Lock()
	if segment < uint64(len(l.ends)) && l.ends[segment] > 0 {
		defer l.mu.Unlock()
		return l.ends[segment], nil
	}
	l.mu.Unlock()
	last := (segment+1)*uint64(l.p.SegmentPages) - 1
	e, err := l.TreeEntry(last)
	if err == nil {
		l.setEnd(segment, e.End())
		return e.End(), nil
	}
	ref, err := l.Page(last)
	if err != nil {
		return 0, err
	}
	defer ref.Release()
	l.setEnd(segment, ref.Header.End())
	return ref.Header.End(), nil
}

// setEnd remembers the end of a segment; 0 forgets it.
func (l *Log) setEnd(segment, end uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if segment < uint64(len(l.ends)) {
		l.ends[segment] = end
		return
	}
	if end > 0 {
		l.ends = append(l.ends, make([]uint64, segment+1-uint64(len(l.ends)))...)
		l.ends[segment] = end
	}
}

// searchTable looks for the page among [lo, hi), all of one segment, in the
// table of the .tree file. What it finds is still to be checked.
func (l *Log) searchTable(seq, lo, hi uint64) (index uint64, ok bool) {
	err := l.withTree(lo, func(t *tree, i int) error {
		t.mu.RLock()
		defer t.mu.RUnlock()
		n := sort.Search(int(hi-lo), func(k int) bool { return decodeEntry(t.table[(i+k)*entryBytes:]).end() > seq })
		index, ok = lo+uint64(n), lo+uint64(n) < hi
		return nil
	})
	return index, ok && err == nil
}

// searchPages looks for the page among [lo, hi) in their headers.
func (l *Log) searchPages(seq, lo, hi uint64) (index, first, end uint64, err error) {
	n := sort.Search(int(hi-lo), func(i int) bool {
		ref, pageErr := l.Page(lo + uint64(i))
		if pageErr != nil {
			if err == nil {
				err = pageErr
			}
			return true
		}
		defer ref.Release()
		return ref.Header.End() > seq
	})
	index = lo + uint64(n)
	if err != nil {
		return 0, 0, 0, err
	}
	if index >= hi {
		return 0, 0, 0, fmt.Errorf("%w: event %d in %d pages", ErrNoPage, seq, hi)
	}
	ref, err := l.Page(index)
	if err != nil {
		return 0, 0, 0, err
	}
	defer ref.Release()
	h := ref.Header
	if h.Kind == KindContinuation || seq < h.First {
		return 0, 0, 0, flaw(l.segPath(index/uint64(l.p.SegmentPages)), int64(index), -1,
			"kind %d begins with event %d, looking for %d", h.Kind, h.First, seq)
	}
	return index, h.First, h.End(), nil
}
