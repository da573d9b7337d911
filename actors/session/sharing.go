// SPDX-License-Identifier: MPL-2.0

package session

import (
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A sharing is the topics that a session shares, guarded by sessionStats.mu. Those that
// certificates share are apart: but for what is in reach nobody is to take the peer for one
// of such a topic.
type sharing struct {
	order   []identity.TopicID                 // in the order in which they were shared
	reach   map[identity.TopicID]*syncer.Reach // of those that certificates share, which are not in order
	number  map[identity.TopicID]uint32
	topic   map[uint32]identity.TopicID
	over    map[identity.TopicID]chan struct{} // closed when the topic is left
	agreed  map[identity.TopicID]bool
	agreeds int  // topics that agree
	lists   bool // more may be offered soon
}

func newSharing() sharing {
	return sharing{
		reach:  map[identity.TopicID]*syncer.Reach{},
		number: map[identity.TopicID]uint32{}, topic: map[uint32]identity.TopicID{},
		over: map[identity.TopicID]chan struct{}{}, agreed: map[identity.TopicID]bool{},
	}
}

func (k *sharing) add(all []syncer.SharedTopic) {
	k.order = slices.Clone(k.order) // others look at what it was
	for _, t := range all {
		if t.Reach != nil {
			k.reach[t.ID] = t.Reach
		} else {
			k.order = append(k.order, t.ID)
		}
		k.number[t.ID], k.topic[t.Number] = t.Number, t.ID
		k.over[t.ID] = make(chan struct{})
	}
}

func (k *sharing) drop(id digest.Hash) {
	n, ok := k.number[id]
	if !ok {
		return
	}
	k.order = slices.DeleteFunc(slices.Clone(k.order), func(x digest.Hash) bool { return x == id })
	delete(k.reach, id)
	delete(k.number, id)
	delete(k.topic, n)
	k.setAgreed(id, false)
	delete(k.agreed, id)
	close(k.over[id])
	delete(k.over, id)
}

// setAgreed reports whether that is news. By certificates nobody agrees on a topic.
func (k *sharing) setAgreed(id digest.Hash, agreed bool) bool {
	if k.agreed[id] == agreed || k.reach[id] != nil {
		return false
	}
	if k.agreed[id] = agreed; agreed {
		k.agreeds++
	} else {
		k.agreeds--
	}
	return true
}

// inSync reports whether all shared topics agree and no others are offered.
func (k *sharing) inSync() bool {
	return !k.lists && len(k.order) > 0 && k.unsettled() == 0
}

// unsettled returns of how many shared topics it is not known that both hold the same.
func (k *sharing) unsettled() int { return len(k.order) + len(k.reach) - k.agreeds }

// addShared takes in topics that are shared from now on; first says that none
// were before.
func (s *Session) addShared(all []syncer.SharedTopic) (first bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.shared.add(all)
	s.stats.notify()
	return !s.known.Swap(true)
}

// dropShared ends what is under way for a topic that is not shared any more.
func (s *Session) dropShared(id identity.TopicID) {
	s.stats.mu.Lock()
	whole := s.stats.shared.reach[id] == nil
	s.stats.shared.drop(id)
	s.stats.notify()
	s.stats.mu.Unlock()
	delete(s.saidPeers, id)
	s.queued = slices.DeleteFunc(s.queued, func(o syncer.Pull) bool { return o.Info.Topic == id })
	s.set.Swarm.Leave(s, id)
	if whole {
		s.set.links.leave(s, id)
	}
	s.set.Host.Left(s, id)
}

// setLists takes note of whether more topics may be offered soon.
func (s *Session) setLists(lists bool) {
	if s.lists == lists {
		return
	}
	s.lists = lists
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	s.stats.shared.lists = lists
	s.stats.notify()
}

// Topics returns the shared topics, in the order in which they were shared, but for
// those that certificates share.
func (s *Session) Topics() []identity.TopicID {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	return s.stats.shared.order
}

// topic returns the shared topic of a number on the wire, unless certificates share it.
func (s *Session) topic(number uint32) (identity.TopicID, bool) {
	id, reach, ok := s.topicWith(number)
	return id, ok && reach == nil
}

// topicWith returns the shared topic of a number on the wire, and what is in reach there.
func (s *Session) topicWith(number uint32) (identity.TopicID, *syncer.Reach, bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	id, ok := s.stats.shared.topic[number]
	return id, s.stats.shared.reach[id], ok
}

// whole reports whether a topic is shared, and not by certificates.
func (s *Session) whole(id identity.TopicID) bool {
	_, ok := s.Number(id)
	return ok
}

// Number returns what a shared topic goes by on the wire, unless certificates share it.
func (s *Session) Number(id identity.TopicID) (uint32, bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	n, ok := s.stats.shared.number[id]
	return n, ok && s.stats.shared.reach[id] == nil
}

// whileShared cancels a stream when a topic is left, until stop is called.
func (s *Session) whileShared(id identity.TopicID, stream transport.Stream) (stop func()) {
	s.stats.mu.Lock()
	over := s.stats.shared.over[id]
	s.stats.mu.Unlock()
	done := make(chan struct{})
	s.spawn(func() {
		select {
		case <-over:
			stream.Cancel(uint64(messages.CodeNotShared))
		case <-done:
		}
	})
	return func() { close(done) }
}
