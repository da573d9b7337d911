// SPDX-License-Identifier: MPL-2.0

package session

import (
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

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

// What is new in a topic that agreed before waits for one push of others, not for all.
func TestOutboxTakesTurns(t *testing.T) {
	o := newOutbox()
	for i := range 100 {
		o.push(push{topic: 1, log: digest.Sum([]byte{byte(i)}), to: 1})
	}
	o.push(push{topic: 2, log: digest.Sum([]byte("live")), to: 1, live: true})
	waited := 0
	for {
		if _, p, _ := o.next(); p.live {
			break
		}
		waited++
	}
	if waited > 1 {
		t.Errorf("a live event waited for %d pushes of topics that catch up", waited)
	}
}
