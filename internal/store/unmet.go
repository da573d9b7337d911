// SPDX-License-Identifier: MPL-2.0

package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A store that was restored from a backup and adopted is an older copy of itself if
// the device appended after the backup, and it cannot know. Until it has agreed with
// a peer in a topic, which brings back what that one holds of its log, an append
// there could be another event instead of one that was signed: a fork.

// unmet are the topics in which that has not happened yet.
type unmet struct {
	any atomic.Bool // whether all has entries, for appends

	mu  sync.Mutex                // guards all and met
	all map[digest.Hash]time.Time // when the backup was made
	met []digest.Hash             // whose rows are still to be deleted
}

// Unmet returns the time of the backup that the store was restored from, if it has
// met no peer in a topic since.
func (s *Store) Unmet(topic digest.Hash) (backup time.Time, is bool) {
	if !s.unmet.any.Load() {
		return backup, false
	}
	s.unmet.mu.Lock()
	defer s.unmet.mu.Unlock()
	backup, is = s.unmet.all[topic]
	return backup, is
}

// MetPeer takes note that a peer holds of a topic what this store does. Its row goes
// with CursorRows: if that is lost, a peer is to be met once more.
func (s *Store) MetPeer(topic digest.Hash) {
	if _, is := s.Unmet(topic); !is {
		return
	}
	s.unmet.mu.Lock()
	defer s.unmet.mu.Unlock()
	delete(s.unmet.all, topic)
	s.unmet.any.Store(len(s.unmet.all) > 0)
	s.unmet.met = append(s.unmet.met, topic)
}

// metRows returns what deletes the rows of topics in which a peer was met.
func (s *Store) metRows() (puts []Change) {
	s.unmet.mu.Lock()
	defer s.unmet.mu.Unlock()
	for _, topic := range s.unmet.met {
		puts = append(puts, deleteOf(layout.Unmet, topic))
	}
	s.unmet.met = nil
	return puts
}

func unmetIn(v *aof.View) (map[digest.Hash]time.Time, error) {
	all := map[digest.Hash]time.Time{}
	err := aof.EachRow(v, layout.Unmet, func(topic digest.Hash, backup time.Time) error {
		all[topic] = backup
		return nil
	})
	return all, err
}

func (s *Store) loadUnmet() error {
	var all map[digest.Hash]time.Time
	err := s.aof.View(func(v *aof.View) (err error) {
		all, err = unmetIn(v)
		return err
	})
	s.unmet.mu.Lock()
	defer s.unmet.mu.Unlock()
	s.unmet.all = all
	s.unmet.any.Store(len(all) > 0)
	return err
}

// putUnmet stores that no peer was met since a backup, in any topic.
func (s *Store) putUnmet(t *aof.Txn, backup time.Time) error {
	for topic := range s.topics.all {
		if err := aof.PutRow(t, layout.Unmet, topic, backup); err != nil {
			return err
		}
	}
	return nil
}

// goAlone lets the store append, and write rosters, without having met a peer: a person
// says that none holds events of it that are not here.
func (s *Store) goAlone() error {
	if resumed, err := s.anyResumed(); err != nil || !resumed && !s.unmet.any.Load() {
		return err
	}
	if err := s.aof.Commit(device.DropUnmet); err != nil {
		return err
	}
	return s.loadUnmet()
}
