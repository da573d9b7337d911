// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// RangeFork looks for a head that contradicts the one of a verified range: of
// the same size, or of a size at which the range or the prefix tells the root.
// Whether heads of other sizes contradict each other is seen when the prefix
// reaches them.
func (s *Store) RangeFork(l *Log, r *syncer.Range) (f proof.Fork, found bool, err error) {
	p := l.State()
	if r.Head.Size <= p.Size {
		f, err := s.ProveFork(l, r.Head)
		return f, err == nil, nil // it proves none where both are of one history
	}
	heads := []proof.Head{p.Head}
	for _, h := range s.ranges.of(l.ID) {
		heads = append(heads, h.head)
	}
	var last proof.Head
	for _, h := range heads {
		if h == last || h.Size == 0 {
			continue
		}
		last = h
		if f, found, err = contradicts(l, r, h); found || err != nil {
			return f, found, err
		}
	}
	return f, false, nil
}

// contradicts proves that a head and a range's are not of one history, where
// that can be told.
func contradicts(l *Log, r *syncer.Range, h proof.Head) (f proof.Fork, found bool, err error) {
	root, hashes := digest.Hash{}, []digest.Hash(nil)
	switch {
	case h.Size == r.Head.Size:
		if h.Root == r.Head.Root {
			return f, false, nil
		}
	case h.Size < r.First || h.Size > r.End():
		return f, false, nil
	default:
		if root, hashes, err = rootIn(r, h.Size); err != nil || root == h.Root {
			return f, false, err
		}
	}
	f = proof.NewFork(l.Name(), h, r.Head, root, hashes)
	return f, f.Verify() == nil, nil // a head of a row that was not read may be damaged
}

// rootIn returns the root at a size inside of a range, and the consistency proof
// from there to the range's head.
func rootIn(r *syncer.Range, size uint64) (digest.Hash, []digest.Hash, error) {
	part, err := r.Cut(r.First, size)
	if err != nil {
		return digest.Hash{}, nil, err
	}
	m, err := mmrindex.New(part.First, part.Left)
	if err != nil {
		return digest.Hash{}, nil, err
	}
	root, err := rootBehind(m, part.Leaves)
	if err != nil {
		return root, nil, err
	}
	t, err := treeOf(r)
	if err != nil {
		return root, nil, err
	}
	hashes, err := mmrindex.Consistency(size, r.Head.Size, t)
	return root, hashes, err
}

// CheckRange verifies a range that was read, as when it came.
func CheckRange(r *syncer.Range) error {
	_, err := syncer.VerifyRange(syncer.LogInfo{Log: r.Info.Log, Topic: r.Info.Topic}, r.Message())
	return err
}
