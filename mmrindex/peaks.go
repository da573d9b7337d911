// SPDX-License-Identifier: MPL-2.0

// Package mmrindex is tier 2 of a log's tree (docs/architecture.md): the
// mountains, which are the peaks of the whole log, and the nodes that span
// pages. It also finds proofs in stored nodes, whichever tier they are from.
//
// Peaks grow by merging the compact range of a page; the nodes which that
// completes are shown to a callback and stored by whoever owns a disk, in the
// order they were shown, where SpanBase and SpanOffset find them again. Proofs
// and compact ranges are read through Nodes: first it is computed which nodes
// are needed, then they are read together, then the answer is computed.
//
// The package is pure: no files, no clocks. Start with Peaks.
package mmrindex

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// Errors of this package.
var (
	// ErrPeaks is returned for peaks that do not fit their size, and for a range
	// that does not begin where the mountains end.
	ErrPeaks = errors.New("not the peaks of a tree")
	// ErrSize is returned for a proof of something that the size does not hold.
	ErrSize = errors.New("a size or position past the end of the tree")
)

// A NodeID names a complete subtree.
type NodeID = merkleindex.NodeID

// Peaks are a log's size and the hashes of its largest complete subtrees,
// the peaks. The zero Peaks are those of an empty log.
//
// Peaks are a value: a copy stays as it was, whatever becomes of the
// original, because Append and Merge write the new peaks to new memory.
type Peaks struct {
	all merkleindex.CompactRange // from 0; its hashes are never written to
}

// New returns the mountains of that size with a copy of those peaks, largest
// first. The error is ErrPeaks if there are not as many as the size has.
func New(size uint64, peaks []digest.Hash) (Peaks, error) {
	all := merkleindex.CompactRange{End: size, Hashes: slices.Clone(peaks)}
	if err := all.Valid(); err != nil {
		return Peaks{}, fmt.Errorf("%w: %w", ErrPeaks, err)
	}
	return Peaks{all}, nil
}

// Size returns the number of leaves.
func (m Peaks) Size() uint64 { return m.all.End }

// Hashes returns the peaks, largest first, in a slice of the caller's own.
func (m Peaks) Hashes() []digest.Hash { return slices.Clone(m.all.Hashes) }

// Peak returns the hash of a node that is a peak, and false for any other.
func (m Peaks) Peak(id NodeID) (digest.Hash, bool) {
	size := m.Size()
	if id.Level > 62 || size>>id.Level&1 == 0 || id.Index != size>>id.Level-1 {
		return digest.Hash{}, false
	}
	return m.all.Hashes[bits.OnesCount64(size>>id.Level)-1], true
}

// CompactRange returns the peaks as the compact range [0, Size), the caller's own.
func (m Peaks) CompactRange() merkleindex.CompactRange { return m.all.Clone() }

// Root bags the peaks from right to left, which is the RFC 6962 tree head;
// digest.Empty for a log without events.
func (m Peaks) Root() digest.Hash { return merkleindex.Bag(m.all.Hashes) }

// Clone returns a copy that shares no memory with m. An assignment does as well
// as long as only this package's methods touch the peaks.
func (m Peaks) Clone() Peaks { return Peaks{m.all.Clone()} }

// With returns m with leaves put behind it; m stays as it was.
func (m Peaks) With(leaves []digest.Hash) (Peaks, error) {
	r, err := merkleindex.RangeOf(m.Size(), leaves)
	whole := m.Clone()
	if err == nil {
		err = whole.Merge(r, nil)
	}
	return whole, err
}

// Append adds one leaf hash and shows visit, unless it is nil, each node that
// this completes. It copies all peaks: a run of leaves is better merged.
func (m *Peaks) Append(leaf digest.Hash, visit merkleindex.Visit) error {
	at := m.Size()
	return m.Merge(merkleindex.CompactRange{Begin: at, End: at + 1, Hashes: []digest.Hash{leaf}}, visit)
}

// Merge adds the range that begins at m's size and shows visit, unless it is
// nil, each node that this completes. When r is a page, those are its tier-2
// nodes, in the order that SpanOffset counts. The error is ErrPeaks, and m is
// then unchanged.
func (m *Peaks) Merge(r merkleindex.CompactRange, visit merkleindex.Visit) error {
	all := merkleindex.CompactRange{End: m.all.End}
	all.Hashes = append(make([]digest.Hash, 0, len(m.all.Hashes)+len(r.Hashes)), m.all.Hashes...)
	if err := all.Merge(r, visit); err != nil {
		return fmt.Errorf("%w: %w", ErrPeaks, err)
	}
	m.all = all
	return nil
}
