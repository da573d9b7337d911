// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/chunk"
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
		return f, err == nil, nil // it proves none if both are of one history
	}
	ours, err := l.Head(p)
	if err != nil {
		return f, false, err
	}
	heads := []proof.Head{ours}
	for _, h := range s.ranges.of(l.ID) {
		heads = append(heads, h.head)
	}
	var last proof.Head
	for _, h := range heads {
		if h == last || h.Size == 0 {
			continue
		}
		last = h
		if f, found, err = chunk.Contradiction(l.Name(), r, h); found || err != nil {
			return f, found, err
		}
	}
	return f, false, nil
}
