// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io/fs"
)

// fullCheckBytes is how many bytes of the newest nodes TreesPresent compares
// with their checksums. Files are synced before pages count as sealed, so that a crash
// hurts none of them on a disk that keeps its word; one that does not loses the newest.
// Older ones are compared when they are read. 1 MiB takes 2 ms when a log is loaded.
const fullCheckBytes = 1 << 20

// TreesPresent returns how many of the first pages, without a gap, have a tree
// that is there and fits the trees around it. The caller rebuilds the rest.
func (l *Log) TreesPresent(sealedPages uint64) (uint64, error) {
	w := treeWalk{}
	for w.page < sealedPages {
		segment, _ := l.place(w.page)
		n := min(sealedPages-w.page, uint64(l.p.SegmentPages))
		it, err := l.s.cache.acquire(itemKey{l, treeFile, segment}, l.openTree)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return 0, err
		}
		rewrite, err := l.rewrite(segment)
		whole := false
		if err == nil {
			whole, err = w.segment(it.res.(*tree), rewrite, int(n))
		}
		l.s.cache.release(it)
		if err != nil {
			return 0, err
		}
		if !whole {
			break
		}
	}
	return l.newestTrees(w.page)
}

// A treeWalk follows the tables from the first page of the log on.
type treeWalk struct {
	page   uint64 // pages that were fine
	first  uint64 // sequence after them
	before uint64 // nodes of the segments before
}

// segment walks the first n pages of t, of a segment that was rewritten so often,
// and reports whether all were fine. That nodes are where an entry says is compared with its checksum when they are
// read, and here only for the last.
func (w *treeWalk) segment(t *tree, rewrite uint32, n int) (whole bool, err error) {
	size, err := t.file.Size()
	if err != nil {
		return false, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.what != "" || t.head != (treeHead{before: w.before, first: w.first, rewrite: rewrite}) {
		return false, nil
	}
	var last rawEntry
	for i := range n {
		e, err := t.entry(i)
		if err != nil || e.first != w.first || e.start < last.start {
			return false, nil
		}
		w.first, last = e.end(), e
		w.page++
	}
	if t.nodeOffset(last, last.nodes()) > size {
		return false, nil
	}
	w.before += uint64(last.start) + uint64(last.nodes())
	return true, nil
}

// newestTrees compares the checksums of the newest of the first pages, and
// returns how many there are before the first that is damaged.
func (l *Log) newestTrees(pages uint64) (uint64, error) {
	good, budget := pages, int64(fullCheckBytes)
	for page := pages; page > 0 && budget > 0; page-- {
		e, err := l.TreeEntry(page - 1)
		if errors.Is(err, ErrCorrupt) {
			good = page - 1
		} else if err != nil {
			return 0, err
		}
		budget -= entryBytes + 32*int64(e.Nodes())
	}
	return good, nil
}
