// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A range that turns out to be of another history than the prefix of its log is
// dropped. Its head stays, as it proves a fork once the prefix has its size: a
// small row, one for each log, the first.

// A SetDoubt keeps the head of a range which does not fit its log, or with the
// zero head forgets the one that is kept.
type SetDoubt struct {
	Log  digest.Hash
	Head proof.Head
}

func (d *SetDoubt) write(_ *Committer, t *aof.Txn) error {
	if d.Head == (proof.Head{}) {
		return aof.DeleteRow(t, layout.Doubts, d.Log)
	}
	return aof.PutRow(t, layout.Doubts, d.Log, d.Head)
}

func (d *SetDoubt) made(s *Store) error {
	s.ranges.mu.Lock()
	defer s.ranges.mu.Unlock()
	if d.Head == (proof.Head{}) {
		delete(s.ranges.doubts, d.Log)
	} else {
		s.ranges.doubts[d.Log] = d.Head
	}
	return nil
}

// Doubt returns the head that is kept of a log, if there is one.
func (s *Store) Doubt(log digest.Hash) (proof.Head, bool) {
	s.ranges.mu.RLock()
	defer s.ranges.mu.RUnlock()
	h, ok := s.ranges.doubts[log]
	return h, ok
}

// Doubts returns the logs of which a head is kept.
func (s *Store) Doubts() (logs []digest.Hash) {
	s.ranges.mu.RLock()
	defer s.ranges.mu.RUnlock()
	for log := range s.ranges.doubts {
		logs = append(logs, log)
	}
	return logs
}

func (s *Store) loadDoubts() error {
	s.ranges.doubts = map[digest.Hash]proof.Head{}
	return s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Doubts, func(log digest.Hash, h proof.Head) error {
			s.ranges.doubts[log] = h
			return nil
		})
	})
}
