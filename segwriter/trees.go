// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// A Tree is what is stored beside one page: which events begin in it and the
// nodes of their tree. A page in which no event begins, the second of a group
// and those after it, has Count 0 and as First the sequence after the event.
type Tree struct {
	First uint64
	Count int
	Nodes []digest.Hash // as merkleindex.Builder.Nodes gives them
}

// WriteTree writes the tree of one page; see WriteTrees.
func (l *Log) WriteTree(page uint64, first uint64, count int, nodes []digest.Hash) error {
	one := [1]Tree{{First: first, Count: count, Nodes: nodes}}
	return l.WriteTrees(page, one[:])
}

// WriteTrees writes the trees of pages that follow one another, the first with
// that index. The trees of all pages before must be there: the error is ErrGap
// otherwise. They are durable after SyncTrees.
func (l *Log) WriteTrees(page uint64, trees []Tree) error {
	if err := l.latched(); err != nil {
		return err
	}
	l.writing.trees.Lock()
	defer l.writing.trees.Unlock()
	for len(trees) > 0 {
		segment, i := l.place(page)
		n := min(len(trees), l.p.SegmentPages-i)
		if err := l.writeTrees(segment, i, trees[:n]); err != nil {
			return err
		}
		trees, page = trees[n:], page+uint64(n)
	}
	return nil
}

func (l *Log) writeTrees(segment uint64, i int, trees []Tree) error {
	open := l.openTree
	if i == 0 {
		open = l.createTree
	}
	it, err := l.s.cache.acquire(itemKey{l, treeFile, segment}, open)
	if err != nil {
		return missing(l.treePath(segment), err)
	}
	defer l.s.cache.release(it)
	t := it.res.(*tree)
	if i == 0 {
		if err := l.beginTree(t, trees[0].First); err != nil {
			return err
		}
	}
	err = t.write(i, trees)
	l.wrote(&l.trees, it, l.newName(i))
	return err
}

// beginTree writes the header, without entries behind it, and room for the table,
// if they are not there already.
func (l *Log) beginTree(t *tree, first uint64) error {
	before, err := l.nodesBefore(t.index, first)
	if err != nil {
		return err
	}
	rewrite, err := l.rewrite(t.index)
	if err != nil {
		return err
	}
	if err := t.extend(l.p.nodesOffset()); err != nil {
		return err
	}
	h := treeHead{before: before, first: first, rewrite: rewrite}
	if t.what == "" && t.head == h {
		return nil
	}
	if _, err := t.file.WriteAt(l.p.bareTree(t.index, h), 0); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.what, t.head = "", h
	clear(t.table[:l.p.nearBytes()])
	return nil
}

// extend makes the file at least size bytes long. The table takes room on the
// disk as it fills, which for a small log is a block of six.
func (t *tree) extend(size int64) error {
	have, err := t.file.Size()
	if err != nil || have >= size {
		return err
	}
	return t.file.Truncate(size)
}

// rewrite returns how often a segment was rewritten; 0 for one that is not
// there.
func (l *Log) rewrite(segment uint64) (uint32, error) {
	head, err := l.readHeader(l.segPath(segment))
	if err != nil {
		return 0, ignoreMissing(err)
	}
	_, h, _ := parseSegHeader(head) // whoever reads the pages gets the error
	return h.rewrite, nil
}

// nodesBefore counts the tier-1 nodes of all segments before one that begins
// with that sequence.
func (l *Log) nodesBefore(segment, first uint64) (uint64, error) {
	if segment == 0 {
		if first != 0 {
			return 0, fmt.Errorf("%w: the first page of a log begins with event %d", ErrGap, first)
		}
		return 0, nil
	}
	last, err := l.TreeEntry(segment*uint64(l.p.SegmentPages) - 1)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrGap, err)
	}
	if last.End() != first {
		return 0, fmt.Errorf("%w: segment %d begins with event %d, the one before ends at %d", ErrGap, segment, first, last.End())
	}
	return last.NodesBefore + uint64(last.Nodes()), nil
}

// write writes entries and nodes from page i on. Readers see the new entries
// once all of it is written.
func (t *tree) write(i int, trees []Tree) error {
	first, start, err := t.after(i)
	if err != nil {
		return err
	}
	table, nodes := slices.Grow(t.rows[:0], entryBytes*len(trees))[:entryBytes*len(trees)], t.nodes[:0]
	defer func() { t.rows, t.nodes = table, nodes }()
	near := 0 // bytes of nodes
	for k := range trees {
		at := len(nodes)
		for n := range trees[k].Nodes {
			nodes = append(nodes, trees[k].Nodes[n][:]...)
		}
		e := rawEntry{first: trees[k].First, count: uint32(trees[k].Count), start: start + uint32(at/digest.Size)}
		e.encode(table[k*entryBytes:], nodes[at:])
		if e.first != first || !e.valid(t.l.p.PageBytes) || e.nodes() != len(trees[k].Nodes) {
			return fmt.Errorf("%w: tree of page %d: %d events from %d with %d nodes, after event %d",
				ErrGap, t.number(i+k), trees[k].Count, e.first, len(trees[k].Nodes), first)
		}
		if first = e.end(); int(e.start)+e.nodes() <= nearNodes {
			near = len(nodes)
		}
	}
	if err := t.writeNodes(int(start), near, nodes); err != nil {
		return err
	}
	return t.store(i, table)
}

