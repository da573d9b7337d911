// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

// samePosition checks that all nodes hold one roster.
func (n *simNet) samePosition() {
	n.t.Helper()
	want, _ := n.nodes[0].Roster(twinTopic.ID())
	for i, w := range n.nodes {
		if got, _ := w.Roster(twinTopic.ID()); got.Position != want.Position {
			n.t.Fatalf("node %d is at %+v, node 0 at %+v", i, got.Position, want.Position)
		}
	}
}

// rosterRecord is a record of about that size that decodes, whatever it says.
func rosterRecord(size int, text string) []byte {
	r := &roster.Remove{Target: roster.Target{Account: roster.Key(digest.Sum([]byte(text)))}}
	for i := range max(0, size-108) / 32 {
		r.Keep = append(r.Keep, roster.Key{byte(i >> 8), byte(i)})
	}
	return encodedRecord(r)
}

// encodedRecord is a record of a roster.
func encodedRecord(r roster.Record) []byte {
	body, err := roster.Encode(nil, r)
	if err != nil {
		panic(err)
	}
	b, err := event.AppendRecord(nil, event.Event{Type: r.Type(), Payload: body}, 0, 0)
	if err != nil {
		panic(err)
	}
	return b
}

func (l *pageLog) writeRoster(size int, text string) {
	l.add(rosterRecord(size, text))
	l.SignAll()
}

func (n *simNet) records(w *simNode, term, leg uint32, count int) {
	l := w.leg(77, term, leg)
	for i := range count {
		l.add(rosterRecord(60, fmt.Sprint("record ", term, leg, i)))
	}
	l.SignAll()
	w.wrote(l)
}

