// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/parallel"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Rule: the signatures in the records of a leg are most of what folding it costs, and
// depend on the records alone. Of long legs they are looked at on all processors, and it is
// kept up to where all of them are right, with the root there, which no other records have.

// manyRecords is how many records that nobody looked at make it worth while to look at them
// side by side, and to keep that it was done.
const manyRecords = 64

// signedOf returns for each record of a leg whether its signatures are right, as far as that
// is known or worth finding out beside the fold; s.rosters.mu is held.
func (s *Store) signedOf(t *Topic, l *Log, raw []roster.Raw) []bool {
	if len(raw) < manyRecords {
		return nil
	}
	known := min(s.signedUpTo(l), len(raw))
	all := make([]bool, len(raw))
	for i := range known {
		all[i] = true
	}
	if len(raw)-known < manyRecords {
		return all
	}
	parallel.Each(len(raw)-known, func(i int) { all[known+i] = roster.Signed(t.ID, raw[known+i]) })
	end := known
	for end < len(all) && all[end] {
		end++
	}
	if end >= known+manyRecords {
		s.rosters.signed[l.ID] = uint64(end)
	}
	return all
}

// signedUpTo returns of how many records of a leg it is kept that their signatures are
// right; 0 if the leg has others by now, or that cannot be told.
func (s *Store) signedUpTo(l *Log) int {
	var tip layout.Tip
	err := s.aof.View(func(v *aof.View) (err error) {
		tip, _, err = aof.Row(v, layout.SignedLegs, l.ID)
		return err
	})
	if err != nil || tip.Size == 0 {
		return 0
	}
	if root, err := s.rootAt(l, tip.Size); err != nil || root != tip.Root {
		return 0
	}
	return int(tip.Size)
}

// rootAt returns the root of a log at a size that it has; the error is ErrRange for another.
func (s *Store) rootAt(l *Log, size uint64) (digest.Hash, error) {
	p := l.Whole()
	if size > p.Size {
		return digest.Hash{}, fmt.Errorf("%w: size %d of %d", ErrRange, size, p.Size)
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return digest.Hash{}, err
	}
	peaks, _, err := n.split(size, p)
	if err != nil {
		return digest.Hash{}, err
	}
	return peaks.Root(), nil
}

// Signed is a change that keeps of how much of some legs all signatures are right.
type Signed map[digest.Hash]layout.Tip

// NewSigned returns the change that keeps what was found out of the legs of a topic's
// roster; nil if that is nothing new.
func (s *Store) NewSigned(t *Topic) (Signed, error) {
	n := Signed{}
	ids, err := s.legIDs(t)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		s.rosters.mu.Lock()
		size := s.rosters.signed[id]
		delete(s.rosters.signed, id)
		s.rosters.mu.Unlock()
		if l, err := s.knownLog(id); size > 0 && l != nil && err == nil {
			if root, err := s.rootAt(l, size); err == nil {
				n[id] = layout.Tip{Size: size, Root: root}
			}
		}
	}
	if len(n) == 0 {
		return nil, nil
	}
	return n, nil
}

func (n Signed) write(_ *Committer, txn *aof.Txn) error {
	for id, tip := range n {
		if err := aof.PutRow(txn, layout.SignedLegs, id, tip); err != nil {
			return err
		}
	}
	return nil
}

func (n Signed) made(*Store) error { return nil }
