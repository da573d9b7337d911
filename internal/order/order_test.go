// SPDX-License-Identifier: MPL-2.0

package order

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

type history map[digest.Hash][]Event[int]

func logNamed(i int) (h digest.Hash) {
	h[0], h[31] = byte(i), byte(i)
	return h
}

// randomHistory makes events as authors do: times do not go back in a log, and refs name
// what was there. At times a clock is ahead by far, so that a ref is to a later time.
func randomHistory(r *rand.Rand) (h history, order []Event[int]) {
	h = history{}
	logs := 1 + r.IntN(5)
	now := int64(0)
	for n := range r.IntN(40) {
		log := logNamed(r.IntN(logs))
		now += int64(r.IntN(3))
		e := Event[int]{Log: log, Seq: uint64(len(h[log])), Time: now + int64(r.IntN(4)/3*r.IntN(20)), Value: n}
		if n := len(h[log]); n > 0 {
			e.Time = max(e.Time, h[log][n-1].Time)
		}
		for i := range logs {
			if to := logNamed(i); to != log && len(h[to]) > 0 && r.IntN(3) == 0 {
				e.Refs = append(e.Refs, event.Ref{Log: shortOf(to), Size: uint64(1 + r.IntN(len(h[to])))})
			}
		}
		h[log] = append(h[log], e)
		order = append(order, e)
	}
	return h, order
}

// slow is the order by its definition: of the events whose log and refs come before, the
// first one.
func slow(h history) (all []int) {
	done := map[digest.Hash]uint64{}
	ready := func(e *Event[int]) bool {
		return !slices.ContainsFunc(e.Refs, func(r event.Ref) bool {
			for log, n := range done {
				if shortOf(log) == r.Log && n >= r.Size {
					return false
				}
			}
			return true
		})
	}
	for {
		var first *Event[int]
		for log, events := range h {
			if n := done[log]; n < uint64(len(events)) && ready(&events[n]) && (first == nil || events[n].Compare(first) < 0) {
				first = &events[n]
			}
		}
		if first == nil {
			return all
		}
		all = append(all, first.Value)
		done[first.Log]++
	}
}

// held is what a device holds of a history, and where the merge reads.
type held struct {
	h    history
	have map[digest.Hash]int
	read map[digest.Hash]int
	m    *Merge[int]
}

func newHeld(h history) *held {
	return &held{h: h, have: map[digest.Hash]int{}, read: map[digest.Hash]int{}, m: NewMerge[int]()}
}

func (d *held) source(log digest.Hash) Source[int] {
	return func() (e Event[int], ok bool, err error) {
		at := d.read[log]
		if at == d.have[log] {
			return Event[int]{Seq: uint64(at)}, false, nil
		}
		d.read[log]++
		return d.h[log][at], true, nil
	}
}

// come has one more event of a log come.
func (d *held) come(t *testing.T, log digest.Hash) {
	d.have[log]++
	if err := d.m.Add(log, 0, d.source(log)); err != nil {
		t.Fatal(err)
	}
}

func (d *held) take(t *testing.T, below int64) (all []int, late int) {
	for {
		e, l, ok, err := d.m.Next(below)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all, late
		}
		all = append(all, e.Value)
		if l {
			late++
		}
	}
}

// Whatever is there at once comes as the definition has it, and nothing of it is late.
func TestOrder(t *testing.T) {
	for seed := range uint64(3000) {
		h, _ := randomHistory(rand.New(rand.NewPCG(seed, 1)))
		d := newHeld(h)
		for log, events := range h {
			d.have[log] = len(events)
		}
		for log := range h {
			if err := d.m.Add(log, 0, d.source(log)); err != nil {
				t.Fatal(err)
			}
		}
		got, late := d.take(t, math.MaxInt64)
		if want := slow(h); !slices.Equal(got, want) || late > 0 {
			t.Fatalf("seed %d: %v with %d late, want %v", seed, got, late, want)
		}
	}
}

// What comes bit by bit, in whatever order of logs, is yielded up to the mark in the
// same order as if it were there at once, if all logs are known from the begin.
func TestOrderBitByBit(t *testing.T) {
	waited := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		h, order := randomHistory(r)
		d := newHeld(h)
		var logs []digest.Hash // of each event that is to come; each log's first before all others
		for log, events := range h {
			d.come(t, log)
			for range events[1:] {
				logs = append(logs, log)
			}
		}
		r.Shuffle(len(logs), func(i, j int) { logs[i], logs[j] = logs[j], logs[i] })
		var got []int
		for _, log := range logs {
			some, late := d.take(t, math.MinInt64)
			if late > 0 {
				t.Fatalf("seed %d: %d late", seed, late)
			}
			got = append(got, some...)
			d.come(t, log)
		}
		waited += len(order) - len(got)
		rest, _ := d.take(t, math.MaxInt64)
		if want := slow(h); !slices.Equal(append(got, rest...), want) {
			t.Fatalf("seed %d: %v and %v, want %v", seed, got, rest, want)
		}
	}
	if waited == 0 {
		t.Fatal("nothing ever waited")
	}
}

// What comes of a log below what was yielded is late, and what refers to it.
func TestLate(t *testing.T) {
	a, b, c := logNamed(1), logNamed(2), logNamed(3)
	h := history{
		a: {{Log: a, Time: 10, Value: 1}, {Log: a, Seq: 1, Time: 30, Value: 2}},
		b: {{Log: b, Time: 5, Value: 3}},
		c: {{Log: c, Time: 6, Value: 4, Refs: []event.Ref{{Log: shortOf(b), Size: 1}}}},
	}
	d := newHeld(h)
	d.come(t, a)
	d.come(t, a)
	d.come(t, c)
	if got, late := d.take(t, math.MaxInt64); fmt.Sprint(got) != "[1 2]" || late != 0 {
		t.Fatalf("%v, %d late", got, late)
	}
	d.come(t, b)
	if got, late := d.take(t, math.MaxInt64); fmt.Sprint(got) != "[3 4]" || late != 2 {
		t.Fatalf("%v, %d late", got, late)
	}
}

// Two logs that go by one short name are named by no ref.
func TestTwoLogsOfOneName(t *testing.T) {
	a, b, c := logNamed(1), logNamed(1), logNamed(2)
	b[31] = 9
	h := history{a: {{Log: a, Time: 9, Value: 1}}, c: {{Log: c, Time: 5, Value: 2, Refs: []event.Ref{{Log: shortOf(a), Size: 7}}}}, b: {{Log: b, Time: 1, Value: 3}}}
	d := newHeld(h)
	d.come(t, a)
	d.come(t, c)
	if got, _ := d.take(t, math.MaxInt64); fmt.Sprint(got) != "[1]" {
		t.Fatal(got)
	}
	d.come(t, b)
	if got, _ := d.take(t, math.MaxInt64); fmt.Sprint(got) != "[3 2]" {
		t.Fatal(got)
	}
}
