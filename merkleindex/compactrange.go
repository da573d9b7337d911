// SPDX-License-Identifier: MPL-2.0

package merkleindex

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A CompactRange is a compact range: the hashes, left to right, of the largest
// complete subtrees that together cover the leaves [Begin, End). The zero CompactRange
// is the empty one at the start of a log.
//
// Copies of a CompactRange share Hashes, and Append and Merge write to them in place;
// Clone before two copies go different ways.
type CompactRange struct {
	Begin, End uint64
	Hashes     []digest.Hash
}

// RangeLen returns how many hashes the compact range [begin, end) has; at most
// 122, and 0 for a range that cannot be.
func RangeLen(begin, end uint64) int {
	if begin >= end || end > MaxSize {
		return 0
	}
	// The pivot is the leaf between begin and end that the tallest subtrees
	// meet at. Subtrees grow towards it and shrink after it, and each is one
	// bit of its distance.
	pivot := end >> topBit(begin, end) << topBit(begin, end)
	return bits.OnesCount64(pivot-begin) + bits.OnesCount64(end-pivot)
}

// RangeNodes returns the nodes of the compact range [begin, end), left to
// right; none for a range that cannot be.
func RangeNodes(begin, end uint64) []NodeID {
	return slices.AppendSeq(make([]NodeID, 0, RangeLen(begin, end)), rangeNodes(begin, end))
}

// rangeNodes is RangeNodes without memory.
func rangeNodes(begin, end uint64) iter.Seq[NodeID] {
	return func(yield func(NodeID) bool) {
		if end > MaxSize {
			return
		}
		for at := begin; at < end; {
			level := min(bits.TrailingZeros64(at), bits.Len64(end-at)-1)
			if !yield(NodeID{Level: uint8(level), Index: at >> level}) {
				return
			}
			at += 1 << level
		}
	}
}

// Bag folds the hashes of a compact range, right to left, into one. A range
// from 0 bags to the RFC 6962 tree head; no hashes bag to digest.Empty.
func Bag(hashes []digest.Hash) digest.Hash {
	if len(hashes) == 0 {
		return digest.Empty
	}
	last := len(hashes) - 1
	h := hashes[last]
	for _, left := range slices.Backward(hashes[:last]) {
		h = digest.Node(left, h)
	}
	return h
}

// RangeOf returns the compact range of leaves from a sequence on.
func RangeOf(first uint64, leaves []digest.Hash) (CompactRange, error) {
	r := CompactRange{Begin: first, End: first}
	for _, leaf := range leaves {
		if err := r.Append(leaf, nil); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Valid returns ErrRange unless r can be and has as many hashes as it needs.
// Whether they are the right ones only a root can tell.
func (r CompactRange) Valid() error {
	if r.Begin > r.End || r.End > MaxSize {
		return fmt.Errorf("%w: [%d, %d)", ErrRange, r.Begin, r.End)
	}
	if want := RangeLen(r.Begin, r.End); len(r.Hashes) != want {
		return fmt.Errorf("%w: [%d, %d) has %d hashes, want %d", ErrRange, r.Begin, r.End, len(r.Hashes), want)
	}
	return nil
}

// Append adds the leaf hash at r.End and shows visit, unless it is nil, each
// node that this completes. The error is ErrRange, and r is then unchanged.
func (r *CompactRange) Append(leaf digest.Hash, visit Visit) error {
	one := [1]digest.Hash{leaf}
	return r.Merge(CompactRange{Begin: r.End, End: r.End + 1, Hashes: one[:]}, visit)
}

// Merge adds the range that begins where r ends and shows visit, unless it is
// nil, each node that this completes: those with leaves on both sides of the
// seam. The error is ErrRange, and r is then unchanged.
func (r *CompactRange) Merge(right CompactRange, visit Visit) error {
	if err := r.Valid(); err != nil {
		return err
	}
	if err := right.Valid(); err != nil {
		return err
	}
	if right.Begin != r.End {
		return fmt.Errorf("%w: [%d, %d) does not begin at %d", ErrRange, right.Begin, right.End, r.End)
	}
	i := 0
	for id := range rangeNodes(right.Begin, right.End) {
		r.push(id, right.Hashes[i], visit)
		i++
	}
	r.End = right.End
	return nil
}

// push adds the node that begins where r's nodes end. While that node is a
// right child and its sibling is in r, the sibling is r's last hash, and both
// give way to their parent.
func (r *CompactRange) push(id NodeID, h digest.Hash, visit Visit) {
	for id.Index&1 == 1 && (id.Index-1)<<id.Level >= r.Begin {
		last := len(r.Hashes) - 1
		h = digest.Node(r.Hashes[last], h)
		r.Hashes = r.Hashes[:last]
		id = NodeID{Level: id.Level + 1, Index: id.Index >> 1}
		if visit != nil {
			visit(uint(id.Level), id.Index, h)
		}
	}
	r.Hashes = append(r.Hashes, h)
}

// Root bags the range: the RFC 6962 tree head if Begin is 0, a page root
// if the range is a page's. The error is ErrRange.
func (r CompactRange) Root() (digest.Hash, error) {
	if err := r.Valid(); err != nil {
		return digest.Hash{}, err
	}
	return Bag(r.Hashes), nil
}

// Clone returns a copy of r that shares nothing with it.
func (r CompactRange) Clone() CompactRange {
	r.Hashes = slices.Clone(r.Hashes)
	return r
}

// topBit returns the highest bit in which begin and end differ.
func topBit(begin, end uint64) int { return bits.Len64(begin^end) - 1 }
