// SPDX-License-Identifier: MPL-2.0

package store

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Offered returns the topics of this store as sessions take them, in the order of
// joining: one value of each for all sessions, and a new one if it is followed in
// another way than before, or has another join key. Nobody writes to what it returns.
func (s *Store) Offered() []*syncer.Topic {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	return s.topics.offered
}

// offer is a topic as sessions take it.
func (s *Store) offer(t *Topic) *syncer.Topic {
	o := &syncer.Topic{ID: t.ID, Keys: t.Keys, Policy: t.Genesis.Policy, Genesis: t.Genesis}
	if names, all := s.Followed(t.ID); !all {
		o.Follows = syncer.FollowsOf(append(names, t.Log))
	}
	return o
}

// loadOffered makes those of all topics.
func (s *Store) loadOffered() {
	joined := s.AllTopics()
	s.topics.offered = make([]*syncer.Topic, 0, len(joined))
	for _, t := range joined {
		if !t.Left {
			s.topics.offered = append(s.topics.offered, s.offer(t))
		}
	}
}

// offerAnew replaces that of a topic that is followed in another way.
func (s *Store) offerAnew(topic digest.Hash) {
	t, err := s.Topic(topic)
	if err != nil {
		return
	}
	o := s.offer(t)
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	s.topics.offerInstead(o)
}

// offerInstead replaces what is offered of a topic; t.mu is held.
func (t *topics) offerInstead(o *syncer.Topic) {
	t.offered = slices.Clone(t.offered) // sessions have what it was
	for i := range t.offered {
		if t.offered[i].ID == o.ID {
			t.offered[i] = o
		}
	}
}
