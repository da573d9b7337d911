// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Inclusion returns the RFC 9162 inclusion proof of an event in the tree of
// the given size. It is verified before it is returned, so that a flipped byte
// in a tree file comes back as a *CorruptError and never as a wrong proof.
func (s *Store) Inclusion(l *Log, sequence, size uint64) ([]digest.Hash, error) {
	return s.inclusionIn(l, l.State(), sequence, size)
}

// inclusionIn is Inclusion in a state of the log.
func (s *Store) inclusionIn(l *Log, p *LogState, sequence, size uint64) ([]digest.Hash, error) {
	if sequence >= size || size > p.Size {
		return nil, fmt.Errorf("%w: event %d at size %d of %d", ErrRange, sequence, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	leaf, err := n.node(0, sequence) // first: most of the path is of its page
	if err != nil {
		return nil, err
	}
	hashes, err := mmrindex.Inclusion(sequence, size, n)
	if err != nil {
		return nil, err
	}
	return hashes, n.verify(leaf, sequence, size, hashes, p)
}

// verify verifies a proof whose hashes n read, and keeps what that proved.
// If all above the lowest level that is kept came from what is kept, which
// was verified before, it does so up to that level only.
func (n *nodes) verify(leaf digest.Hash, sequence, size uint64, hashes []digest.Hash, p *LogState) error {
	low := lowestHigh(n.size)
	top := mmrindex.NodeID{Level: uint8(low), Index: sequence >> low}
	kept := low > 0 && top.End() <= min(n.size, size)
	var h digest.Hash
	if kept {
		h = climb(leaf, sequence, hashes[:low])
		if known, ok := n.l.high.get(top); ok && known == h && len(n.fresh) == 0 {
			return nil
		}
	}
	m, _, err := n.split(size, p)
	if err != nil {
		return err
	}
	if err := proof.VerifyInclusion(leaf, sequence, size, hashes, m.Root()); err != nil {
		return n.damaged(fmt.Sprintf("the proof of event %d", sequence), err)
	}
	if kept {
		n.l.high.put(top, h, n.size)
	}
	for _, f := range n.fresh {
		n.l.high.put(f.id, f.hash, n.size)
	}
	return nil
}

// climb returns the node so many levels above a leaf as there are siblings.
func climb(h digest.Hash, sequence uint64, siblings []digest.Hash) digest.Hash {
	d := digest.Borrow()
	defer d.Return()
	for k := range siblings {
		if sequence>>k&1 == 1 {
			h = d.Node(&siblings[k], &h)
		} else {
			h = d.Node(&h, &siblings[k])
		}
	}
	return h
}
