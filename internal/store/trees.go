// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Trees is the core of the page-Merkle builder: it grows the tree of each
// log's open page and writes the trees of full pages beside them.
type Trees struct {
	s    *Store
	logs map[digest.Hash]*pageTree
	news newTrees
}

// A pageTree is the tree of a log's open page.
type pageTree struct {
	l     *Log
	b     *merkleindex.Builder
	write bool // false if only the ranges are wanted
}

// NewTrees returns a core without any state.
func (s *Store) NewTrees() *Trees {
	return &Trees{s: s, logs: map[digest.Hash]*pageTree{}}
}

// Batch grows the trees by b's leaves and forwards b with the compact ranges.
// Leaves that the trees hold already are dropped.
func (t *Trees) Batch(b *messages.Batch, forward Forward) error {
	st, err := t.at(b.Log, b.First, forward)
	if err != nil {
		return err
	}
	if err = t.grow(st, b, forward); err != nil {
		delete(t.logs, b.Log) // it holds what is not written
	}
	return err
}

// Resume takes up a log after a restart: what the segment stage forwarded and
// this stage has not.
func (t *Trees) Resume(id digest.Hash, forward Forward) error {
	l, err := t.s.Log(id)
	if err != nil {
		return err
	}
	_, err = t.at(id, l.segmented.Load(), forward)
	return err
}

func (t *Trees) at(id digest.Hash, sequence uint64, forward Forward) (*pageTree, error) {
	if st := t.logs[id]; st != nil && st.b.End() >= sequence {
		return st, nil
	}
	l, err := t.s.Log(id)
	if err != nil {
		return nil, err
	}
	evict(t.logs)
	st := &pageTree{l: l, write: true}
	err = t.s.replay(l, sequence, func(row *aof.LogRow) error {
		st.b = merkleindex.NewBuilder(row.SealedSize)
		return nil
	}, func(b *messages.Batch) error { return t.grow(st, b, forward) })
	if err != nil {
		return nil, err
	}
	if st.b.End() < sequence {
		return nil, fmt.Errorf("%w: log %s: trees end at %d, next is %d", ErrGap, id.Short(), st.b.End(), sequence)
	}
	t.logs[id] = st
	return st, nil
}

func (t *Trees) grow(st *pageTree, b *messages.Batch, forward Forward) error {
	if b.End() <= st.b.End() {
		return nil
	}
	if err := st.absorb(b, &t.news); err != nil {
		return err
	}
	b.Trees = nil
	st.l.treed.Store(b.End())
	forward(b)
	return nil
}

// newTrees is the trees of the pages that end in one batch. Its slices are used
// again for the next.
type newTrees struct {
	nodes []digest.Hash
	trees []segwriter.Tree
}

// add takes up the tree of a page, or the entries of a group: its first page
// holds the one event, the others none.
func (n *newTrees) add(seal messages.Seal, nodes []digest.Hash) {
	n.trees = append(n.trees, segwriter.Tree{First: seal.First, Count: seal.Count, Nodes: nodes})
	for range seal.Pages - 1 {
		n.trees = append(n.trees, segwriter.Tree{First: seal.End()})
	}
}

// absorb grows the tree by what of b it does not hold, writes the trees of the
// pages that end in b together, and sets b.Ranges. Seals of pages that were
// full before are taken off b.
func (st *pageTree) absorb(b *messages.Batch, scratch *newTrees) error {
	kept := b.Seals[:0:0]
	scratch.nodes, scratch.trees = scratch.nodes[:0], scratch.trees[:0]
	for i, seal := range b.Seals {
		if seal.End() <= st.b.First() {
			continue
		}
		r, err := st.close(b, i, scratch)
		if err != nil {
			return err
		}
		kept = append(kept, seal)
		b.Ranges = append(b.Ranges, r)
	}
	if st.write && len(kept) > 0 {
		if err := st.l.files.WriteTrees(kept[0].Page, scratch.trees); err != nil {
			return err
		}
	}
	st.b.AppendAll(b.Leaves[st.b.End()-b.First:])
	b.Seals = kept
	b.Ranges = append(b.Ranges, st.b.Range())
	return nil
}

// close finishes the page of b's seal i and begins the next one.
func (st *pageTree) close(b *messages.Batch, i int, scratch *newTrees) (merkleindex.CompactRange, error) {
	seal := b.Seals[i]
	if seal.First != st.b.First() || b.First > st.b.End() {
		return merkleindex.CompactRange{}, fmt.Errorf("%w: log %s: page %d begins at %d, the open tree at %d", ErrGap, b.Log.Short(), seal.Page, seal.First, st.b.First())
	}
	defer st.b.Reset(seal.End())
	if b.Trees != nil && seal.First >= b.First {
		scratch.add(seal, b.Trees[i])
		return rangeOf(seal, b.Leaves[seal.First-b.First:seal.End()-b.First], b.Trees[i]), nil
	}
	st.b.AppendAll(b.Leaves[st.b.End()-b.First : seal.End()-b.First])
	begin := len(scratch.nodes)
	scratch.nodes = st.b.Nodes(scratch.nodes)
	scratch.add(seal, scratch.nodes[begin:])
	return st.b.Range(), nil
}

// rangeOf picks a page's compact range out of its finished tree.
func rangeOf(seal messages.Seal, leaves, nodes []digest.Hash) merkleindex.CompactRange {
	r := merkleindex.CompactRange{Begin: seal.First, End: seal.End()}
	for _, id := range merkleindex.RangeNodes(seal.First, seal.End()) {
		if id.Level == 0 {
			r.Hashes = append(r.Hashes, leaves[id.Index-seal.First])
		} else if off, ok := merkleindex.NodeOffset(seal.First, seal.End(), uint(id.Level), id.Index); ok {
			r.Hashes = append(r.Hashes, nodes[off])
		}
	}
	return r
}

// Reset forgets a log.
func (t *Trees) Reset(id digest.Hash) {
	delete(t.logs, id)
	if l, err := t.s.cached(id); err == nil {
		l.treed.Store(0)
	}
}
