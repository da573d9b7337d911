// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
)

// Of a log that comes a session keeps its name until the store has it.
func TestASessionKeepsNoNameOfWhatIsStored(t *testing.T) {
	a, b := newHouse(1), newHouse(2)
	a.in[7], b.in[7] = true, true
	log := b.write(7, "new to the other side")
	v := visitOf(t, 1, a, b, nil)
	at := func() (r *remote) {
		for _, topic := range v.ends[0].topics {
			r = topic.theirs[log]
		}
		return r
	}
	was := false
	for v.step() {
		was = was || at() != nil && at().name != nil
	}
	if _, found, _ := a.Log(log); !found || !was || at() == nil {
		t.Fatalf("the log came: %v, the session knew it by name: %v, and knows it: %v", found, was, at() != nil)
	}
	if at().name != nil {
		t.Error("the store has the log, and the session keeps its name")
	}
}

// A session knows only the difference of a peer's logs: nothing of those that
// both hold alike, however many they are, and of one that grows so long as it does.
func TestASessionKeepsTheDifference(t *testing.T) {
	const logs = 300
	a, b := newHouse(1), newHouse(2)
	a.in[7], b.in[7] = true, true
	writeAll := func(h *house, from, to int) {
		id := h.id
		for i := from; i < to; i++ {
			h.id = identity.PeerID{9, byte(i), byte(i >> 8)}
			h.write(7, "the same on both sides")
		}
		h.id = id
	}
	writeAll(a, 0, logs)
	writeAll(b, 0, logs)
	writeAll(b, logs, logs+3) // a lacks these
	v := visitOf(t, 1, a, b, nil)
	known := func() (n int) {
		for _, e := range v.ends {
			for _, t := range e.topics {
				n += len(t.theirs)
			}
		}
		return n
	}
	v.rest()
	if n := known(); n > 2*3 {
		t.Errorf("%d entries after a sync of 3 logs of %d", n, logs)
	}
	for i := range 5 {
		v.in[1] = append(v.in[1], b.grew(b.write(7, "live")))
		v.rest()
		v.now = v.now.Add(time.Second)
		for k := range v.ends {
			v.tick[k] = false
			v.in[k] = append(v.in[k], Tick{v.now})
		}
		v.rest()
		if n := known(); n > 2*(3+1) || i > 1 && n > 2 {
			t.Errorf("%d entries after %d changes of one log", n, i+1)
		}
	}
	if !v.agreed[0][TestTopic(7).ID()] || !v.agreed[1][TestTopic(7).ID()] {
		t.Error("the two do not agree")
	}
}
