// SPDX-License-Identifier: MPL-2.0

package chunk

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrUnknown is returned for what a range does not tell.
var ErrUnknown = errors.New("the range does not tell")

// A tree is the nodes that are known of a log's tree from one range.
type tree map[mmrindex.NodeID]digest.Hash

// treeOf computes them: those of the compact ranges, of the events, and those
// that they complete together.
func treeOf(r *syncer.Range) (tree, error) {
	t := tree{}
	put := func(begin, end uint64, hashes []digest.Hash) {
		for i, id := range merkleindex.RangeNodes(begin, end) {
			t[id] = hashes[i]
		}
	}
	visit := func(level uint, index uint64, h digest.Hash) {
		t[mmrindex.NodeID{Level: uint8(level), Index: index}] = h
	}
	m, err := mmrindex.New(r.First, r.Left)
	if err != nil {
		return nil, err
	}
	put(0, r.First, r.Left)
	for i, leaf := range r.Leaves {
		visit(0, r.First+uint64(i), leaf)
		if err := m.Append(leaf, visit); err != nil {
			return nil, err
		}
	}
	err = m.Merge(merkleindex.CompactRange{Begin: r.End(), End: r.Head.Size, Hashes: r.Right}, visit)
	if err == nil {
		put(r.End(), r.Head.Size, r.Right)
	}
	return t, err
}

// ReadNodes implements mmrindex.Nodes.
func (t tree) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		h, ok := t[id]
		if !ok {
			return fmt.Errorf("%w: node %d of level %d", ErrUnknown, id.Index, id.Level)
		}
		out[i] = h
	}
	return nil
}
