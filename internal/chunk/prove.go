// SPDX-License-Identifier: MPL-2.0

package chunk

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Check verifies a range that was read, as when it came.
func Check(r *syncer.Range) error {
	_, err := syncer.VerifyRange(syncer.LogOf(r.Info.Log, identity.LogName{Topic: r.Info.Topic}, r.Info.Genesis), r.Message())
	return err
}

// Inclusion returns the inclusion proof of an event of a range at a size: one
// that the range reaches to, or that of its head.
func Inclusion(r *syncer.Range, seq, size uint64) ([]digest.Hash, error) {
	t, err := treeOf(r)
	if err != nil {
		return nil, err
	}
	return mmrindex.Inclusion(seq, size, t)
}

// Root returns the root at a size inside of a range, and the consistency proof
// from there to the range's head.
func Root(r *syncer.Range, size uint64) (digest.Hash, []digest.Hash, error) {
	part, err := r.Cut(r.First, size)
	if err != nil {
		return digest.Hash{}, nil, err
	}
	m, err := mmrindex.New(part.First, part.Left)
	if err == nil {
		m, err = m.With(part.Leaves)
	}
	if err != nil {
		return digest.Hash{}, nil, err
	}
	t, err := treeOf(r)
	if err != nil {
		return digest.Hash{}, nil, err
	}
	hashes, err := mmrindex.Consistency(size, r.Head.Size, t)
	return m.Root(), hashes, err
}

// Contradiction proves that a head and a range's are not of one history of the
// log, if that can be told.
func Contradiction(log identity.LogName, r *syncer.Range, h proof.Head) (f proof.Fork, found bool, err error) {
	root, hashes := digest.Hash{}, []digest.Hash(nil)
	switch {
	case h.Size == r.Head.Size:
		if h.Root == r.Head.Root {
			return f, false, nil
		}
	case h.Size < r.First || h.Size > r.End():
		return f, false, nil
	default:
		if root, hashes, err = Root(r, h.Size); err != nil || root == h.Root {
			return f, false, err
		}
	}
	f = proof.NewFork(log, h, r.Head, root, hashes)
	return f, f.Verify() == nil, nil // a head of a row that was not read may be damaged
}
