// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"fmt"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// A climb is the way from a node up to the root of a tree, which size and
// sequence fix: through the siblings below the peak that holds the leaf, once
// to the peaks on the right, bagged, and to each peak on the left.
type climb struct {
	seq         uint64
	level, peak int // siblings from level up to below peak
	right       int // 1 if there are peaks on the right
	left        int // peaks on the left
}

func newClimb(level int, seq, size uint64) climb {
	peak := bits.Len64(seq^size) - 1
	c := climb{seq: seq, level: level, peak: peak, left: bits.OnesCount64(size >> (peak + 1))}
	if size&(1<<peak-1) != 0 {
		c.right = 1
	}
	return c
}

// check refuses proofs with other than the one possible number of hashes.
func (c climb) check(hashes []digest.Hash) error {
	if want := c.peak - c.level + c.right + c.left; len(hashes) != want {
		return fmt.Errorf("%w: %d hashes, want %d", ErrProof, len(hashes), want)
	}
	return nil
}

// isLeft reports whether the i-th hash on the way belongs on the left.
func (c climb) isLeft(i int) bool {
	if k := c.level + i; k < c.peak {
		return c.seq>>k&1 == 1
	}
	return i >= c.peak-c.level+c.right
}

// same compares the root that a proof leads to with the one it should.
func same(what string, got, want digest.Hash) error {
	if got != want {
		return fmt.Errorf("%w: %s %s, want %s", ErrProof, what, got, want)
	}
	return nil
}

// VerifyInclusion checks that the leaf hash has that sequence in the tree of
// that size and root (RFC 9162, section 2.1.3.2). The error is ErrProof.
func VerifyInclusion(leaf digest.Hash, seq, size uint64, hashes []digest.Hash, root digest.Hash) error {
	if seq >= size || size > merkleindex.MaxSize {
		return fmt.Errorf("%w: sequence %d at size %d", ErrProof, seq, size)
	}
	c := newClimb(0, seq, size)
	if err := c.check(hashes); err != nil {
		return err
	}
	d := digest.Borrow()
	defer d.Return()
	h := leaf
	for i := range hashes {
		if c.isLeft(i) {
			h = d.Node(&hashes[i], &h)
		} else {
			h = d.Node(&h, &hashes[i])
		}
	}
	return same("root", h, root)
}

// VerifyConsistency checks that the tree of size old and root oldRoot is the
// beginning of the tree of that size and root (RFC 9162, section 2.1.4.2). The
// empty tree is the beginning of every tree. The error is ErrProof.
func VerifyConsistency(old uint64, oldRoot digest.Hash, size uint64, root digest.Hash, hashes []digest.Hash) error {
	switch {
	case old > size || size > merkleindex.MaxSize:
		return fmt.Errorf("%w: size %d before %d", ErrProof, old, size)
	case old == 0 || old == size:
		return verifyNoStep(old, oldRoot, size, root, hashes)
	}
	level := bits.TrailingZeros64(old)
	was := oldRoot // the peak that the proof starts at, if it is the whole old tree
	if old != 1<<level {
		if len(hashes) == 0 {
			return fmt.Errorf("%w: no hashes from %d to %d", ErrProof, old, size)
		}
		was, hashes = hashes[0], hashes[1:]
	}
	c := newClimb(level, old-1, size)
	if err := c.check(hashes); err != nil {
		return err
	}
	now := was
	for i, p := range hashes {
		if c.isLeft(i) { // what is left of the old tree's end is in both trees
			was, now = digest.Node(p, was), digest.Node(p, now)
		} else {
			now = digest.Node(now, p)
		}
	}
	if err := same("old root", was, oldRoot); err != nil {
		return err
	}
	return same("root", now, root)
}

// verifyNoStep checks what needs no hashes: a tree with itself, or with the
// empty one.
func verifyNoStep(old uint64, oldRoot digest.Hash, size uint64, root digest.Hash, hashes []digest.Hash) error {
	if len(hashes) != 0 {
		return fmt.Errorf("%w: %d hashes from %d to %d, want none", ErrProof, len(hashes), old, size)
	}
	if old == 0 {
		if err := same("empty root", oldRoot, digest.Empty); err != nil {
			return err
		}
	}
	if old == size {
		return same("root", root, oldRoot)
	}
	return nil
}

// VerifyRange checks that the leaves under left, then those under mid, then
// those under the compact range right, which goes on to size, make the tree of
// that size and root. A holder of left who hashed mid from events thereby
// knows that the events are in their places. The error is ErrProof.
func VerifyRange(left mmrindex.Peaks, mid merkleindex.CompactRange, right []digest.Hash, size uint64, root digest.Hash) error {
	all := left.CompactRange()
	if err := all.Merge(mid, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	rest := merkleindex.CompactRange{Begin: all.End, End: size, Hashes: right}
	if err := all.Merge(rest, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return same("root", merkleindex.Bag(all.Hashes), root)
}