// Rosters that differ are brought over, whether data differ or not, in whichever
// direction, live and after a cut, through whoever is between, and whatever is
// followed of the data; agreement is of both.
func TestRostersConverge(t *testing.T) {
	for seed := range uint64(40) {
		n := newSimNet(t, seed, 3)
		if seed%4 == 3 {
			n.nodes[2].follows = Follows{n.nodes[2].own(3).info.Log: true}
		}
		steward := n.nodes[seed%3]
		n.records(steward, 0, 0, 1+n.r.IntN(5))
		if seed%2 == 0 {
			n.write(n.r.IntN(3), "data")
		}
		n.link(n.nodes[0], n.nodes[1])
		n.link(n.nodes[1], n.nodes[2])
		n.settle()
		n.samePosition()
		for round := range 4 {
			n.fail = 0.2
			n.records(steward, uint32(round/2), uint32(round%2), 1+n.r.IntN(3))
			n.write(n.r.IntN(3), "data")
			for range n.r.IntN(30) {
				n.step()
			}
			if n.r.IntN(2) == 0 {
				n.cutAll()
			}
			n.fail = 0
			n.settle()
			n.samePosition()
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A roster of many pages is pulled.
func TestRosterIsPulled(t *testing.T) {
	n := newSimNet(t, 1, 2)
	n.records(n.nodes[1], 0, 0, 1)
	l := n.nodes[1].leg(77, 0, 0)
	for range 200 {
		l.add(rosterRecord(3000, "a record"))
	}
	l.SignAll()
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	n.samePosition()
	if n.pulls == 0 {
		t.Error("nothing was pulled")
	}
}

// Pushes of a roster come before pushes of data, and equal
// rosters cost no message.
func TestRosterComesFirst(t *testing.T) {
	w := newPageTwin(1)
	w.leg(77, 0, 0).writeRoster(10, "genesis")
	w.own(1).write(10, "data")
	v := newVictim(t, w, Limits{})
	outs := v.Step(Received{&messages.Peaks{}})
	if len(outs) == 0 || !slices.Contains(outs, Output(Push{Log: w.leg(77, 0, 0).info.Log, To: 1})) {
		t.Errorf("at PEAKS: %+v, want the roster pushed", outs)
	}
	for _, o := range outs {
		if p, ok := o.(Push); ok && p.Log != w.leg(77, 0, 0).info.Log {
			t.Errorf("data before the roster: %+v", p)
		}
	}
	v = newVictim(t, w, Limits{})
	set, _ := w.Summary(twinTopic.ID())
	r, _ := w.Roster(twinTopic.ID())
	for _, o := range v.Step(Received{&messages.Peaks{Roster: r.Position, Logs: set.Count, Digest: set.Sum}}) {
		if m, ok := o.(Send); ok && m.Message.Type() != messages.TypeSyncDone {
			t.Errorf("equal rosters and data: %v is sent", m.Message.Type())
		}
		if _, ok := o.(Push); ok {
			t.Error("equal rosters and data: a push")
		}
	}
}

// Rosters that differ with equal data, and the other way round, are no agreement.
func TestPositionCounts(t *testing.T) {
	w := newPageTwin(1)
	w.leg(77, 0, 0).writeRoster(10, "genesis")
	w.own(1).write(10, "data")
	set, _ := w.Summary(twinTopic.ID())
	r, _ := w.Roster(twinTopic.ID())
	other := r.Position
	other.Root[0] ^= 1
	for _, c := range []struct {
		what   string
		roster identity.Position
		set    digest.Set
		want   bool
	}{
		{"all is one", r.Position, set, true},
		{"another root", other, set, false},
		{"no roster", identity.Position{}, set, false},
		{"other data", r.Position, digest.Set{Count: 1}, false},
	} {
		v := newVictim(t, w, Limits{})
		agreed := false
		for _, m := range []messages.Message{
			&messages.Peaks{Roster: c.roster, Logs: c.set.Count, Digest: c.set.Sum},
			&messages.SyncDone{Roster: c.roster, Logs: c.set.Count, Digest: c.set.Sum},
		} {
			for _, o := range v.Step(Received{m}) {
				if a, ok := o.(Agreed); ok {
					agreed = a.Now
				}
			}
		}
		if agreed != c.want {
			t.Errorf("%s: agreed %v", c.what, agreed)
		}
	}
}

// A leg of a roster is in no list, and is never erased.
func TestHostileRoster(t *testing.T) {
	w := newPageTwin(200)
	l := w.leg(77, 0, 0)
	for range 3 {
		l.write(50, "record")
	}
	v := newVictim(t, newPageTwin(1), Limits{})
	got, _ := v.hears(t, listOf(false, stateOf(l.state())))
	mustFail(t, got, messages.CodeRoster)

	v = newVictim(t, newPageTwin(1), Limits{})
	m := w.eventsOf(l, 0, 1000)
	m.PageBytes = 8192
	m.Log = identity.LogID(twinTopic.ID(), m.Author, m.PageBytes, m.Kind, m.Number)
	got, _ = v.hears(t, m)
	mustFail(t, got, messages.CodeBadHead)

	v = newVictim(t, newPageTwin(1), Limits{})
	m = w.eventsOf(l, 0, 1000)
	r, size, _ := event.DecodeRecord(m.Records)
	m.Records = append(r.AppendErased(nil), m.Records[size:]...)
	got, _ = v.hears(t, m)
	mustFail(t, got, messages.CodeRoster)
}

// A forked roster is reported like any fork, and both sides then agree: each stays
// with the branch that it holds.
func TestForkedRoster(t *testing.T) {
	n := newSimNet(t, 3, 2)
	n.forks = true
	for i, w := range n.nodes {
		l := w.leg(77, 0, 0)
		l.add(twinRecord(50, "genesis"))
		l.add(twinRecord(50, fmt.Sprint("branch ", i)))
		l.SignAll()
	}
	n.link(n.nodes[0], n.nodes[1])
	n.settle()
	n.allFrozen(n.nodes[0].leg(77, 0, 0).info.Log)
}

// A peer that counts as much of a leg as we hold, under a head of more, as of one that a
// term cuts, is shown ours once: it sees whether that is another branch.
func TestLegUnderAHeadOfMore(t *testing.T) {
	w := newPageTwin(1)
	l := w.leg(77, 0, 0)
	l.add(twinRecord(50, "genesis"))
	l.add(twinRecord(50, "ours"))
	l.SignAll()
	o := newPageTwin(2).leg(77, 0, 0)
	for _, text := range []string{"genesis", "theirs", "void"} {
		o.add(twinRecord(50, text))
	}
	o.SignAll()
	e := stateOf(o.state())
	e.Size, e.End = 2, messages.EndsAt(2)
	list := listOf(false, e)
	list.Part = true
	v := newVictim(t, w, Limits{})
	v.Step(Received{&messages.Peaks{}})
	for i, want := range []int{1, 0} {
		shown := 0
		for _, o := range v.Step(Received{list}) {
			if s, ok := o.(Send); ok {
				if d, ok := s.Message.(*messages.Diff); ok && d.Part && d.Entries[0].Log == l.info.Log && d.Entries[0].Head.Size == 2 {
					shown++
				}
			}
		}
		if shown != want {
			t.Errorf("time %d: shown %d times, want %d", i, shown, want)
		}
	}
}

// Nothing is pushed beyond where the peer says that a log ends.
func TestLogThatEnded(t *testing.T) {
	w := newPageTwin(1)
	l := w.own(1)
	for range 9 {
		l.write(20, "event")
	}
	v := newVictim(t, w, Limits{})
	e := stateOf(l.state())
	e.Size, e.Head, e.End = 2, messages.Head{}, messages.EndsAt(5)
	list := listOf(false, e)
	list.Part = true
	v.Step(Received{&messages.Peaks{}})
	if outs := v.Step(Received{list}); !slices.Contains(outs, Output(Push{Log: l.info.Log, From: 2, To: 5})) {
		t.Errorf("%+v, want events 2 to 5 pushed", outs)
	}
	i := l.state()
	i.Ends, i.End = true, 9
	if at, ends := stateOf(i).End.At(); !ends || at != 9 {
		t.Errorf("ends at %d, %v", at, ends)
	}
}

// A peer that comes to stand in an earlier leg, behind another branch of it than is held
// here or behind more of it, is told of that leg at once and not with a tick; one that comes
// to hold more is not.
func TestRosterBack(t *testing.T) {
	n := newSimNet(t, 1, 2)
	ours := n.nodes[0]
	n.records(ours, 0, 0, 3)
	n.records(ours, 0, 1, 2)
	n.link(ours, n.nodes[1])
	n.settle()
	whole, err := ours.Roster(twinTopic.ID())
	if err != nil {
		t.Fatal(err)
	}
	s := ours.ends[0].s
	for _, c := range []struct {
		what string
		at   identity.Position
		told bool
	}{
		{"another branch", identity.Position{Size: 3, Root: digest.Sum([]byte("x"))}, true},
		{"more of it", identity.Position{Size: 4, Root: digest.Sum([]byte("y"))}, true},
		{"what is held", whole.Position, false},
	} {
		s.of(twinTopic.ID()).strayed = identity.Position{}
		out := s.Step(Received{&messages.SyncDone{Topic: 0, Roster: c.at}})
		told := slices.ContainsFunc(out, func(o Output) bool {
			d, ok := o.(Send)
			if !ok {
				return false
			}
			m, ok := d.Message.(*messages.Diff)
			return ok && m.Part && len(m.Entries) == 1 && m.Entries[0].Log == whole.Legs[0].Log
		})
		if told != c.told {
			t.Errorf("%s: the peer is told of the leg: %v", c.what, told)
		}
	}
}
