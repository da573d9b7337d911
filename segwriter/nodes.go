// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// Nodes reads the tree of the full pages of a log: leaves from events, tier 1 from
// .tree files, tier 2 from the mmr file. None of it is verified but by checksums. It
// belongs to one goroutine.
type Nodes struct {
	l     *Log
	pages uint64
	size  uint64
	last  pagePlace // most of a proof's tier-1 nodes are of one page
	pair  struct {  // the leaves hashed last
		first  uint64
		leaves []digest.Hash
		room   [2]digest.Hash
	}
}

// A pagePlace is a page and the events that begin in it.
type pagePlace struct{ page, first, end uint64 }

// Nodes reads the tree of the first pages of the log, which hold size events.
func (l *Log) Nodes(pages, size uint64) *Nodes { return &Nodes{l: l, pages: pages, size: size} }

// ReadNodes fills out with the hashes of ids, each a whole subtree.
func (n *Nodes) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) (err error) {
	if err := n.ReadNear(ids, out); err != nil {
		return err
	}
	for i, id := range ids {
		if out[i] != (digest.Hash{}) {
			continue
		}
		if out[i], err = n.Node(id); err != nil {
			return err
		}
	}
	return nil
}

// Node returns a node that was completed in a full page. The error is a
// *CorruptError, or an *ErasedError if the hash is not known any more.
func (n *Nodes) Node(id mmrindex.NodeID) (digest.Hash, error) {
	if id.Level == 0 {
		return n.leaf(id.Index)
	}
	h, ok, err := n.tier1(id)
	if !ok {
		if err = n.find(id.End() - 1); err == nil {
			h, ok, err = n.tier1(id)
		}
	}
	if err == nil && !ok {
		h, err = n.tier2(id)
	}
	return h, err
}

// find makes the page that holds a sequence the last one.
func (n *Nodes) find(sequence uint64) (err error) {
	if sequence >= n.last.first && sequence < n.last.end {
		return nil
	}
	n.last = pagePlace{}
	n.last.page, n.last.first, n.last.end, err = n.l.FindPage(sequence, n.pages)
	return err
}

// flaw says what is wrong with the page looked at last.
func (n *Nodes) flaw(format string, args ...any) error {
	segment, _ := n.l.place(n.last.page)
	return flaw(n.l.treePath(segment), int64(n.last.page), -1, format, args...)
}

// tier1 reads a node that lies in the page looked at last; false says that it
// does not.
func (n *Nodes) tier1(id mmrindex.NodeID) (digest.Hash, bool, error) {
	off, ok := merkleindex.NodeOffset(n.last.first, n.last.end, uint(id.Level), id.Index)
	if !ok {
		return digest.Hash{}, false, nil
	}
	var h [1]digest.Hash
	err := n.treeNodes([]int{off}, h[:])
	if err == nil {
		err = known(id, h[0])
	}
	return h[0], true, err
}

func (n *Nodes) treeNodes(offsets []int, out []digest.Hash) error {
	err := n.l.TreeNodesAt(n.last.page, offsets, out)
	if errors.Is(err, ErrParams) {
		err = n.flaw("the tree is too small: %v", err)
	}
	return err
}

// ReadNear sets those of out that are not set and lie in the page looked at last,
// with one look.
func (n *Nodes) ReadNear(ids []mmrindex.NodeID, out []digest.Hash) error {
	var (
		room   [16]int
		places [16]int
		hashes [16]digest.Hash
	)
	offsets, at := room[:0], places[:0]
	for i, id := range ids {
		if len(at) == len(places) || id.Level == 0 || out[i] != (digest.Hash{}) {
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
		if out[i] = hashes[k]; err == nil {
			err = known(ids[i], hashes[k])
		}
	}
	return err
}

func (n *Nodes) tier2(id mmrindex.NodeID) (digest.Hash, error) {
	off, ok := mmrindex.SpanOffset(n.last.first, n.last.end, uint(id.Level), id.Index)
	if !ok {
		return digest.Hash{}, n.flaw("node %d of level %d is not completed by events %d to %d", id.Index, id.Level, n.last.first, n.last.end)
	}
	entry, err := n.l.TreeEntry(n.last.page)
	if err != nil {
		return digest.Hash{}, err
	}
	return n.l.SpanNode(mmrindex.SpanBase(n.last.first, entry.NodesBefore) + uint64(off))
}

// leaf hashes an event, and with it the other one of its pair if that is in the
// same page: a proof asks for both.
func (n *Nodes) leaf(sequence uint64) (digest.Hash, error) {
	if i := sequence - n.pair.first; i < uint64(len(n.pair.leaves)) {
		return n.pair.leaves[i], nil
	}
	if err := n.find(sequence); err != nil {
		return digest.Hash{}, err
	}
	ref, err := n.l.Page(n.last.page)
	if err != nil {
		return digest.Hash{}, err
	}
	defer ref.Release()
	if ref.Header.Kind == KindErased {
		return erasedLeaf(&ref, sequence)
	}
	records, err := n.records(&ref)
	if errors.Is(err, ErrRewritten) { // it is an image now
		return n.leaf(sequence)
	}
	if err == nil {
		err = n.hash(records, ref.Header.First, sequence)
	}
	if err != nil {
		n.pair.leaves = nil
		return digest.Hash{}, err
	}
	return n.pair.leaves[sequence-n.pair.first], nil
}

// records returns those of a page, or of the group that begins there.
func (n *Nodes) records(ref *PageRef) ([]byte, error) {
	switch ref.Header.Kind {
	case KindRecords:
		return ref.Header.Records(ref.Bytes), nil
	case KindGroup:
		return n.l.Group(n.last.page, ref.Header.Span)
	}
	return nil, n.flaw("a page in the middle of an event where one should begin")
}

// hash hashes the pair of a sequence, of records from first on.
func (n *Nodes) hash(records []byte, first, sequence uint64) error {
	n.pair.first, n.pair.leaves = max(sequence&^1, n.last.first), n.pair.room[:0]
	if first > n.pair.first {
		return n.flaw("the page begins with event %d, want %d", first, n.last.first)
	}
	records, err := event.SkipRecords(records, n.pair.first-first)
	for seq := n.pair.first; err == nil && seq < min(sequence|1+1, n.last.end); seq++ {
		rec, size, decoded := event.DecodeRecord(records)
		if err = decoded; err == nil {
			n.pair.leaves, records = append(n.pair.leaves, rec.LeafHash()), records[size:]
		}
	}
	if err != nil {
		err = n.flaw("the records of its page: %v", err)
	}
	return err
}

// erasedLeaf returns the leaf hash of an event in an image. The error is an
// *ErasedError for one of which the hash is not known.
func erasedLeaf(ref *PageRef, sequence uint64) (digest.Hash, error) {
	tree, err := ref.Header.TreeOf(ref.Bytes)
	if err != nil {
		return digest.Hash{}, err
	}
	h, found := tree.Node(0, sequence)
	if !found {
		err = &ErasedError{First: sequence, End: sequence + 1}
	}
	return h, err
}

// known returns an *ErasedError for a node of which a page's tree does not know
// the hash, because all below it is wholly erased.
func known(id mmrindex.NodeID, h digest.Hash) error {
	if h == (digest.Hash{}) {
		return &ErasedError{First: id.Begin(), End: id.End()}
	}
	return nil
}
