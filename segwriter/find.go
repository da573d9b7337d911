// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"
	"sort"
)

// FindPage returns which of the first pages of the log holds an event, and the
// sequences it begins with and ends before. For a large event it is the first
// page of its group. It looks at the tables of the .tree files if they are
// there and at the pages if they are not. The error is ErrNoPage or a
// *CorruptError.
func (l *Log) FindPage(seq, pages uint64) (index, first, end uint64, err error) {
	lo, hi, err := l.findSegment(seq, pages)
	if err != nil {
		return 0, 0, 0, err
	}
	if lo < hi {
		if index, e, ok := l.searchTable(seq, lo, hi); ok && e.first <= seq && seq < e.end() {
			return index, e.first, e.end(), nil
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
// table of the .tree file, and returns its entry once that was checked.
func (l *Log) searchTable(seq, lo, hi uint64) (index uint64, e rawEntry, ok bool) {
	err := l.withTree(lo, func(t *tree, i int) (err error) {
		k := t.search(seq, i, i+int(hi-lo))
		if index, ok = lo+uint64(k-i), k < i+int(hi-lo); ok {
			e, err = t.checkedEntry(k)
		}
		return err
	})
	return index, e, ok && err == nil
}

// search returns the first of the entries [i, n) that ends after seq, or n.
// Events of a log are mostly alike: it begins where the entry would be if the
// pages held equally many.
func (t *tree) search(seq uint64, i, n int) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	entry := func(k int) rawEntry { return decodeEntry(t.table[k*entryBytes:]) }
	if n-i > 8 {
		if first, end := entry(i).first, entry(n-1).end(); first <= seq && seq < end {
			k := min(i+int(float64(seq-first)/float64(end-first)*float64(n-i)), n-1)
			switch e := entry(k); {
			case e.end() <= seq:
				i = k + 1
				if n-i > 4 && entry(i+3).end() > seq {
					n = i + 3
				}
			case e.first <= seq:
				return k
			default:
				n = k
				if n-i > 4 && entry(n-4).end() <= seq {
					i = n - 3
				}
			}
		}
	}
	return i + sort.Search(n-i, func(k int) bool { return entry(i+k).end() > seq })
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
