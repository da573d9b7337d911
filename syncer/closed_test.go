// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/messages"
)

// An offender is a record that closes a log of a plain topic, behind one of a
// time.
type offender struct {
	name   string
	before int64
	record []byte
	reason event.Reason
}

// offenders returns one of each kind; log is the one that they are for.
func offenders(log digest.Hash) (all []offender) {
	for _, c := range eventtest.Cases() {
		if c.Kind == 0 && !c.Sealed && !c.Erasable && c.Reason != 0 && c.Raw.Flags&1 == 0 && c.Name != "to itself" {
			all = append(all, offender{fmt.Sprint(c.Name, " ", c.Raw.Flags), max(1, int64(c.Previous)), c.Raw.Record(), event.Reason(c.Reason)})
		}
	}
	itself := eventtest.Raw{Flags: 8, Count: 1, Refs: append(log[:8:8], 1), Time: 1 << 40}
	return append(all, offender{"to itself", 1, itself.Record(), event.BadRefs})
}

// good returns a record of about so many bytes at a time.
func good(ms int64, size int, text string) []byte {
	r := eventtest.Raw{Time: uint64(ms), Type: "t", Payload: append([]byte(text), make([]byte, size)...)}
	return r.Record()
}

// hostileLog is a node that wrote o behind some good records, and good ones
// behind it.
func hostileLog(o offender, before, after int) (*pageTwin, *pageLog) {
	w := newPageTwin(200)
	l := w.own(201)
	for i := range before {
		ms := int64(1)
		if i == before-1 {
			ms = o.before
		}
		l.add(good(ms, 40, fmt.Sprint("before ", i)))
	}
	l.add(o.record)
	for i := range after {
		l.add(good(event.MaxTime, 40, fmt.Sprint("after ", i)))
	}
	l.SignAll()
	return w, l
}

// chunk is the events [from, to) of a log.
func chunk(l *pageLog, from, to int) *messages.Events {
	return &messages.Events{
		Log: l.info.Log, Author: l.info.Author, PageBytes: twinPage, First: uint64(from), Count: uint32(to - from),
		Head: wireHead(l.Head), Right: l.rightOf(uint64(to)), Records: bytes.Join(l.Records[from:to], nil),
	}
}

// mustBeClosed holds a node against how a log must have ended there.
func mustBeClosed(t *testing.T, st *pageTwin, l *pageLog, size int, why event.Reason) {
	t.Helper()
	got, found, err := st.Log(l.info.Log)
	if err != nil || !found || got.Size != uint64(size) || got.Ends != (why != 0) || st.logs[l.info.Log].why != why || got.Root != l.Peaks(uint64(size)).Root() {
		t.Errorf("%d events, closed for %q, %v, %v; want %d, closed for %q", got.Size, st.logs[l.info.Log].why, found, err, size, why)
	}
}

// deliveries are ways in which n events may come.
func deliveries(l *pageLog, bad int, r *rand.Rand) (ways [][]*messages.Events) {
	n := len(l.Records)
	ways = append(ways,
		[]*messages.Events{chunk(l, 0, n)},
		[]*messages.Events{chunk(l, bad, n), chunk(l, 0, n)},
		[]*messages.Events{chunk(l, 0, bad+1), chunk(l, bad+1, n), chunk(l, 0, n)},
	)
	if bad > 0 {
		ways = append(ways,
			[]*messages.Events{chunk(l, 0, bad), chunk(l, bad, n)},
			[]*messages.Events{chunk(l, 0, bad), chunk(l, bad, bad+1), chunk(l, bad-1, n)},
			[]*messages.Events{chunk(l, 0, bad), chunk(l, bad-1, n)},
		)
	}
	for range 4 {
		var way []*messages.Events
		for at := 0; at < n; {
			to := min(n, at+1+r.IntN(4))
			way = append(way, chunk(l, max(0, at-r.IntN(3)), to))
			at = to
		}
		ways = append(ways, way)
	}
	return ways
}

