// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A segment that holds images is written anew beside the old file, synced, and
// renamed over it, and then the same is done with its tree. So at any instant
// the old pages are there whole or the new ones are; the room of what is erased
// goes back to the file system with the old file, and the new one has nothing of
// it. A tree that is not of its segment's rewrite is made again when the log is
// opened.

// newSuffix names a file that is not whole yet.
const newSuffix = ".new"

// replace replaces a file by one that fill writes. renamed says
// that it is there, although its name may not be durable.
func replace(fsys durable.FS, path string, fill func(durable.File) error) (renamed bool, err error) {
	tmp := path + newSuffix
	if err := ignoreMissing(fsys.Remove(tmp)); err != nil {
		return false, err
	}
	f, err := fsys.Open(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err != nil {
		return false, errors.Join(err, ignoreMissing(fsys.Remove(tmp)))
	}
	return true, fsys.SyncDir(filepath.Dir(path))
}

// A layout is what a segment file is to hold.
type layout struct {
	packed int                         // the first pages
	pages  int                         // all
	page   func(i int) ([]byte, error) // borrowed until the next call; no bytes for a freed page
}

// writeSegment writes the file of a segment.
func (p *Params) writeSegment(f durable.File, index uint64, rewrite uint32, want layout) error {
	lengths := make([]uint32, want.packed)
	for i := range lengths {
		b, err := want.page(i)
		if err != nil {
			return err
		}
		lengths[i] = uint32(len(b))
	}
	pack := newPacking(p.PageBytes, rewrite, lengths)
	if err := f.Preallocate(p.alloc(pack, want.pages)); err != nil {
		return err
	}
	head := p.segHeader(index, rewrite, uint32(want.packed))
	if _, err := f.WriteAt(append(head, encodeTable(lengths)...), 0); err != nil {
		return err
	}
	for i := range want.pages {
		b, err := want.page(i)
		if err != nil {
			return err
		}
		start, _ := p.span(pack, i)
		if err := writeChunks(f, b, start); err != nil {
			return err
		}
	}
	return nil
}

// A change is what becomes of one segment.
type change struct {
	pages  map[int][]byte // what stands instead of some; no bytes for a freed page
	trees  map[int]Tree   // of those whose nodes change
	packed int            // pages that are to be packed; those that are stay so
	cut    int            // of the first so many only; 0 for all
}

// rewriteSegment makes a change. l.writing.segs and l.writing.trees are held.
func (l *Log) rewriteSegment(segment uint64, c change) error {
	old, err := l.oldPages(segment)
	if err != nil {
		return err
	}
	defer old.release()
	rewrite := old.g.pack.rewrites() + 1
	if rewrite == 0 {
		return fmt.Errorf("%w: segment %d was rewritten as often as can be counted", ErrParams, segment)
	}
	want := layout{packed: max(c.packed, old.g.pack.packed()), pages: max(c.packed, old.n)}
	if c.cut > 0 {
		want.packed, want.pages = min(want.packed, c.cut), min(want.pages, c.cut)
	}
	want.page = func(i int) ([]byte, error) {
		if b, ok := c.pages[i]; ok {
			return b, nil
		}
		return old.g.whole(i)
	}
	renamed, err := l.segs.replace(itemKey{l, segFile, segment}, func() (bool, error) {
		return replace(l.s.fs, l.segPath(segment), func(f durable.File) error {
			return l.p.writeSegment(f, segment, rewrite, want)
		})
	})
	if renamed {
		err = errors.Join(l.latchOn(err), l.s.cache.retire(itemKey{l, segFile, segment}))
	}
	if err != nil {
		return err
	}
	return l.rewriteTree(segment, rewrite, c.trees)
}

// latchOn makes all writes fail from now on if err is not nil: which of two
// files is found after a power cut is not known then.
func (l *Log) latchOn(err error) error {
	if err != nil {
		l.mu.Lock()
		l.failed = errors.Join(l.failed, err)
		l.mu.Unlock()
		l.hold()
	}
	return err
}

// oldPages is a segment that is about to be rewritten.
type oldPages struct {
	g       *segment
	n       int // pages written
	release func()
}

// oldPages opens a segment; one that is not there yet has no pages.
func (l *Log) oldPages(segment uint64) (*oldPages, error) {
	it, g, err := l.segment(segment)
	if err != nil {
		return nil, err
	}
	o := &oldPages{g: g, release: func() { l.s.cache.release(it) }}
	if _, err := l.s.fs.Stat(g.path); err != nil {
		if err = ignoreMissing(err); err == nil && segment == 0 {
			err = l.s.fs.MkdirAll(l.dir, 0o700)
		}
		if err != nil {
			o.release()
			return nil, err
		}
		return o, nil
	}
	if _, err = g.mapFile(); err == nil {
		err = o.count()
	}
	if err != nil {
		o.release()
		return nil, err
	}
	return o, nil
}

// count finds the last page that was written.
func (o *oldPages) count() error {
	p := &o.g.l.p
	base, _ := p.span(o.g.pack, o.g.pack.packed())
	o.n = o.g.pack.packed() + int(max(o.g.size.Load()-base, 0)/int64(p.PageBytes))
	for o.n = min(o.n, p.SegmentPages); o.n > o.g.pack.packed(); o.n-- {
		b, err := o.g.whole(o.n - 1)
		if err != nil || !allZero(b) {
			return err
		}
	}
	return nil
}

// rewriteTree writes the tree file of a segment anew, if there is a sound one,
// so that it is of that rewrite.
func (l *Log) rewriteTree(segment uint64, rewrite uint32, trees map[int]Tree) error {
	path := l.treePath(segment)
	b, err := l.s.fs.ReadFile(path)
	if err != nil || int64(len(b)) < l.p.nodesOffset() {
		return ignoreMissing(err)
	}
	p, index, h, what := parseTreeHeader(b)
	if p.Topic, p.Author = l.p.Topic, l.p.Author; what != "" || p != l.p || index != segment {
		return nil
	}
	h.rewrite = rewrite
	copy(b, l.p.treeHeader(segment, h))
	for i, t := range trees {
		l.p.changeTree(b, i, t)
	}
	renamed, err := l.trees.replace(itemKey{l, treeFile, segment}, func() (bool, error) {
		return replace(l.s.fs, path, func(f durable.File) error {
			_, err := f.WriteAt(b, 0)
			return err
		})
	})
	if renamed {
		err = errors.Join(l.latchOn(err), l.s.cache.retire(itemKey{l, treeFile, segment}))
	}
	return err
}

// changeTree puts other nodes for page i into the bytes of a tree file. An entry
// that is another one than the page's is left to be found out.
func (p *Params) changeTree(b []byte, i int, t Tree) {
	row := b[p.entryOffset(i):][:entryBytes]
	e := decodeEntry(row)
	if e.flags&entryPresent == 0 || e.first != t.First || int(e.count) != t.Count || e.nodes() != len(t.Nodes) {
		return
	}
	at := p.nodeOffset(int(e.start), e.nodes())
	if at+32*int64(len(t.Nodes)) > int64(len(b)) {
		return
	}
	nodes := b[at:][:32*len(t.Nodes)]
	for k := range t.Nodes {
		copy(nodes[32*k:], t.Nodes[k][:])
	}
	e.encode(row, nodes)
}