// writeNodes writes nodes, of which the first have their place near the header.
func (t *tree) writeNodes(start, near int, nodes []byte) error {
	if near > 0 {
		if _, err := t.file.WriteAt(nodes[:near], t.l.p.nodeOffset(start, 0)); err != nil {
			return err
		}
	}
	if len(nodes) == near {
		return nil
	}
	_, err := t.file.WriteAt(nodes[near:], t.l.p.nodesOffset()+digest.Size*int64(start)+int64(near))
	return err
}

// store writes entries whose nodes are written.
func (t *tree) store(i int, table []byte) error {
	if err := t.l.p.writeEntries(t.file, i, table); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	copy(t.table[i*entryBytes:], table)
	for k := i; k < i+len(table)/entryBytes; k++ {
		t.checked[k/64] &^= 1 << (k % 64)
	}
	return nil
}

// after returns where the page before place i ends: its sequence and node.
func (t *tree) after(i int) (first uint64, start uint32, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if i == 0 {
		return t.head.first, 0, nil
	}
	e, err := t.entry(i - 1)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrGap, err)
	}
	return e.end(), e.start + uint32(e.nodes()), nil
}

// SyncTrees makes all trees written before durable; see SyncPages.
func (l *Log) SyncTrees() error { return l.syncSet(&l.trees) }

// An Entry says where the tree of a page is.
type Entry struct {
	First       uint64 // sequence of the first event that begins in the page
	Count       int    // events that begin in it
	NodesBefore uint64 // tier-1 nodes of all pages before
}

// End returns the sequence after the last event of the page.
func (e Entry) End() uint64 { return e.First + uint64(e.Count) }

// Nodes returns how many tier-1 nodes the page has.
func (e Entry) Nodes() int { return merkleindex.NodeCount(e.First, e.End()) }

// withTree calls fn with the tree that page lies in, and its place there.
func (l *Log) withTree(page uint64, fn func(t *tree, i int) error) error {
	segment, i := l.place(page)
	it, err := l.s.cache.acquire(itemKey{l, treeFile, segment}, l.openTree)
	if err != nil {
		return missing(l.treePath(segment), err)
	}
	defer l.s.cache.release(it)
	return fn(it.res.(*tree), i)
}

// TreeEntry returns where the tree of a page is. The error is a *CorruptError
// also if the tree is missing.
func (l *Log) TreeEntry(page uint64) (Entry, error) {
	var entry Entry
	err := l.withTree(page, func(t *tree, i int) error {
		e, err := t.checkedEntry(i)
		entry = Entry{First: e.first, Count: int(e.count), NodesBefore: t.nodesBefore(e)}
		return err
	})
	return entry, err
}

func (t *tree) nodesBefore(e rawEntry) uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.head.before + uint64(e.start)
}

// TreeNodesAt fills out with nodes of a page by their places, as
// merkleindex.NodeOffset counts. The error is a *CorruptError, or ErrParams for
// a place that the page does not have.
func (l *Log) TreeNodesAt(page uint64, offsets []int, out []digest.Hash) error {
	return l.withTree(page, func(t *tree, i int) error {
		e, err := t.checkedEntry(i)
		if err != nil {
			return err
		}
		n := e.nodes()
		for _, off := range offsets {
			if off < 0 || off >= n {
				return fmt.Errorf("%w: node %d of %d of page %d", ErrParams, off, n, page)
			}
		}
		return t.data.view(t.nodeOffset(e, 0), n*digest.Size, func(b []byte) error {
			if len(b) < n*digest.Size {
				return flaw(t.path, int64(page), t.nodeOffset(e, 0), "the file ends before its nodes")
			}
			for k, off := range offsets {
				copy(out[k][:], b[off*digest.Size:])
			}
			return nil
		})
	})
}

// TreeNodes returns all nodes of a page. The error is a *CorruptError.
func (l *Log) TreeNodes(page uint64) ([]digest.Hash, error) {
	var nodes []digest.Hash
	err := l.withTree(page, func(t *tree, i int) error {
		t.mu.RLock()
		e, err := t.entry(i)
		t.mu.RUnlock()
		if err != nil {
			return err
		}
		return t.viewNodes(i, e, func(b []byte) error {
			nodes = make([]digest.Hash, len(b)/digest.Size)
			for k := range nodes {
				nodes[k] = digest.Hash(b[k*digest.Size:])
			}
			return nil
		})
	})
	return nodes, err
}
