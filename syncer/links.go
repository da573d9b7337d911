// SPDX-License-Identifier: MPL-2.0

package syncer

import "github.com/xaeroflux/xaeroflux/identity"

// Links knows on which links of a node the events of a topic are pushed. It
// keeps at least one, and lets those that only repeat others become lazy. L
// names a link. Not safe for use by several goroutines at once.
type Links[L comparable] struct {
	topics map[identity.TopicID]map[L]link
	made   uint64
}

// A link is eager or not; the numbers of those that came later are larger.
type link struct {
	eager bool
	nr    uint64
}

// Up takes in a new link, which is eager.
func (k *Links[L]) Up(t identity.TopicID, l L) {
	if k.topics == nil {
		k.topics = map[identity.TopicID]map[L]link{}
	}
	if k.topics[t] == nil {
		k.topics[t] = map[L]link{}
	}
	k.made++
	k.topics[t][l] = link{eager: true, nr: k.made}
}

// set makes a link that is there eager or lazy.
func (k *Links[L]) set(t identity.TopicID, l L, eager bool) {
	if x, ok := k.topics[t][l]; ok {
		k.topics[t][l] = link{eager: eager, nr: x.nr}
	}
}

// Repeated says that a link brought what was here already, and returns whether
// it is to be pruned: not if it is the last one that is eager.
func (k *Links[L]) Repeated(t identity.TopicID, l L) bool {
	if !k.topics[t][l].eager || k.eager(t) < 2 {
		return false
	}
	k.set(t, l, false)
	return true
}

// Pruned says that the peer made a link lazy.
func (k *Links[L]) Pruned(t identity.TopicID, l L) {
	k.set(t, l, false)
}

// Grafted says that a link is eager again.
func (k *Links[L]) Grafted(t identity.TopicID, l L) {
	k.set(t, l, true)
}

// Down drops a link. If that leaves lazy ones only, one of them is to be
// grafted, the one that lasted longest, and is eager from now on.
func (k *Links[L]) Down(t identity.TopicID, l L) (graft L, ok bool) {
	delete(k.topics[t], l)
	if len(k.topics[t]) == 0 {
		delete(k.topics, t)
		return graft, false
	}
	if k.eager(t) > 0 {
		return graft, false
	}
	oldest := k.made + 1
	for l, x := range k.topics[t] {
		if x.nr < oldest {
			graft, oldest = l, x.nr
		}
	}
	k.set(t, graft, true)
	return graft, true
}

// Eager returns whether a link is eager.
func (k *Links[L]) Eager(t identity.TopicID, l L) bool { return k.topics[t][l].eager }

func (k *Links[L]) eager(t identity.TopicID) (n int) {
	for _, x := range k.topics[t] {
		if x.eager {
			n++
		}
	}
	return n
}