// However a log with a bad record comes as events, it ends before it, the peer
// is not blamed, and all receivers agree.
func TestEventsCloseALog(t *testing.T) {
	_, some := peerLog(0)
	for _, o := range offenders(some.info.Log) {
		for _, before := range []int{1, 2, 5, 0} {
			if before == 0 && o.reason == event.BadTime {
				continue
			}
			_, l := hostileLog(o, before, 4)
			var agreed *digest.Set
			for i, way := range deliveries(l, before, rand.New(rand.NewPCG(uint64(before), 1))) {
				st := newPageTwin(1)
				v := newVictim(t, st, Limits{})
				for _, m := range way {
					if failed, _ := v.hears(t, m); failed != nil {
						t.Fatalf("%s behind %d, delivery %d: the peer is blamed: %s", o.name, before, i, failed.Text)
					}
				}
				mustBeClosed(t, st, l, before, o.reason)
				if set, _ := st.Summary(twinTopic.ID()); agreed == nil {
					agreed = &set
				} else if set != *agreed {
					t.Errorf("%s behind %d, delivery %d: digest %v, want %v", o.name, before, i, set, *agreed)
				}
			}
		}
	}
}

// The next message is judged behind what was verified and is not stored yet.
func TestEventsCloseBehindWhatIsUnderWay(t *testing.T) {
	o := offender{"time", 50, good(49, 10, "back"), event.BadTime}
	_, l := hostileLog(o, 4, 3)
	st := newPageTwin(1)
	v := newVictim(t, st, Limits{})
	var in []Input
	for _, m := range []*messages.Events{chunk(l, 0, 2), chunk(l, 2, 4), chunk(l, 4, 6), chunk(l, 6, 8)} {
		for _, out := range v.Step(Received{m}) {
			switch out := out.(type) {
			case Ingest:
				if err := st.ingest(out.Verified); err != nil {
					t.Fatal(err)
				}
				in = append(in, Stored{l.info.Topic, l.info.Log, out.Verified.First + uint64(out.Verified.Count)})
			case Fail:
				t.Fatal(out.Text)
			}
		}
	}
	if len(in) != 3 {
		t.Errorf("%d ingests, want 3: two of events and one that closes", len(in))
	}
	for _, x := range in {
		v.Step(x)
	}
	mustBeClosed(t, st, l, 4, event.BadTime)
}

// A record that does not decode has no leaf: who sends it lies.
func TestWhatDoesNotDecodeIsRefused(t *testing.T) {
	for _, c := range eventtest.Cases() {
		if !c.Refused {
			continue
		}
		_, l := peerLog(3)
		m := chunk(l, 0, 3)
		m.Records = slices.Concat(l.Records[0], c.Raw.Record(), l.Records[2])
		failed, _ := newVictim(t, newPageTwin(1), Limits{}).hears(t, m)
		mustFail(t, failed, messages.CodeBadEvents)
	}
}

// A closed log asks for nothing more, whatever the peer says it holds, and is
// still offered to a peer that holds less.
func TestAClosedLogWantsNothing(t *testing.T) {
	o := offender{"flag", 1, (&eventtest.Raw{Flags: 64, Time: 9}).Record(), event.BadFlag}
	_, l := hostileLog(o, 3, 90)
	st := newPageTwin(1)
	v := newVictim(t, st, Limits{})
	if failed, _ := v.hears(t, chunk(l, 0, 5)); failed != nil {
		t.Fatal(failed.Text)
	}
	state := stateOf(l.state())
	state.Pages = 1000
	failed, outs := v.hears(t, &messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{state}},
		&messages.Have{Logs: []messages.LogSize{{Log: l.info.Log, Size: 94}}}, chunk(l, 40, 94))
	if failed != nil {
		t.Fatal(failed.Text)
	}
	outs = append(outs, v.Step(Tick{})...)
	for _, out := range outs {
		switch out := out.(type) {
		case Pull, Ingest, OwnAhead:
			t.Errorf("%T of a closed log", out)
		case Send:
			if g, ok := out.Message.(*messages.Graft); ok {
				t.Errorf("asked for %v", g.Logs)
			}
		}
	}
	if v.Busy() {
		t.Error("the session waits for something")
	}
	less := state
	less.Size, less.Pages = 1, 0
	_, outs = v.hears(t, &messages.Diff{Rung: messages.RungFrontier, Part: true, Entries: []messages.LogState{less}})
	if !slices.ContainsFunc(outs, func(o Output) bool { p, ok := o.(Push); return ok && p.From == 1 && p.To == 3 }) {
		t.Errorf("%v, want a push of events 1 and 2", outs)
	}
}

