// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// same is the answer of a sync after which both sides hold the same.
const same = reasons

func (n *simNet) ticks() {
	for n.step() {
	}
	n.now = n.now.Add(time.Second)
	for _, e := range n.ends {
		if e.tick {
			e.tick, e.in = false, append(e.in, Tick{n.now})
		}
	}
}

// partOf gives a node so many events of a branch of an author, under a head of more.
func (w *simNode) partOf(author, branch byte, held, of int) *pageLog {
	l := w.own(author)
	for i := range of {
		l.add(twinRecord(50, fmt.Sprint("branch ", branch, " ", i)))
	}
	l.SignAll()
	l.info.Own = false
	if held < of {
		if err := l.Cut(uint64(held)); err != nil {
			panic(err)
		}
	}
	return l
}

// What two sides may be left with, and what a sync of either side says of it. However a
// log or a topic came to be so, a sync ends: within so many seconds in all.
func TestEveryStateEndsASync(t *testing.T) {
	const never = 1 << 40
	for _, c := range []struct {
		what   string
		make   func(n *simNet, a, b *simNode)
		ends   [2]Reason // of a sync of a, and of b
		within int       // seconds
	}{
		{"both hold the same", func(_ *simNet, a, b *simNode) {}, [2]Reason{same, same}, 1},
		{"each lacks something", func(n *simNet, a, b *simNode) {
			n.writeSome(a, 0, 7)
			n.writeSome(b, 1, 7)
		}, [2]Reason{same, same}, 3},
		{"a forked log", func(_ *simNet, a, b *simNode) {
			a.partOf(99, 0, 5, 5)
			b.partOf(99, 1, 4, 4)
		}, [2]Reason{same, same}, 4},
		{"a forked log that is not proven", func(_ *simNet, a, b *simNode) {
			a.partOf(99, 0, 5, 5)
			b.partOf(99, 1, 3, 7)
		}, [2]Reason{NotTaken, Unsettled}, 4},
		{"a fork whose proof one side does not keep", func(_ *simNet, a, b *simNode) {
			a.partOf(99, 0, 5, 5)
			b.partOf(99, 1, 4, 4)
			b.forgets = true
		}, [2]Reason{Unsettled, Unsettled}, 4},
		{"a log that is not wanted: a quota, files that take nothing, an event that was erased", func(_ *simNet, a, b *simNode) {
			b.refuses = a.partOf(99, 0, 5, 5).info.Log
		}, [2]Reason{LeftThere, LeftHere}, 4},
		{"a log of pages that is not wanted", func(_ *simNet, a, b *simNode) {
			b.refuses = a.partOf(99, 0, 9000, 9000).info.Log
		}, [2]Reason{LeftThere, LeftHere}, 4},
		{"a log that fails to be stored", func(_ *simNet, a, b *simNode) {
			b.breaks = a.partOf(99, 0, 5, 5).info.Log
		}, [2]Reason{NotTaken, Failed}, 30},
		{"pages that are not served", func(_ *simNet, a, b *simNode) {
			a.mute = a.partOf(99, 0, 9000, 9000).info.Log
		}, [2]Reason{NotTaken, Failed}, 30},
		{"a log that one roster admits", func(_ *simNet, a, b *simNode) {
			id := a.partOf(99, 0, 5, 5).info.Log
			a.admitted, b.admitted = map[digest.Hash]uint64{id: 0}, map[digest.Hash]uint64{id: never}
			b.deaf = true
		}, [2]Reason{NotTaken, Unsettled}, 15},
		{"a provisional log", func(_ *simNet, a, b *simNode) {
			id := a.partOf(99, 0, 5, 5).info.Log
			a.admitted, b.admitted = map[digest.Hash]uint64{id: never}, map[digest.Hash]uint64{id: never}
			a.invited, b.invited = map[digest.Hash]uint64{id: 0}, map[digest.Hash]uint64{id: never}
		}, [2]Reason{same, same}, 4},
		{"a log that ended", func(_ *simNet, a, b *simNode) {
			l := a.partOf(99, 0, 5, 5)
			l.info.Ends, l.info.End = true, 5
			b.partOf(99, 0, 5, 5)
		}, [2]Reason{same, same}, 4},
		{"a forked roster", func(_ *simNet, a, b *simNode) {
			for i, w := range []*simNode{a, b} {
				l := w.leg(77, 0, 0)
				l.add(rosterRecord(60, fmt.Sprint("record of ", i)))
				l.SignAll()
				l.info.Own = false
			}
		}, [2]Reason{same, same}, 4},
		{"a log that one side does not follow", func(_ *simNet, a, b *simNode) {
			a.partOf(99, 0, 5, 5)
			b.follows = Follows{b.own(2).info.Log: true}
		}, [2]Reason{same, same}, 4},
	} {
		for first := range 2 { // who dials
			t.Run(fmt.Sprint(c.what, " ", first), func(t *testing.T) {
				n := newSimNet(t, uint64(first), 2)
				n.forks = true
				n.writeSome(n.nodes[0], 0, 3)
				c.make(n, n.nodes[0], n.nodes[1])
				n.link(n.nodes[first], n.nodes[1-first])
				var calls [2]*syncCall
				for i := range calls {
					e := n.nodes[i].ends[0]
					e.asked++
					calls[i] = &syncCall{e: e, number: e.asked}
					e.in = append(e.in, Nudge{})
				}
				for range c.within + 1 {
					n.ticks()
				}
				for i, call := range calls {
					e := call.e
					got := same
					if len(e.apart) > 0 {
						got = e.apart[0].Why
					}
					if e.synced < call.number || got != c.ends[i] {
						t.Errorf("side %d: sync %d of %d is over, and left %v, want %v%s", i, e.synced, call.number, got, c.ends[i], n.describe())
					}
				}
				// A later one, in the session that was there, says the same.
				for i, call := range calls {
					call.e.asked++
					call.number, call.e.apart = call.e.asked, nil
					call.e.in = append(call.e.in, Nudge{Confirm: true})
					for range c.within + 5 {
						n.ticks()
					}
					want := c.ends[i] == same
					if call.e.synced < call.number || want != (len(call.e.apart) == 0) {
						t.Errorf("side %d: sync %d of %d is over, and left %v%s", i, call.e.synced, call.number, call.e.apart, n.describe())
					}
				}
			})
		}
	}
}

