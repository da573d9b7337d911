// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// Recover brings the files to what was decided about them: pages past the first
// keep are none, and what is derived of pages past the sealed ones goes too. What
// is kept past those is written again, or over. Trees and spans that cannot be cut
// back are removed, and TreesPresent tells. The error is ErrBusy while pages of
// the log are in use or being written.
func (l *Log) Recover(f *Found, keep uint64) error {
	for _, m := range []interface {
		Lock()
		Unlock()
	}{&l.writing.segs, &l.writing.trees, &l.writing.spans} {
		m.Lock()
		defer m.Unlock()
	}
	if err := l.giveUp(); err != nil {
		return err
	}
	if err := l.removePast(f.Sealed, keep); err != nil {
		return err
	}
	if segment, i := l.place(keep); i > 0 {
		if err := l.cutSegment(segment, i); err != nil {
			return err
		}
	}
	if segment, i := l.place(f.Sealed); i > 0 {
		if err := l.cutTree(segment, i); err != nil {
			return err
		}
	}
	if err := l.finishErasing(slices.Clone(f.rewritten), f.Sealed); err != nil {
		return err
	}
	if err := l.cutSpans(f.Sealed); err != nil {
		return err
	}
	if err := l.letGo(); err != nil || f.Sealed == 0 { // what a reader opened meanwhile may have no name any more
		return err
	}
	return l.Recheck(f.Sealed - 1)
}

// giveUp closes the files of the log and forgets what is known of them.
func (l *Log) giveUp() error {
	l.forget()
	if n := l.s.cache.busy(l); n > 0 {
		return busyError(n)
	}
	return l.letGo()
}

// letGo closes the files of the log that are open, and forgets what is known of them. The
// error is ErrBusy if somebody reads one, which is closed behind that.
func (l *Log) letGo() error {
	l.mu.Lock()
	l.ends = nil
	l.mu.Unlock()
	busy, err := l.s.cache.drop(l)
	l.forgetSpans()
	return errors.Join(err, busyError(busy))
}

// forgetSpans makes the tier-2 nodes be counted again.
func (l *Log) forgetSpans() {
	l.spanCount.mu.Lock()
	defer l.spanCount.mu.Unlock()
	l.spanCount.known = false
}

