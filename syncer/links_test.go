// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func TestLinksKeepOneEager(t *testing.T) {
	var k Links[string]
	a, b := digest.Sum([]byte("a")), digest.Sum([]byte("b"))
	for _, l := range []string{"x", "y", "z"} {
		k.Up(a, l)
	}
	k.Up(b, "x")
	if !k.Repeated(a, "x") || !k.Repeated(a, "y") {
		t.Error("links that repeat others stay eager")
	}
	if k.Repeated(a, "y") {
		t.Error("a lazy link is pruned")
	}
	if k.Repeated(a, "z") || k.Repeated(b, "x") {
		t.Error("the last eager link of a topic is pruned")
	}
	if other, ok := k.Down(a, "x"); ok {
		t.Errorf("%s is grafted because a lazy link ended", other)
	}
	other, ok := k.Down(a, "z")
	if !ok || other != "y" || !k.Eager(a, "y") {
		t.Errorf("grafted %q, %v, want y", other, ok)
	}
	k.Pruned(a, "y")
	k.Pruned(a, "gone")
	k.Grafted(a, "gone")
	if k.Eager(a, "y") || k.Eager(a, "gone") {
		t.Error("a pruned link is eager, or one that is gone")
	}
	k.Grafted(a, "y")
	if !k.Eager(a, "y") {
		t.Error("a grafted link is lazy")
	}
	if _, ok := k.Down(a, "y"); ok {
		t.Error("the last link of a topic left another")
	}
}

func TestWatch(t *testing.T) {
	w := Watch{Limit: 30 * time.Second}
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for _, c := range []struct {
		s             int
		owed          bool
		events, bytes uint64
		stalled       bool
	}{
		{0, true, 0, 0, false},
		{29, true, 0, 200, false},
		{30, true, 0, 400, true},
		{31, true, 1, 400, false}, // an event came
		{60, true, 1, 600, false},
		{61, true, 1, 400 + progressBytes - 1, true}, // no more than words
		{62, true, 1, 400 + progressBytes, false},
		{99, false, 1, 400 + progressBytes, false}, // nothing is owed,
		{129, true, 1, 400 + progressBytes, false}, // and it counts from when something is again
		{158, true, 1, 400 + progressBytes, false},
		{159, true, 1, 400 + progressBytes, true},
	} {
		if _, stalled := w.Look(at(c.s), c.owed, c.events, c.bytes); stalled != c.stalled {
			t.Errorf("after %d s: stalled %v, want %v", c.s, stalled, c.stalled)
		}
	}
}

// A session says what it waits for, and what of which log is missing.
func TestStatusOfASession(t *testing.T) {
	n := newSimNet(t, 1, 2)
	n.writeSome(n.nodes[1], 1, 40)
	n.link(n.nodes[0], n.nodes[1])
	s := n.nodes[0].ends[0].s
	words := map[string]bool{}
	most := uint64(0)
	for n.step() {
		st, err := s.Status(1)
		if err != nil {
			t.Fatal(err)
		}
		words[st.Waiting] = true
		most = max(most, st.Events)
		if len(st.Missing) > 1 || st.Logs < len(st.Missing) {
			t.Errorf("%+v", st)
		}
	}
	n.settle()
	if !words["the peer's greeting"] || !words["the peer's list of logs"] || most == 0 || most > 40 {
		t.Errorf("it said %v, at most %d events missing, want some of 40", words, most)
	}
	if st, err := s.Status(1); err != nil || st.Waiting != "" || st.Owed || s.Busy() || st.Events != 0 {
		t.Errorf("at rest: %+v, %v", st, err)
	}
}

// The moves of a node follow from what happened to it alone: of many lazy links
// it is the oldest that is grafted.
func TestLinksGraftTheOldest(t *testing.T) {
	for range 20 {
		var k Links[int]
		topic := digest.Sum([]byte("a"))
		for l := range 9 {
			k.Up(topic, l)
		}
		for l := range 8 {
			k.Repeated(topic, l)
		}
		k.Down(topic, 0)
		if other, ok := k.Down(topic, 8); !ok || other != 1 {
			t.Fatalf("grafted %d, %v, want 1", other, ok)
		}
	}
}

// A session that rested does not stand still because something is owed now.
func TestWatchRests(t *testing.T) {
	w := Watch{Limit: 30 * time.Second}
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	w.Look(at(0), false, 5, 900)
	if stood, stalled := w.Look(at(50), true, 5, 1000); stalled || stood != 0 {
		t.Errorf("stands still for %v after a look at which nothing was owed", stood)
	}
	w.Rest()
	if stood, stalled := w.Look(at(79), true, 5, 1000); stalled || stood != 0 {
		t.Errorf("stands still for %v after a rest", stood)
	}
	if _, stalled := w.Look(at(109), true, 5, 1000); !stalled {
		t.Error("does not stand still 30 s later")
	}
}
