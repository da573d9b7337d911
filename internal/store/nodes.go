// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// nodes reads the tree of one log: leaves from events, tier 1 from .tree
// files, tier 2 from the mmr file, and what is above the open page from memory.
type nodes struct {
	s     *Store
	l     *Log
	pages uint64             // full pages that can be read,
	size  uint64             // and the events in them
	peaks mmrindex.Mountains // of the events that are published, or none
	open  *merkleindex.Builder
	last  pagePlace // most of a proof's tier-1 nodes are of one page
	pair  struct {  // the leaves hashed last
		first  uint64
		leaves []digest.Hash
		room   [2]digest.Hash
	}
	fresh []freshNode // read from files and not verified yet
}

type freshNode struct {
	id   mmrindex.NodeID
	hash digest.Hash
}

// A pagePlace is a page and the events that begin in it.
type pagePlace struct{ page, first, end uint64 }

// nodesOf returns a reader for the log as p publishes it.
func (s *Store) nodesOf(l *Log, p *Published) (*nodes, error) {
	n := &nodes{s: s, l: l, pages: p.Pages, size: p.PagesSize, peaks: p.Mountains}
	if p.Size == p.PagesSize {
		return n, nil
	}
	var err error
	n.open, err = s.openTreeOf(l, p)
	return n, err
}

// ReadNodes fills out with the hashes of ids, each a whole subtree.
func (n *nodes) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	n.l.high.getAll(ids, out)
	if err := n.inPage(ids, out); err != nil {
		return err
	}
	for i, id := range ids {
		if out[i] != (digest.Hash{}) {
			continue
		}
		h, err := n.node(uint(id.Level), id.Index)
		if err != nil {
			return err
		}
		out[i] = h
	}
	return nil
}

func (n *nodes) node(level uint, index uint64) (digest.Hash, error) {
	if h, ok := n.peaks.Peak(mmrindex.NodeID{Level: uint8(level), Index: index}); ok {
		return h, nil
	}
	begin, end := index<<level, (index+1)<<level
	switch {
	case end > n.size && begin < n.size: // spans into the open page
		left, err := n.node(level-1, 2*index)
		if err != nil {
			return left, err
		}
		right, err := n.node(level-1, 2*index+1)
		return digest.Node(left, right), err
	case end > n.size:
		return n.openNode(level, index)
	case level == 0:
		return n.leaf(begin)
	}
	return n.stored(level, index, end)
}

func (n *nodes) openNode(level uint, index uint64) (digest.Hash, error) {
	if n.open != nil {
		if h, ok := n.open.Node(level, index); ok {
			return h, nil
		}
	}
	return digest.Hash{}, fmt.Errorf("%w: node %d of level %d", ErrRange, index, level)
}

// stored reads a node that was completed in a full page.
func (n *nodes) stored(level uint, index, end uint64) (digest.Hash, error) {
	id := mmrindex.NodeID{Level: uint8(level), Index: index}
	if h, ok := n.l.high.get(id); ok {
		return h, nil
	}
	h, ok, err := n.tier1(level, index)
	if !ok {
		if err = n.find(end - 1); err == nil {
			h, ok, err = n.tier1(level, index)
		}
	}
	if err == nil && !ok {
		h, err = n.tier2(level, index)
	}
	n.read(id, h)
	return h, err
}

// read notes a node that was read from a file, if it is high enough to be kept
// once it is verified.
func (n *nodes) read(id mmrindex.NodeID, h digest.Hash) {
	if int(id.Level) >= lowestHigh(n.size) {
		n.fresh = append(n.fresh, freshNode{id, h})
	}
}

// find makes the page that holds a sequence the last one.
func (n *nodes) find(sequence uint64) (err error) {
	if sequence >= n.last.first && sequence < n.last.end {
		return nil
	}
	n.last = pagePlace{}
	n.last.page, n.last.first, n.last.end, err = n.l.files.FindPage(sequence, n.pages)
	return err
}

// tier1 reads a node that lies in the page looked at last; false says that it
// does not.
func (n *nodes) tier1(level uint, index uint64) (digest.Hash, bool, error) {
	off, ok := merkleindex.NodeOffset(n.last.first, n.last.end, level, index)
	if !ok {
		return digest.Hash{}, false, nil
	}
	var h [1]digest.Hash
	err := n.treeNodes([]int{off}, h[:])
	if err == nil {
		err = known(mmrindex.NodeID{Level: uint8(level), Index: index}, h[0])
	}
	return h[0], true, err
}

func (n *nodes) treeNodes(offsets []int, out []digest.Hash) error {
	err := n.l.files.TreeNodesAt(n.last.page, offsets, out)
	if errors.Is(err, segwriter.ErrParams) {
		err = &CorruptError{Where: "trees of log " + n.l.ID.String(), What: "a page's tree is too small", Err: err}
	}
	return err
}