// removePast removes files that were not whole when their writer was stopped, and
// those of segments that hold no page to keep, or no tree of a sealed one.
func (l *Log) removePast(sealed, keep uint64) error {
	entries, err := l.s.fs.ReadDir(l.dir)
	if err != nil {
		return ignoreMissing(err)
	}
	segs, trees := l.segments(keep), l.segments(sealed)
	for _, e := range entries {
		name, unfinished := strings.CutSuffix(e.Name(), newSuffix)
		segment, ok := segmentOf(name)
		past := segs
		if filepath.Ext(name) == ".tree" {
			past = trees
		}
		if ok && (unfinished || segment >= past) {
			if err := l.s.fs.Remove(filepath.Join(l.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// segments returns how many segments hold the first pages.
func (l *Log) segments(pages uint64) uint64 {
	n := uint64(l.p.SegmentPages)
	return (pages + n - 1) / n
}

// segmentOf returns the segment that a .seg or .tree file is of.
func segmentOf(name string) (uint64, bool) {
	digits, ext, _ := strings.Cut(name, ".")
	segment, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || ext != "seg" && ext != "tree" || digits != fmt.Sprintf("%06d", segment) {
		return 0, false
	}
	return segment, true
}

// cutSegment leaves the first n pages of a .seg file.
func (l *Log) cutSegment(index uint64, n int) (err error) {
	g := &segment{l: l, index: index, path: l.segPath(index)}
	f, err := l.s.fs.Open(g.path, os.O_RDWR, 0)
	if err != nil {
		return missing(g.path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := g.measure(f)
	if err != nil {
		return err
	}
	if n < g.pack.packed() { // a peer's, that were not committed
		return l.rewriteSegment(index, change{cut: n})
	}
	from, _ := l.p.span(g.pack, n)
	return cutBack(f, size, from, l.p.alloc(g.pack, n))
}

// measure learns where the pages lie and how long the file is.
func (g *segment) measure(f durable.File) (int64, error) {
	head, err := readUpTo(f, fileHeaderBytes, 0)
	if err == nil {
		err = g.learn(f, head)
	}
	if err != nil {
		return 0, err
	}
	return f.Size()
}

// finishErasing frees the pages of a group that runs into another segment, if
// a crash came between the two.
func (l *Log) finishErasing(rewritten []uint64, sealedPages uint64) error {
	n := uint64(l.p.SegmentPages)
	for k := 0; k < len(rewritten); k++ {
		segment := rewritten[k] + 1
		if segment*n >= sealedPages {
			return nil
		}
		free, err := l.standsBefore(segment * n)
		if err != nil {
			return err
		}
		if free == 0 {
			continue
		}
		c := change{pages: map[int][]byte{}, packed: int(min(sealedPages-segment*n, n))}
		for i := range min(free, c.packed) {
			c.pages[i] = nil
		}
		if err := l.rewriteSegment(segment, c); err != nil {
			return err
		}
		if free > l.p.SegmentPages { // and on into the next
			rewritten = slices.Insert(rewritten, k+1, segment)
		}
	}
	return nil
}

// standsBefore returns how many pages from that one on an image before it stands
// for that are there still. A damaged page is none: whoever reads it gets the error.
func (l *Log) standsBefore(page uint64) (int, error) {
	before, err := l.Page(page - 1)
	if err != nil {
		return 0, unlessDamaged(err)
	}
	defer before.Release()
	h := before.Header
	if h.Kind == KindContinuation && h.Used == 0 {
		image, err := l.Page(h.Index - uint64(h.Span))
		if err != nil {
			return 0, unlessDamaged(err)
		}
		defer image.Release()
		h = image.Header
	}
	if h.Kind != KindErased || h.Index+uint64(h.Span) <= page {
		return 0, nil
	}
	it, g, err := l.segment(page / uint64(l.p.SegmentPages))
	if err != nil {
		return 0, err
	}
	defer l.s.cache.release(it)
	if b, err := g.page(0); err != nil || len(b) == 0 {
		return 0, unlessDamaged(err)
	}
	return int(h.Index + uint64(h.Span) - page), nil
}

// unlessDamaged passes over damage, and nothing else.
func unlessDamaged(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// cutBack makes a file end at to and reads zeros between from and there. The
// file is not mapped.
func cutBack(f durable.File, size, from, to int64) error {
	if size > to {
		if err := f.Truncate(to); err != nil {
			return err
		}
	}
	const step = 1 << 20
	for ; from < min(size, to); from += step {
		b, err := readUpTo(f, int(min(step, min(size, to)-from)), from)
		if err != nil {
			return err
		}
		if allZero(b) {
			continue
		}
		clear(b)
		if _, err := f.WriteAt(b, from); err != nil {
			return err
		}
	}
	if size < to {
		return f.Preallocate(to)
	}
	return nil
}

// cutTree leaves the entries and nodes of the first n pages of a .tree file,
// or removes the file if it does not have them.
func (l *Log) cutTree(segment uint64, n int) error {
	path := l.treePath(segment)
	res, err := l.openTree(itemKey{l, treeFile, segment})
	if err != nil {
		return ignoreMissing(err)
	}
	t := res.(*tree)
	e, err := t.entry(n - 1)
	if err != nil {
		return errors.Join(t.close(), l.s.fs.Remove(path))
	}
	size, err := t.file.Size()
	if err == nil {
		if end := l.p.treeBytes(int(e.start) + e.nodes()); size > end {
			err = t.file.Truncate(end)
		}
		if rest := t.table[n*entryBytes:]; err == nil && !allZero(rest) {
			err = l.p.writeEntries(t.file, n, make([]byte, len(rest)))
		}
		if nodes := int(e.start) + e.nodes(); err == nil && nodes <= nearNodes {
			err = clearNear(t.file, nodes)
		}
	}
	return errors.Join(err, t.close())
}

// cutSpans cuts off the tier-2 nodes that were completed past the sealed
// pages, if the trees can tell which they are.
func (l *Log) cutSpans(sealedPages uint64) error {
	if sealedPages == 0 {
		return ignoreMissing(l.s.fs.Remove(l.mmr))
	}
	e, err := l.TreeEntry(sealedPages - 1)
	if err != nil {
		return nil // they are rebuilt together
	}
	end := spanOffset(mmrindex.SpanBase(e.End(), e.NodesBefore+uint64(e.Nodes())))
	info, err := l.s.fs.Stat(l.mmr)
	if err != nil || info.Size() <= end {
		return ignoreMissing(err)
	}
	f, err := l.s.fs.Open(l.mmr, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(end), f.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
