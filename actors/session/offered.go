// SPDX-License-Identifier: MPL-2.0

package session

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// inTurn returns topics of this node in the order in which a session offers them to a
// peer: the default one, those that were shared with the peer before, and the others.
// Those are in another order in each session, so that of more than a session may offer
// without result other ones are offered in the next.
func (k *Set) inTurn(peer identity.PeerID, all []*syncer.Topic) []*syncer.Topic {
	var first, known, rest []*syncer.Topic
	standard, err := k.Store.Topic(identity.TopicID{})
	history := k.Store.Source()
	for _, t := range all {
		switch {
		case err == nil && t.ID == standard.ID:
			first = append(first, t)
		case history.Met(peer, t.ID):
			known = append(known, t)
		default:
			rest = append(rest, t)
		}
	}
	slices.SortFunc(known, func(a, b *syncer.Topic) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	rand.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return slices.Concat(first, known, rest)
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

// moveTopics tells the core what changed. A topic that is followed in another way is
// left and joined again. What is new comes behind all that was there.
func (s *Session) moveTopics() {
	if s.core == nil {
		return
	}
	was, now := s.in, s.set.Store.Offered()
	s.in = now
	for _, old := range was {
		if len(now) > 0 && now[0] == old {
			now = now[1:]
			continue
		}
		s.step(syncer.TopicRemoved{Topic: old})
		if len(now) > 0 && now[0].ID == old.ID {
			s.step(syncer.TopicAdded{Topic: now[0]})
			now = now[1:]
		}
	}
	for _, t := range now {
		s.step(syncer.TopicAdded{Topic: t})
	}
}
