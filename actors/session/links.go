// SPDX-License-Identifier: MPL-2.0

package session

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// links is which sessions push the events of a topic at once, and how many share
// it.
type links struct {
	sync.Mutex // guards both below
	syncer.Links[*Session]
	sharing map[identity.TopicID]int
}

// link does what the step function says of eager and lazy links, and reports
// whether o was about them.
func (s *Session) link(o syncer.Output) bool {
	k := &s.set.links
	k.Lock()
	defer k.Unlock()
	switch o := o.(type) {
	case syncer.Repeated:
		if k.Repeated(o.Topic, s) {
			s.tell(&inputDone{syncer.Prune(o)})
		}
	case syncer.Pruned:
		k.Pruned(o.Topic, s)
	case syncer.Grafted:
		k.Grafted(o.Topic, s)
	default:
		return false
	}
	return true
}

// graft makes the link eager.
func (s *Session) graft(t identity.TopicID) { s.tell(&inputDone{syncer.Graft{Topic: t}}) }

// join takes a session in, with its topics. If one side follows a part of a topic
// the link stays eager, and no other one is pruned for it.
func (k *links) join(s *Session, topics []syncer.SharedTopic) {
	k.Lock()
	defer k.Unlock()
	if k.sharing == nil {
		k.sharing = map[identity.TopicID]int{}
	}
	for _, t := range topics {
		k.sharing[t.ID]++
		if !t.Partial {
			k.Up(t.ID, s)
		}
	}
}

// leave drops a session of a topic; if it was the last eager one, another takes
// its place.
func (k *links) leave(s *Session, t identity.TopicID) {
	k.Lock()
	defer k.Unlock()
	if k.sharing[t]--; k.sharing[t] == 0 {
		delete(k.sharing, t)
	}
	if other, ok := k.Down(t, s); ok {
		other.graft(t)
	}
}

// Links returns how many sessions share a topic.
func (k *Set) Links(t identity.TopicID) int {
	k.links.Lock()
	defer k.links.Unlock()
	return k.links.sharing[t]
}
