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

// What is behind the pushes of a topic is told once those are written that waited,
// whatever else is put in, and at once if there are none.
func TestBehindPushes(t *testing.T) {
	o := newOutbox()
	told := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	put := func(log byte, topic uint32, live bool) {
		o.push(push{topic: topic, log: digest.Hash{log}, to: 1, live: live})
	}
	put(1, 7, true)
	put(2, 7, false)
	put(3, 8, false)
	seven, eight, both, none := o.behind([]uint32{7}), o.behind([]uint32{8}), o.behind([]uint32{7, 8}), o.behind([]uint32{9})
	put(4, 7, true)
	if !told(none) || told(seven) || told(eight) {
		t.Error("what is behind no push waits, or what is behind one does not")
	}
	written := map[byte]bool{}
	taken := byte(0)
	for range 5 {
		if taken == 0 {
			o.send(&messages.Ping{}, false) // goes first
			o.next()
		}
		was := taken
		if len(written) < 3 {
			_, p, _ := o.next()
			taken = p.log[0]
		} else {
			o.close()
			o.next()
		}
		if was != 0 {
			written[was] = true
		}
		if told(seven) != (written[1] && written[2]) || told(eight) != written[3] || told(both) != (written[1] && written[2] && written[3]) {
			t.Fatalf("written are %v, and it is told: %v, %v, %v", written, told(seven), told(eight), told(both))
		}
	}
}
