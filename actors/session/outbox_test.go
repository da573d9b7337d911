// SPDX-License-Identifier: MPL-2.0

package session

import (
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// The queue is bounded by what the peer caused, and for each topic: lists of
// many topics that all differ are honest, and many of one topic are not.
func TestOutboxBounds(t *testing.T) {
	list := func(topic uint32) messages.Message { return &messages.Diff{Topic: topic, Rung: messages.RungFrontier} }
	o := newOutbox()
	for topic := range uint32(5000) {
		if !o.send(list(topic), false) || topic < 3000 && !o.send(&messages.Peaks{Topic: topic}, true) {
			t.Fatalf("refused at topic %d, one list each", topic)
		}
	}
	o = newOutbox()
	for n := range maxLists + 1 {
		if o.send(list(7), true) != (n < maxLists) {
			t.Errorf("list %d of a topic: taken %v", n, n >= maxLists)
		}
	}
	o = newOutbox()
	for n := range maxOutbox + 1 {
		if o.send(&messages.Pong{}, true) != (n < maxOutbox) {
			t.Errorf("answer %d: taken %v", n, n >= maxOutbox)
		}
	}
	if ctl, _, _ := o.next(); len(ctl) != maxOutbox || !o.send(&messages.Pong{}, true) {
		t.Error("what was written still counts")
	}
	o = newOutbox()
	for n := range maxOfTopic + 1 {
		if o.send(&messages.Have{Topic: 1}, false) != (n < maxOfTopic) {
			t.Errorf("message %d of our own of a topic: taken %v", n, n >= maxOfTopic)
		}
	}
}

// No events of a topic follow its LEAVE: the peer takes them for a topic that is
// not shared. Those of others still go out.
func TestOutboxPushesNothingBehindLeave(t *testing.T) {
	o, a, b := newOutbox(), digest.Sum([]byte("a")), digest.Sum([]byte("b"))
	o.push(push{topic: 1, log: a, to: 3})
	o.push(push{topic: 2, log: b, to: 4})
	o.send(&messages.Leave{Topic: 1}, false)
	o.push(push{topic: 5, log: a, to: 7}) // it is shared again
	var all []push
	for range 4 {
		if _, p, _ := o.next(); p.to > p.from {
			all = append(all, p)
		}
	}
	if want := []push{{topic: 2, log: b, to: 4}, {topic: 5, log: a, to: 7}}; !slices.Equal(all, want) {
		t.Errorf("pushes behind LEAVE: %v, want %v", all, want)
	}
}
