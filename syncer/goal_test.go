// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/messages"
)

// A syncCall is a sync that was asked for, and what either side held then.
type syncCall struct {
	e      *simEnd
	number uint64
	held   map[digest.Hash]uint64
	forks  []digest.Hash // of which both sides held another history
	ticks  int
}

// sync asks an end for a sync.
func (n *simNet) sync(e *simEnd, confirm bool) *syncCall {
	c := &syncCall{e: e, held: map[digest.Hash]uint64{}}
	for _, node := range []*simNode{e.node, e.peer.node} {
		for id, l := range node.logs {
			c.held[id] = max(c.held[id], l.state().Size)
		}
	}
	for id, l := range e.node.logs {
		theirs := e.peer.node.logs[id]
		if theirs == nil {
			continue
		}
		size := min(len(l.Leaves), len(theirs.Leaves))
		if !equal(l.Leaves[:size], theirs.Leaves[:size]) {
			c.forks = append(c.forks, id)
		}
	}
	e.asked++
	c.number = e.asked
	e.in = append(e.in, Nudge{Confirm: confirm})
	return c
}

// over reports whether the sync is done, and looks whether both sides hold all of it.
func (n *simNet) over(c *syncCall) bool {
	n.t.Helper()
	if c.e.synced < c.number {
		return false
	}
	for id, size := range c.held {
		for _, node := range []*simNode{c.e.node, c.e.peer.node} {
			l := node.logs[id]
			if l == nil || l.state().Size < size && l.fork == nil {
				n.t.Fatalf("a sync ended, and %d events of log %s are not on both sides", size, id.Short())
			}
		}
	}
	for _, id := range c.forks {
		for _, node := range []*simNode{c.e.node, c.e.peer.node} {
			if node.logs[id].fork == nil {
				n.t.Fatalf("a sync ended, and a side does not know that log %s was forked", id.Short())
			}
		}
	}
	return true
}

// storm lets all nodes write while they sync, for so many ticks of so many steps, without
// a moment of rest, also in logs that are new, and calls f before each.
func (n *simNet) storm(ticks, steps int, f func(tick int)) {
	logs := make([]int, len(n.nodes))
	for tick := range ticks {
		f(tick)
		for range steps {
			n.step()
			if n.r.IntN(20) > 0 {
				continue
			}
			who := n.r.IntN(len(n.nodes))
			if n.r.IntN(10) == 0 && logs[who] < 20 {
				logs[who]++
			}
			l := n.nodes[who].own(byte(100 + 21*who + n.r.IntN(1+logs[who])))
			l.write(20, fmt.Sprint("event ", n.steps))
			n.nodes[who].wrote(l)
		}
		n.now = n.now.Add(time.Second)
		for _, e := range n.ends {
			if e.tick {
				e.tick, e.in = false, append(e.in, Tick{n.now})
			}
		}
	}
}

// A sync ends though members write without a pause, in sessions that agreed before and
// in new ones, and both sides then hold what either held when it was asked for.
func TestSyncEndsWhileMembersWrite(t *testing.T) {
	most, seeds := 0, uint64(18)
	if race.Enabled {
		seeds = 3
	}
	for seed := range seeds {
		n := meshNet(t, seed, []string{"ring", "line", "star"}[seed%3], 3)
		n.fail = []float64{0, 0.1}[seed/3%2]
		if seed%5 == 0 {
			n.first = func(int) messages.Rung { return messages.RungSketch }
		}
		for i, node := range n.nodes {
			n.writeSome(node, i, n.r.IntN(15))
		}
		old := seed%2 == 0
		if old {
			n.settle()
		}
		n.steps = 0
		var calls []*syncCall
		steps := []int{400, 80, 20}[seed%4%3]
		n.storm(7200/steps, steps, func(tick int) {
			var open []*syncCall
			for _, c := range calls {
				if n.over(c) {
					most = max(most, c.ticks*steps)
				} else if c.ticks++; c.ticks*steps > 3600 {
					t.Fatalf("seed %d: a sync is not over after %d ticks:%s", seed, c.ticks, n.describe())
				} else {
					open = append(open, c)
				}
			}
			if calls = open; tick*steps < 3600 && (tick == 0 || n.r.IntN(3) == 0) {
				e := n.ends[n.r.IntN(len(n.ends))]
				calls = append(calls, n.sync(e, old || tick > 0))
			}
		})
		if len(calls) > 0 {
			t.Fatalf("seed %d: %d syncs are not over", seed, len(calls))
		}
		n.settle()
		n.sameEverywhere()
	}
	t.Logf("the longest took %d steps", most)
}

// A sync of two that hold branches of a forked log ends once both know of the fork,
// whether or not they write meanwhile.
func TestSyncTellsForks(t *testing.T) {
	for seed := range uint64(16) {
		n := meshNet(t, seed, "line", 2)
		n.forks = true
		old := seed%2 == 0
		if old {
			n.settle()
		}
		id := n.splitBrain()
		if seed%8 > 1 { // branches of one length: no size says that something is missing
			n.nodes[0].logs[id].upTo(n.nodes[1].logs[id])
		}
		if old {
			for _, node := range n.nodes {
				node.wrote(node.logs[id])
			}
		}
		calls := []*syncCall{n.sync(n.ends[0], old), n.sync(n.ends[1], old)}
		n.storm(60, 80, func(int) {
			for _, c := range calls {
				n.over(c)
			}
		})
		for _, c := range calls {
			if !n.over(c) {
				t.Fatalf("seed %d: a sync is not over:%s", seed, n.describe())
			}
		}
		n.settle()
	}
}

