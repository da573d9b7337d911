// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/messages"
)

// fakeTimes knows the last time of logs and the times of what refs name.
type fakeTimes struct {
	last map[digest.Hash]int64
	at   map[event.Ref]int64
}

func (f fakeTimes) Last(log digest.Hash) int64 { return f.last[log] }

func (f fakeTimes) At(_ digest.Hash, r event.Ref) (int64, bool, error) {
	ms, found := f.at[r]
	return ms, found, nil
}

// taken is the records of a log in the order in which they would be committed.
type taken struct {
	log  digest.Hash
	last int64
	n    int
}

// check goes through what was taken of the log.
func (x *taken) check(t *testing.T, appends []*messages.Append) {
	t.Helper()
	for _, a := range appends {
		if a.Log != x.log {
			continue
		}
		rest := a.Records
		for i := range a.Leaves {
			r, n, err := event.DecodeRecord(rest)
			if err != nil {
				t.Fatal(err)
			}
			if r.LeafHash() != a.Leaves[i] {
				t.Fatalf("event %d: its leaf is not there, or is another one's", x.n)
			}
			if r.Time < x.last {
				t.Fatalf("event %d: %d ms after %d ms", x.n, r.Time, x.last)
			}
			x.last, x.n, rest = r.Time, x.n+1, rest[n:]
		}
		if len(rest) > 0 {
			t.Fatalf("%d bytes behind %d leaves", len(rest), len(a.Leaves))
		}
	}
}

// appendTo appends and does not wait.
func appendTo(in *ingress, log digest.Hash, events []event.Event, now int64) (t ticket, err error) {
	if len(events) > 1 {
		return in.appendRun(context.Background(), log, Plain(events...), Conditions{}, now)
	}
	return in.appendOne(context.Background(), log, Entry{Event: events[0]}, now)
}

// Many callers, one by one and in batches, with clocks that go back and forth:
// within each log, time does not go back, and every leaf is there when a batch
// is taken.
func TestTimesOfManyCallers(t *testing.T) {
	in := newIngress(func() {}, fakeTimes{last: map[digest.Hash]int64{{1}: 500}}, noIDs{})
	logs := []*taken{{log: digest.Hash{1}, last: 500}, {log: digest.Hash{2}}}
	const callers, each = 32, 60
	var wg sync.WaitGroup
	want := [2]int{}
	for c := range callers {
		r := rand.New(rand.NewPCG(uint64(c), 1))
		batch := c%4 == 0
		want[c%2] += map[bool]int{true: 3 * each, false: each}[batch]
		wg.Go(func() {
			for i := range each {
				e := event.Event{Type: "t", Payload: make([]byte, r.IntN(2000))}
				events := []event.Event{e}
				if batch {
					events = append(events, e, e)
				}
				if _, err := appendTo(in, logs[c%2].log, events, r.Int64N(1000)); err != nil {
					t.Error(c, i, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		in.settle()
		h := in.take()
		for _, x := range logs {
			x.check(t, h.work.Appends)
		}
		for _, g := range h.queue {
			g.Done(nil)
		}
	}
	for i, x := range logs {
		if x.n != want[i] || x.last < 900 {
			t.Errorf("log %d: %d events to %d ms, want %d", i, x.n, x.last, want[i])
		}
	}
}

// The time of an event, case by case.
func TestTimeOfAnEvent(t *testing.T) {
	const now, min = 1_000_000, 60 * 1000
	ref := func(size uint64) event.Ref { return event.Ref{Log: [8]byte{9}, Size: size} }
	for name, c := range map[string]struct {
		last int64
		refs map[uint64]int64 // times by size
		sees []uint64
		want int64
	}{
		"the clock":                      {want: now},
		"the clock is behind the log":    {last: now + 77, want: now + 77},
		"long behind":                    {last: event.MaxTime, want: event.MaxTime},
		"a ref of long ago":              {refs: map[uint64]int64{3: 5}, sees: []uint64{3}, want: now},
		"a ref of now":                   {refs: map[uint64]int64{3: now}, sees: []uint64{3}, want: now + 1},
		"a ref that is not here":         {refs: map[uint64]int64{4: now + 9}, sees: []uint64{3}, want: now},
		"a ref just within five minutes": {refs: map[uint64]int64{3: now + 5*min - 1}, sees: []uint64{3}, want: now + 5*min},
		"a ref far ahead":                {refs: map[uint64]int64{3: event.MaxTime}, sees: []uint64{3}, want: now + 5*min},
		"a ref far ahead, and the log":   {last: now + 9*min, refs: map[uint64]int64{3: now + 60*min}, sees: []uint64{3}, want: now + 9*min},
	} {
		log := digest.Hash{1}
		f := fakeTimes{last: map[digest.Hash]int64{log: c.last}, at: map[event.Ref]int64{}}
		for size, ms := range c.refs {
			f.at[ref(size)] = ms
		}
		e := event.Event{Type: "t"}
		for _, size := range c.sees {
			e.Refs = append(e.Refs, ref(size))
		}
		for _, events := range [][]event.Event{{e}, {{}, e, {}}} {
			got, err := appendTo(newIngress(func() {}, f, noIDs{}), log, events, now)
			if err != nil || got.ms != c.want {
				t.Errorf("%s, %d at once: %d ms, %v; want %d", name, len(events), got.ms, err, c.want)
			}
		}
	}
}

func TestIngressRefusesBadEvents(t *testing.T) {
	log := digest.Hash{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for name, c := range map[string]struct {
		e    event.Event
		now  int64
		want error
	}{
		"a ref to its own log": {event.Event{Refs: []event.Ref{{Log: [8]byte(log[:]), Size: 1}}}, 1, event.ErrRefs},
		"a ref to nothing":     {event.Event{Refs: []event.Ref{{Log: [8]byte{1}}}}, 1, event.ErrRefs},
		"before 1970":          {event.Event{}, -1, event.ErrTime},
		"a long key":           {event.Event{Key: make([]byte, event.MaxKey+1)}, 1, event.ErrTooLarge},
	} {
		in := newIngress(func() {}, fakeTimes{}, noIDs{})
		for _, events := range [][]event.Event{{c.e}, {{}, c.e}} {
			if _, err := appendTo(in, log, events, c.now); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		if h := in.take(); len(h.work.Appends) != 0 {
			t.Errorf("%s: something was queued", name)
		}
	}
}

// A batch of its own ends the open batch of its log: what is appended after it
// is behind it.
func TestARunComesBehindWhatJoinedBefore(t *testing.T) {
	in := newIngress(func() {}, fakeTimes{}, noIDs{})
	log := digest.Hash{1}
	for i, n := range []int{1, 1, 3, 1, 2, 1} {
		if _, err := appendTo(in, log, make([]event.Event, n), int64(10+i)); err != nil {
			t.Fatal(err)
		}
	}
	h := in.take()
	x := &taken{log: log}
	if x.check(t, h.work.Appends); x.n != 9 || x.last != 15 || len(h.queue) != 5 {
		t.Errorf("%d events to %d ms in %d batches", x.n, x.last, len(h.queue))
	}
}

// noIDs knows of no event id.
type noIDs struct{}

func (noIDs) Key(_ digest.Hash, id event.ID) (messages.IDKey, error) { return messages.IDKey(id), nil }

func (noIDs) Find(messages.IDKey) (store.Written, bool, error) { return store.Written{}, false, nil }