// inPage sets those of out that lie in the page looked at last, with one look.
func (n *nodes) inPage(ids []mmrindex.NodeID, out []digest.Hash) error {
	var (
		room   [16]int
		places [16]int
		hashes [16]digest.Hash
	)
	offsets, at := room[:0], places[:0]
	for i, id := range ids {
		if len(at) == len(places) || id.Level == 0 {
			continue
		}
		if off, ok := merkleindex.NodeOffset(n.last.first, n.last.end, uint(id.Level), id.Index); ok {
			offsets, at = append(offsets, off), append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	err := n.treeNodes(offsets, hashes[:len(at)])
	for k, i := range at {
		out[i] = hashes[k]
		if err == nil {
			err = known(ids[i], hashes[k])
		}
		n.read(ids[i], hashes[k])
	}
	return err
}

func (n *nodes) tier2(level uint, index uint64) (digest.Hash, error) {
	off, ok := mmrindex.SpanOffset(n.last.first, n.last.end, level, index)
	if !ok {
		return digest.Hash{}, fmt.Errorf("%w: node %d of level %d in page %d", ErrRange, index, level, n.last.page)
	}
	entry, err := n.l.files.TreeEntry(n.last.page)
	if err != nil {
		return digest.Hash{}, err
	}
	return n.l.files.SpanNode(mmrindex.SpanBase(n.last.first, entry.NodesBefore) + uint64(off))
}

// leaf hashes an event, and with it the other one of its pair if that is in the
// same page: a proof asks for both.
func (n *nodes) leaf(sequence uint64) (digest.Hash, error) {
	if i := sequence - n.pair.first; i < uint64(len(n.pair.leaves)) {
		return n.pair.leaves[i], nil
	}
	if err := n.find(sequence); err != nil {
		return digest.Hash{}, err
	}
	if h, found, err := n.erasedLeaf(sequence); found || err != nil {
		return h, err
	}
	from := max(sequence&^1, n.last.first)
	n.pair.first, n.pair.leaves = from, n.pair.room[:0]
	_, _, err := n.s.pageRun(n.l, n.last.page, from, min(sequence|1+1, n.last.end), func(run Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			n.pair.leaves = append(n.pair.leaves, r.LeafHash())
			return nil
		})
	})
	if err == nil && uint64(len(n.pair.leaves)) <= sequence-from {
		err = fmt.Errorf("%w: event %d", ErrRange, sequence)
	}
	if err != nil {
		n.pair.leaves = nil
		return digest.Hash{}, err
	}
	return n.pair.leaves[sequence-from], nil
}

// erasedLeaf returns the leaf hash of an event of the page looked at last, if
// something of that page is erased. The error is a *segwriter.ErasedError for
// one of which the hash is not known.
func (n *nodes) erasedLeaf(sequence uint64) (h digest.Hash, found bool, err error) {
	ref, err := n.l.files.Page(n.last.page)
	if err != nil {
		return h, false, err
	}
	defer ref.Release()
	if ref.Header.Kind != segwriter.KindErased {
		return h, false, nil
	}
	tree, err := ref.Header.TreeOf(ref.Bytes)
	if err != nil {
		return h, false, err
	}
	if h, found = tree.Node(0, sequence); !found {
		err = &segwriter.ErasedError{First: sequence, End: sequence + 1}
	}
	return h, found, err
}

// known returns a *segwriter.ErasedError for a node of which a page's tree does
// not know the hash, because all below it is wholly erased.
func known(id mmrindex.NodeID, h digest.Hash) error {
	if h == (digest.Hash{}) {
		return &segwriter.ErasedError{First: id.Begin(), End: id.End()}
	}
	return nil
}

// sealedMountains reads the peaks at the end of a log's full pages. A store that
// is only read may have damaged trees: then the pages tell.
func (s *Store) sealedMountains(l *Log, pages, size uint64) (mmrindex.Mountains, error) {
	m, err := mmrindex.Peaks(size, &nodes{s: s, l: l, pages: pages, size: size})
	if s.opts.ReadOnly && err != nil && !ofTheMoment(err) {
		return s.mountainsOfPages(l, pages, size)
	}
	return m, err
}

// spansBefore counts the tier-2 nodes below the end of a log's full pages.
func (l *Log) spansBefore(pages, size uint64) (uint64, error) {
	if pages == 0 {
		return 0, nil
	}
	e, err := l.files.TreeEntry(pages - 1)
	if err != nil {
		return 0, err
	}
	tier1 := e.NodesBefore + uint64(merkleindex.NodeCount(e.First, e.First+uint64(e.Count)))
	return mmrindex.SpanBase(size, tier1), nil
}

// An openTree is the tree of a log's open page at some size, kept so that
// proof after proof need not hash it again.
type openTree struct {
	first, size uint64
	b           *merkleindex.Builder
}

func (s *Store) openTreeOf(l *Log, p *Published) (*merkleindex.Builder, error) {
	l.openMu.Lock()
	defer l.openMu.Unlock()
	if t := l.open; t != nil && t.first == p.PagesSize && t.size == p.Size {
		return t.b, nil
	}
	b := merkleindex.NewBuilder(p.PagesSize)
	err := s.eachRun(l, p.PagesSize, p.Size, func(run Run) error {
		return run.Each(func(_ uint64, r *event.Record) error {
			b.Append(r.LeafHash())
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	l.open = &openTree{first: p.PagesSize, size: p.Size, b: b}
	return b, nil
}