// upTo lets the shorter one of two branches grow to the length of the other one.
func (l *pageLog) upTo(other *pageLog) {
	if len(l.Leaves) > len(other.Leaves) {
		l, other = other, l
	}
	for i := len(l.Leaves); i < len(other.Leaves); i++ {
		l.add(twinRecord(1000, fmt.Sprint("even ", i)))
	}
	l.SignAll()
}

// Syncs that are asked for all the time do not keep each other from their end.
func TestSyncsDoNotPutEachOtherOff(t *testing.T) {
	n := meshNet(t, 1, "line", 2)
	n.settle()
	e := n.ends[0]
	for range 50 {
		before := e.synced
		for range 40 {
			n.sync(e, true)
			for range 4 {
				n.step()
			}
		}
		if e.synced == before {
			t.Fatalf("none of %d syncs is over", e.asked)
		}
	}
	last := n.sync(e, true)
	n.settle()
	if !n.over(last) {
		t.Error("the last sync is not over, though all rest")
	}
}

// On a pair that agrees a sync is a PING and a digest, and their answers.
func TestSyncOfAnAgreedPair(t *testing.T) {
	n := meshNet(t, 1, "line", 2)
	n.writeSome(n.nodes[0], 0, 30)
	n.settle()
	e, said := n.ends[0], len(n.bodies)
	c, sent, trips := n.sync(e, true), e.sent+e.peer.sent, e.s.RoundTrips()
	for n.step() {
	}
	if !n.over(c) {
		t.Fatal("it waits for a tick")
	}
	if sent = e.sent + e.peer.sent - sent; sent > 250 || e.s.RoundTrips() != trips+1 || len(n.bodies) != said {
		t.Errorf("it took %d bytes and %d round trips", sent, e.s.RoundTrips()-trips)
	}
}

// A side asked for its digest while something is under way states it once that is here.
func TestAskedWhileBusy(t *testing.T) {
	a, b := newHouse(1), newHouse(2)
	a.in[0], b.in[0] = true, true
	v := visitOf(t, 1, a, b, nil)
	v.rest()
	s := v.ends[0]
	topic := s.byID[TestTopic(0).ID()]
	missing := digest.Sum([]byte("a log of the peer"))
	topic.theirs[missing] = &remote{id: missing}
	topic.theirs[missing].hears(5)
	topic.busy[missing] = topic.theirs[missing]
	done := func(out []Output) (n int) {
		for _, o := range out {
			if m, ok := o.(Send); ok && m.Message.Type() == messages.TypeSyncDone {
				n++
			}
		}
		return n
	}
	m := &messages.SyncDone{Topic: topic.number, Ask: true}
	if n := done(append(s.Step(Received{m}), s.Step(Drained{1})...)); n != 0 {
		t.Errorf("%d digests before what the peer was known to have is here", n)
	}
	topic.theirs[missing].hears(9) // more that is known by now does not count
	topic.owed[missing] = 0
	if n := done(s.Step(Tick{v.now.Add(time.Second)})); n != 1 {
		t.Errorf("%d digests once it is here, want 1", n)
	}
}

// A sync with a peer that leaves a log alone ends too, and says so.
func TestSyncEndsApart(t *testing.T) {
	n := meshNet(t, 3, "line", 2)
	n.writeSome(n.nodes[0], 0, 5)
	n.settle()
	full := n.nodes[0].own(99)
	n.nodes[1].refuses = full.info.Log
	full.write(20, "more than the peer has room for")
	n.nodes[0].wrote(full)
	var calls []*syncCall
	n.storm(20, 400, func(tick int) {
		if tick == 2 {
			calls = append(calls, n.sync(n.ends[0], true), n.sync(n.ends[1], true))
		}
	})
	for i, c := range calls {
		if c.e.synced < c.number || len(c.e.apart) == 0 {
			t.Errorf("end %d: sync %d of %d is over, and it is apart %v", i, c.e.synced, c.number, c.e.apart)
		}
	}
}

// A position of a roster that was stated before says nothing of what was appended since.
func TestReaches(t *testing.T) {
	at := func(leg uint32, size uint64) identity.Position {
		return identity.Position{Leg: leg, Size: size, Root: digest.Sum(fmt.Append(nil, leg, size))}
	}
	for _, c := range []struct {
		p, q identity.Position
		want bool
	}{
		{at(1, 3), at(1, 3), true}, {at(1, 4), at(1, 3), true}, {at(2, 1), at(1, 9), true},
		{at(1, 3), at(1, 4), false}, {at(1, 9), at(2, 1), false},
		{at(1, 3), identity.Position{Leg: 1, Size: 3}, false}, // a fork
	} {
		if holdsAll(c.p, c.q) != c.want {
			t.Errorf("%v reaches %v: %v", c.p, c.q, !c.want)
		}
	}
}