// What two members are left with who prove different join keys, and what a sync of either
// side says of it: it ends at once if no topic is shared, and else once nothing moves.
func TestEveryCertificateEndsASync(t *testing.T) {
	whole, behind := bobGoes+1, bobJoins+1
	for _, c := range []struct {
		what  string
		both  [2]member
		want  Reason
		named bool
		ticks int
	}{
		{"two who lack the newest key, or one of them", [2]member{{name: "bob's device", size: behind, shows: belongs(bobJoins)}, {name: "ann's device", size: behind, shows: belongs(annJoins)}}, Keyless, true, 4},
		{"a newcomer, and a member that admits nobody", [2]member{{name: "zoe's device", size: 2, shows: invited}, {name: "ann's device", size: whole, shows: belongs(annJoins)}}, Keyless, true, 4},
		{"a removed member", [2]member{{name: "bob's device", size: behind, shows: belongs(bobJoins)}, {name: "owner's device", size: whole, shows: belongs(1)}}, Unshared, true, 0},
		{"a removed member that does not leave", [2]member{{name: "bob's device", size: behind, shows: belongs(bobJoins), stays: true}, {name: "owner's device", size: whole, shows: belongs(1)}}, Unshared, true, 0},
		{"a removed member that knows it", [2]member{{name: "bob's device", size: whole, shows: belongs(bobJoins)}, {name: "owner's device", size: whole, shows: belongs(1)}}, Unshared, true, 0},
		{"a member that nobody named to the other", [2]member{{name: "ann's device", size: behind, shows: belongs(annJoins)}, {name: "owner's device", size: whole, shows: belongs(1)}}, Unshared, false, 0},
	} {
		for dialer := range 2 {
			for asks := range 2 {
				t.Run(fmt.Sprint(c.what, " ", dialer, asks), func(t *testing.T) {
					k := newClub(t)
					both := c.both
					order := [2]*member{&both[dialer], &both[1-dialer]}
					both[0].club, both[1].club = k, k
					v := k.visitOfMembers(uint64(dialer), order)
					if !c.named {
						for _, s := range v.ends {
							s.cfg.Named = func(identity.TopicID) bool { return false }
						}
					}
					v.in[asks] = append(v.in[asks], Nudge{})
					for range c.ticks + 1 {
						v.run(1)
					}
					var got []Reason
					for _, a := range v.apart[asks] {
						got = append(got, a.Why)
					}
					if v.synced[asks] != 1 || !slices.Equal(got, []Reason{c.want}) {
						t.Errorf("sync %d is over, and left %v, want %v; %v", v.synced[asks], got, c.want, v.failed)
					}
				})
			}
		}
	}
}