// pull takes a log from a peer by a transfer, with so many pages in a run and
// events in a message.
func pull(t *testing.T, from, to *pageTwin, l *pageLog, run uint64, maxBytes int) {
	t.Helper()
	tr := transferOf(t, to, l)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	end := uint64(len(l.Pages()))
	for at := tr.page; at < end && !tr.Closed(); {
		m, pages := responseOf(from, l, at, run)
		v, err := take(tr, m, pages)
		must(err)
		if v != nil {
			must(to.ingestPages(t, v))
		}
		at += uint64(m.Count)
	}
	rest, err := tr.Rest()
	must(err)
	if rest != nil {
		must(to.ingest(*rest))
	}
	for !tr.Closed() && tr.next < uint64(len(l.Records)) {
		v, err := tr.Events(from.eventsOf(l, tr.next, maxBytes))
		must(err)
		must(to.ingest(*v))
	}
}

// A bad record anywhere in the pages of a log, or behind them, ends it there:
// no page with it is stored, and what is before it is proven to others.
func TestPagesCloseALog(t *testing.T) {
	for _, bad := range []struct {
		name string
		size int
	}{{"small", 30}, {"as large as a page", 5000}, {"over pages", 15_000}} {
		for at := range 30 {
			w := newPageTwin(200)
			l := w.own(201)
			for i := range 30 {
				size := 600
				if i == 12 {
					size = 15_000
				}
				if i == at {
					l.add((&eventtest.Raw{Flags: 64, Time: 9, Payload: make([]byte, bad.size)}).Record())
				} else {
					l.add(good(7, size, fmt.Sprint("event ", i)))
				}
			}
			l.SignAll()
			for run := uint64(1); run <= 10; run += 3 {
				st := newPageTwin(1)
				pull(t, w, st, l, run, 3000)
				mustBeClosed(t, st, l, at, event.BadFlag)
				if err := st.logs[l.info.Log].proven(); err != nil {
					t.Fatalf("%s record %d: %v", bad.name, at, err)
				}
				if at == 0 {
					continue
				}
				second, held := newPageTwin(2), st.logs[l.info.Log]
				pull(t, st, second, held, run, 3000)
				a, _ := st.Summary(twinTopic.ID())
				if b, _ := second.Summary(twinTopic.ID()); a != b {
					t.Errorf("%s record %d: the next peer has digest %v, want %v", bad.name, at, b, a)
				}
			}
		}
	}
}

// Time is judged across runs of pages, and from what was held before.
func TestPagesAreJudgedBehindWhatIsHeld(t *testing.T) {
	w := newPageTwin(200)
	l := w.own(201)
	for i := range 40 {
		ms := int64(100 + i)
		if i == 21 {
			ms = 119
		}
		l.add(good(ms, 600, fmt.Sprint("event ", i)))
	}
	l.SignAll()
	for held := range 22 {
		st := newPageTwin(1)
		v := newVictim(t, st, Limits{})
		if held > 0 {
			if failed, _ := v.hears(t, chunk(l, 0, held)); failed != nil {
				t.Fatal(failed.Text)
			}
		}
		pull(t, w, st, l, 2, 3000)
		mustBeClosed(t, st, l, 21, event.BadTime)
	}
}

// Ranges end before a bad record, and nothing comes behind it.
func TestRangesEndBeforeABadRecord(t *testing.T) {
	o := offender{"flag", 1, (&eventtest.Raw{Flags: 64, Time: 9}).Record(), event.BadFlag}
	_, l := hostileLog(o, 10, 10)
	for from := uint64(0); from < 20; from++ {
		p := NewRangePull(l.wanted(), &messages.RangeRequest{Log: l.info.Log, From: from})
		if _, err := p.Take(l.rangeResponse(21, 21)); err != nil {
			t.Fatal(err)
		}
		v, err := p.Take(l.rangeResponse(from, 20))
		switch {
		case from == 10 && !errors.Is(err, ErrClosed):
			t.Errorf("%v, want %v", err, ErrClosed)
		case from < 10 && (err != nil || v.End() != 10 || v.First != from):
			t.Errorf("from %d: %+v, %v", from, v, err)
		case from > 10 && (err != nil || v.End() != 20):
			t.Errorf("from %d: %+v, %v", from, v, err)
		}
		if from > 10 {
			continue
		}
		if err == nil {
			if _, err := VerifyRange(l.wanted(), v.Message()); err != nil {
				t.Errorf("from %d: what is left is not proven: %v", from, err)
			}
		}
		if _, err := p.Take(l.rangeResponse(20, 21)); !errors.Is(err, ErrClosed) {
			t.Errorf("from %d: %v, want %v", from, err, ErrClosed)
		}
	}
	v, err := VerifyRange(l.wanted(), l.rangeResponse(8, 20))
	if err != nil {
		t.Fatal(err)
	}
	own := l.state()
	own.Size, own.Root = 9, l.Peaks(9).Root()
	got, err := v.Follow(own, 9, 1, l.Peaks(9))
	if err != nil || got.Count != 1 || got.Closed != event.BadFlag || got.Root != l.Peaks(10).Root() {
		t.Errorf("%+v, %v", got, err)
	}
}

