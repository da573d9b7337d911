// SPDX-License-Identifier: MPL-2.0

package session

import (
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// offered returns the topics of this node in the order in which a session
// offers them to a peer: the default one, those that were shared with the peer
// before, and the others. Those are in another order in each session, so that
// of more than a session may offer without result other ones are offered in the
// next.
func (k *Set) offered(peer identity.PeerID) []syncer.Topic {
	all := k.Store.Topics()
	if len(all) == 0 {
		return nil
	}
	history := k.Store.Source()
	known, rest := all[:1:1], make([]*store.Topic, 0, len(all))
	for _, t := range all[1:] {
		if history.Met(peer, t.ID) {
			known = append(known, t)
		} else {
			rest = append(rest, t)
		}
	}
	rand.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	topics := make([]syncer.Topic, 0, len(all))
	for _, t := range slices.Concat(known, rest) {
		topics = append(topics, k.topicOf(t))
	}
	return topics
}

// topicOf is a topic as sessions know it.
func (k *Set) topicOf(t *store.Topic) syncer.Topic {
	topic := syncer.Topic{ID: t.ID, Keys: t.Keys, Policy: t.Genesis.Policy}
	if names, all := k.Store.Followed(t.ID); !all {
		topic.Follows = syncer.FollowsOf(append(names, t.Log))
	}
	return topic
}

// topicsMoved makes a session offer and leave topics as this node is in them
// now. Done is closed when it has said so.
type topicsMoved struct{ done chan struct{} }

// MoveTopics makes the session offer the topics that this node has joined and leave
// those that it has left; said is closed when it has said so.
func (s *Session) MoveTopics() (said <-chan struct{}) {
	m := &topicsMoved{done: make(chan struct{})}
	s.tell(m)
	return m.done
}

// moveTopics tells the core what changed.
func (s *Session) moveTopics() {
	if s.core == nil {
		return
	}
	now := s.set.offered(s.conn.Peer())
	in := make(map[identity.TopicID]bool, len(now))
	for _, t := range now {
		in[t.ID] = true
	}
	for id := range s.in {
		if !in[id] {
			delete(s.in, id)
			s.step(syncer.TopicRemoved{ID: id})
		}
	}
	for _, t := range now {
		before, was := s.in[t.ID]
		if was && sameFollows(before, t.Follows) {
			continue
		}
		if was {
			s.step(syncer.TopicRemoved{ID: t.ID})
		}
		s.in[t.ID] = t.Follows
		s.step(syncer.TopicAdded{Topic: t})
	}
}

// sameFollows reports whether two sides of a choice are one.
func sameFollows(a, b syncer.Follows) bool {
	if (a == nil) != (b == nil) || len(a) != len(b) {
		return false
	}
	for name := range a {
		if !b[name] {
			return false
		}
	}
	return true
}