// A conflict with what a log held before it began anew leaves nothing alone.
func TestAConflictOfThePast(t *testing.T) {
	n := newSimNet(t, 1, 2)
	l := n.nodes[0].partOf(99, 0, 300, 300)
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	e := n.nodes[1].ends[0]
	topic := e.s.byID[twinTopic.ID()]
	past := proof.Sign(l.Key, l.info.Log, 4, digest.Sum([]byte("the root of another branch")))
	theirs := proof.Sign(l.Key, l.info.Log, 400, digest.Sum([]byte("and one of more of it")))
	r := topic.unheard(l.info.Log, 300)
	r.to(pulled)
	e.s.Step(PullDone{Topic: twinTopic.ID(), Log: l.info.Log, Err: &Conflict{Log: l.info.Log, Ours: past, Theirs: theirs}})
	if r.phase == aside {
		t.Error("the log is left alone")
	}
	r.to(pulled)
	e.s.Step(PullDone{Topic: twinTopic.ID(), Log: l.info.Log, Err: &Conflict{Log: l.info.Log, Ours: l.Head, Theirs: theirs}})
	if r.phase != aside {
		t.Errorf("a log of another history is %v", r.phase)
	}
}

// Each step of a probe may be followed by what the table says, and by nothing else.
func TestProbeMoves(t *testing.T) {
	for from := range probeSteps {
		if from.String() == "" || len(probeMoves[from]) == 0 {
			t.Errorf("step %d has no name, or nothing follows it", from)
		}
	}
	for r := range reasons {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
}

// A drain that is asked for while one is under way begins behind it, for all together.
func TestDrains(t *testing.T) {
	a, b := newHouse(1), newHouse(2)
	for i := range TestTopic(3) {
		a.in[i], b.in[i] = true, true
	}
	v := visitOf(t, 1, a, b, nil)
	v.rest()
	s := v.ends[0]
	topic := func(i TestTopic) *topic { return s.byID[i.ID()] }
	first := s.drain(topic(0))
	second, third := s.drain(topic(1)), s.drain(topic(2))
	if first != 1 || second != 2 || third != 2 || s.drained(1) || len(s.out) != 1 {
		t.Fatalf("drains %d, %d and %d, %v", first, second, third, s.out)
	}
	s.out = nil
	out := s.Step(Drained{1})
	d, ok := out[0].(Drain)
	if !ok || len(d.Topics) != 2 || !s.drained(1) || s.drained(2) {
		t.Errorf("then %+v", out)
	}
	for range 2 { // one that nobody asked for says nothing
		s.Step(Drained{7})
		s.Step(Drained{2})
	}
	if !s.drained(2) || s.drained(3) {
		t.Error("the second drain is not over")
	}
}
