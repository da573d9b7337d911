// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"sync"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// links is which sessions push the events of a topic at once, and how many share
// it. The mutex guards both.
type links struct {
	sync.Mutex
	syncer.Links[*session]
	sharing map[identity.TopicID]int
}

// link does what the step function says of eager and lazy links, and reports
// whether o was about them.
func (s *session) link(o syncer.Output) bool {
	k := &s.n.links
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
func (s *session) graft(t identity.TopicID) { s.tell(&inputDone{syncer.Graft{Topic: t}}) }

// linked takes a session in, with its topics. Where one side follows a part of
// a topic the link stays eager, and no other one is pruned for it.
func (n *Node) linked(s *session, o syncer.Shared) {
	n.links.Lock()
	defer n.links.Unlock()
	if n.links.sharing == nil {
		n.links.sharing = map[identity.TopicID]int{}
	}
	for _, t := range o.Topics {
		n.links.sharing[t.ID]++
		if !t.Partial {
			n.links.Up(t.ID, s)
		}
	}
}

// unlinked drops a session; where it was a topic's last eager one, another
// takes its place.
func (n *Node) unlinked(s *session) {
	for _, t := range s.topics() {
		n.unlinkTopic(s, t)
	}
}

// unlinkTopic is unlinked for one topic.
func (n *Node) unlinkTopic(s *session, t identity.TopicID) {
	n.links.Lock()
	defer n.links.Unlock()
	if n.links.sharing[t]--; n.links.sharing[t] == 0 {
		delete(n.links.sharing, t)
	}
	if other, ok := n.links.Down(t, s); ok {
		other.graft(t)
	}
}
