// SPDX-License-Identifier: MPL-2.0

package mmrindex

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// Nodes is how stored hashes are read. Every id is a complete subtree of the
// log, and all that one answer needs are asked for at once; level 0 are leaf
// hashes. ReadNodes puts the hash of ids[i] at out[i], which is as long as ids.
//
// A node whose leaves all lie in the page of its last leaf is tier 1 and at
// merkleindex.NodeOffset; any other was completed by that page and is at
// SpanBase plus SpanOffset.
type Nodes interface {
	ReadNodes(ids []NodeID, out []digest.Hash) error
}

// Inclusion returns the proof that the leaf of that sequence is in the tree of
// that size: RFC 9162, section 2.1.3.1, from the leaf's sibling upwards. The
// error is ErrSize, or what n returned.
func Inclusion(seq, size uint64, n Nodes) ([]digest.Hash, error) {
	if seq >= size || size > merkleindex.MaxSize {
		return nil, fmt.Errorf("%w: inclusion of %d at size %d", ErrSize, seq, size)
	}
	return pathFrom(0, seq, size).read(n)
}

// Consistency returns the proof that the tree of size old is the beginning of
// the tree of that size: RFC 9162, section 2.1.4.1. It is empty if old is 0
// or size. The error is ErrSize, or what n returned.
func Consistency(old, size uint64, n Nodes) ([]digest.Hash, error) {
	if old > size || size > merkleindex.MaxSize {
		return nil, fmt.Errorf("%w: consistency of %d with size %d", ErrSize, old, size)
	}
	if old == 0 || old == size {
		return nil, nil
	}
	// The proof starts at the smallest peak of the old tree and goes up as an
	// inclusion proof of that peak. If the peak is the whole old tree, the
	// verifier has it already.
	level := bits.TrailingZeros64(old)
	p := pathFrom(level, old-1, size)
	if old != 1<<level {
		p.ids = slices.Insert(p.ids, 0, NodeID{Level: uint8(level), Index: (old - 1) >> level})
		p.inner++
	}
	return p.read(n)
}

// A path is what it takes to get from a node to the root.
type path struct {
	ids   []NodeID
	inner int // ids[:inner] are hashes of the proof as they are
	right int // the next right ids bag to one; the others are hashes again
}

// pathFrom returns the path from the node of that level above the leaf seq to
// the root of that size: siblings below the peak that holds it, then the peaks
// right of that one, bagged, then those left of it from right to left.
func pathFrom(level int, seq, size uint64) path {
	top := bits.Len64(seq^size) - 1 // the level of the peak that holds seq
	p := path{ids: make([]NodeID, 0, top-level+bits.OnesCount64(size))}
	for k := level; k < top; k++ {
		p.ids = append(p.ids, NodeID{Level: uint8(k), Index: seq>>k ^ 1})
	}
	p.inner = len(p.ids)
	peak := NodeID{Level: uint8(top), Index: seq >> top}
	p.ids = append(p.ids, merkleindex.RangeNodes(peak.End(), size)...)
	p.right = len(p.ids) - p.inner
	p.ids = append(p.ids, merkleindex.RangeNodes(0, peak.Begin())...)
	slices.Reverse(p.ids[p.inner+p.right:])
	return p
}

// read fetches the nodes of the path and returns the hashes of the proof.
func (p path) read(n Nodes) ([]digest.Hash, error) {
	if len(p.ids) == 0 {
		return nil, nil
	}
	hashes := make([]digest.Hash, len(p.ids))
	if err := n.ReadNodes(p.ids, hashes); err != nil {
		return nil, fmt.Errorf("read %d nodes of a tree: %w", len(p.ids), err)
	}
	if p.right > 1 {
		hashes[p.inner] = merkleindex.Bag(hashes[p.inner : p.inner+p.right])
		hashes = slices.Delete(hashes, p.inner+1, p.inner+p.right)
	}
	return hashes, nil
}

// CompactRange returns the compact range [begin, end). Together with the range
// from 0 before it, or to the size after it, it proves a run of pages. The
// error is ErrSize, or what n returned.
func CompactRange(begin, end uint64, n Nodes) (merkleindex.CompactRange, error) {
	if begin > end || end > merkleindex.MaxSize {
		return merkleindex.CompactRange{}, fmt.Errorf("%w: range [%d, %d)", ErrSize, begin, end)
	}
	p := path{ids: merkleindex.RangeNodes(begin, end)}
	hashes, err := p.read(n)
	if err != nil {
		return merkleindex.CompactRange{}, err
	}
	return merkleindex.CompactRange{Begin: begin, End: end, Hashes: hashes}, nil
}

// ReadPeaks returns the mountains as they were at that size. The error is ErrSize,
// or what n returned.
func ReadPeaks(size uint64, n Nodes) (Peaks, error) {
	all, err := CompactRange(0, size, n)
	return Peaks{all}, err
}
