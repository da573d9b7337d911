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

// A sharing is the topics that a session shares, guarded by sessionStats.mu.
type sharing struct {
	order   []identity.TopicID // in the order in which they were shared
	number  map[identity.TopicID]uint32
	topic   map[uint32]identity.TopicID
	over    map[identity.TopicID]chan struct{} // closed when the topic is left
	agreed  map[identity.TopicID]bool
	agreeds int  // topics that agree
	lists   bool // more may be offered soon
}

func newSharing() sharing {
	return sharing{
		number: map[identity.TopicID]uint32{}, topic: map[uint32]identity.TopicID{},
		over: map[identity.TopicID]chan struct{}{}, agreed: map[identity.TopicID]bool{},
	}
}

func (k *sharing) add(all []syncer.SharedTopic) {
	k.order = slices.Clone(k.order) // others look at what it was
	for _, t := range all {
		k.order = append(k.order, t.ID)
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
	delete(k.number, id)
	delete(k.topic, n)
	k.setAgreed(id, false)
	delete(k.agreed, id)
	close(k.over[id])
	delete(k.over, id)
}

// setAgreed reports whether that is news.
func (k *sharing) setAgreed(id digest.Hash, agreed bool) bool {
	if k.agreed[id] == agreed {
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
	return !k.lists && len(k.order) > 0 && k.agreeds == len(k.order)
}

// unsettled returns of how many shared topics it is not known that both hold the same.
func (k *sharing) unsettled() int { return len(k.order) - k.agreeds }

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
	s.stats.shared.drop(id)
	s.stats.notify()
	s.stats.mu.Unlock()
	delete(s.saidPeers, id)
	s.queued = slices.DeleteFunc(s.queued, func(o syncer.Pull) bool { return o.Info.Topic == id })
	s.set.Swarm.Leave(s, id)
	s.set.links.leave(s, id)
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

// Topics returns the shared topics, in the order in which they were shared.
func (s *Session) Topics() []identity.TopicID {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	return s.stats.shared.order
}

// topic returns the shared topic of a number on the wire.
func (s *Session) topic(number uint32) (identity.TopicID, bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	id, ok := s.stats.shared.topic[number]
	return id, ok
}

// Number returns what a shared topic goes by on the wire.
func (s *Session) Number(id identity.TopicID) (uint32, bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	n, ok := s.stats.shared.number[id]
	return n, ok
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
