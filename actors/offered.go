// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// offered returns the topics of this node in the order in which a session
// offers them to a peer: the default one, those that were shared with the peer
// before, and the others. Those are in another order in each session, so that
// of more than a session may offer without result other ones are offered in the
// next.
func (n *Node) offered(peer identity.PeerID) []syncer.Topic {
	all := n.cfg.Store.Topics()
	if len(all) == 0 {
		return nil
	}
	history := n.cfg.Store.Source()
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
		topics = append(topics, n.topicOf(t))
	}
	return topics
}

// topicOf is a topic as sessions know it.
func (n *Node) topicOf(t *store.Topic) syncer.Topic {
	topic := syncer.Topic{ID: t.ID, Keys: t.Keys, Policy: t.Genesis.Policy}
	if names, all := n.cfg.Store.Followed(t.ID); !all {
		topic.Follows = syncer.FollowsOf(append(names, t.Log))
	}
	return topic
}

// topicsMoved makes a session offer and leave topics as this node is in them
// now. Done is closed when it has said so.
type topicsMoved struct{ done chan struct{} }

// TopicsChanged makes every session offer the topics that this node has joined
// and leave those that it has left. One that is followed in another way than
// before is left and offered again. It returns once all sessions have said so,
// or a moment has passed.
func (n *Node) TopicsChanged() {
	n.look() // another topic may want other peers
	m := map[*session]*topicsMoved{}
	for _, s := range n.live() {
		m[s] = &topicsMoved{done: make(chan struct{})}
		s.tell(m[s])
	}
	deadline := time.After(2 * goodbyeGrace)
	for s, m := range m {
		select {
		case <-m.done:
		case <-s.stopped:
		case <-deadline:
			return
		}
	}
}

// moveTopics tells the core what changed.
func (s *session) moveTopics() {
	if s.core == nil {
		return
	}
	now := s.n.offered(s.conn.Peer())
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