// A record of a size that has a leaf and is over the limit closes its log.
func TestALongPayloadClosesALog(t *testing.T) {
	o := offender{"long", 1, (&eventtest.Raw{Time: 9, Payload: make([]byte, event.MaxPayload+1)}).Record(), event.BadPayload}
	_, l := hostileLog(o, 2, 0)
	st := newPageTwin(1)
	m := chunk(l, 1, 3)
	if _, err := messages.AppendFrame(nil, m); err != nil {
		t.Fatal(err)
	}
	if failed, _ := newVictim(t, st, Limits{}).hears(t, chunk(l, 0, 1), m); failed != nil {
		t.Fatal(failed.Text)
	}
	mustBeClosed(t, st, l, 2, event.BadPayload)
}

// An author writes bad records while a mesh syncs with it, by events and by
// pages, and sessions break: all that is honest ends its log at the same size,
// agrees, and stays connected.
func TestClosedLogsConverge(t *testing.T) {
	seeds := uint64(40)
	if race.Enabled {
		seeds = 12
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := newSimNet(t, seed, 4)
			n.first = func(conn int) messages.Rung { return messages.Rung((uint64(conn) + seed) % 4) }
			evil := n.nodes[0]
			l := evil.own(201)
			all := offenders(l.info.Log)
			o := all[int(seed)%len(all)]
			bad, size := n.r.IntN(12), 300
			if seed%3 == 0 {
				bad, size = 100+n.r.IntN(100), 3000 // pages are pulled
			}
			if o.reason == event.BadTime && bad == 0 {
				bad = 1
			}
			grow := func(most int) {
				for range n.r.IntN(most) {
					switch at := len(l.Records); {
					case at < bad-1:
						l.add(good(1, size, fmt.Sprint("before ", at)))
					case at == bad-1:
						l.add(good(o.before, size, "the last good one"))
					case at == bad:
						l.add(o.record)
					default:
						l.add(good(event.MaxTime, size, fmt.Sprint("after ", at)))
					}
				}
				l.SignAll()
				evil.wrote(l)
			}
			grow(2*bad + 3)
			for i, node := range n.nodes[1:] {
				n.writeSome(node, i+1, n.r.IntN(10))
			}
			for _, x := range [][2]int{{0, 1}, {0, 2}, {1, 2}, {2, 3}} {
				n.link(n.nodes[x[0]], n.nodes[x[1]])
			}
			n.fail = 0.1
			for round := range 60 {
				n.run(n.r.IntN(400))
				if round == 40 {
					n.fail = 0
					n.cutAll()
				}
				grow(8)
				if round == 20 {
					grow(2*bad + 40)
				}
			}
			for _, e := range slices.Clone(n.ends) {
				if e.s.State() == Ended {
					t.Errorf("a session ended")
				}
				if e.node == evil || e.peer.node == evil {
					e.drop()
				}
			}
			n.ends = slices.DeleteFunc(n.ends, func(e *simEnd) bool { return e.cut })
			n.settle()
			n.nodes = n.nodes[1:]
			n.sameEverywhere()
			for _, node := range n.nodes[:2] { // those that met the author
				mustBeClosed(t, node.pageTwin, l, bad, o.reason)
			}
		})
	}
}

// run takes some steps and lets a second pass.
func (n *simNet) run(steps int) {
	for range steps {
		if !n.step() {
			break
		}
	}
	n.now = n.now.Add(2e9)
	for _, e := range n.ends {
		if e.tick {
			e.tick, e.in = false, append(e.in, Tick{n.now})
		}
	}
}
