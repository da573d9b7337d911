// SPDX-License-Identifier: MPL-2.0

// Package order puts the events of the logs of a topic into the settled order: by
// (time, log id, sequence), an event never before those that it refers to. It is the same
// on every device that holds the same events.
//
// Rule: events in, events out; it knows no store, no clock and nothing of payloads, and
// holds one event of each log.
//
// Start with Merge.
package order

import (
	"cmp"
	"container/heap"
	"math"
	"sort"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An Event is what the order goes by, and a value that goes with it.
type Event[V any] struct {
	Log   digest.Hash
	Seq   uint64
	Time  int64 // milliseconds since 1970; it does not go back within a log
	Refs  []event.Ref
	Value V
}

// Compare compares the places that two events have but for their refs.
func (e *Event[V]) Compare(f *Event[V]) int {
	return cmp.Or(cmp.Compare(e.Time, f.Time), e.Log.Compare(f.Log), cmp.Compare(e.Seq, f.Seq))
}

// A Source returns the next event of a log. If there is none yet, Seq says how far the
// log was read. Sequences rise; some may be left out.
type Source[V any] func() (Event[V], bool, error)

// A Merge yields the events of logs in the settled order. Logs are added at any time,
// and those that had no more events are woken when they do.
type Merge[V any] struct {
	lines   map[digest.Hash]*line[V]
	short   map[[event.ShortBytes]byte]*line[V] // nil if two logs go by that name
	waiting map[[event.ShortBytes]byte][]*line[V]
	heads   heads[V]   // lines whose next event may be yielded
	empty   empties[V] // lines without an event to yield, and some that have one again
	yielded int        // events
	peaks   []peak[V]  // of the yielded ones those with no larger place behind them
}

// A peak is the n-th event that was yielded.
type peak[V any] struct {
	n int
	e *Event[V]
}

// A line is a log.
type line[V any] struct {
	log    digest.Hash
	next   Source[V]
	head   *Event[V] // nil if there is none yet
	passed int64     // time of the last event that was read; none that comes is earlier
	done   uint64    // events that were yielded, left out, or begun behind
	listed int64     // what passed was when the line had no more events last
	empty  int       // how many had been yielded when the line had no more events
	behind *Event[V] // of those yielded from then until there were more, the one with the largest place
	late   bool      // an event that head, or one before it, waited for was late
}

// NewMerge returns a merge of no logs.
func NewMerge[V any]() *Merge[V] {
	return &Merge[V]{lines: map[digest.Hash]*line[V]{}, short: map[[event.ShortBytes]byte]*line[V]{}, waiting: map[[event.ShortBytes]byte][]*line[V]{}}
}

// Add adds a log, of which the events below done are counted as yielded. One that is
// there is woken.
func (m *Merge[V]) Add(log digest.Hash, done uint64, next Source[V]) error {
	if m.lines[log] != nil {
		return m.Wake(log)
	}
	l := &line[V]{log: log, next: next, done: done, passed: math.MinInt64, listed: math.MinInt64}
	m.lines[log] = l
	name := shortOf(log)
	if _, taken := m.short[name]; taken {
		m.short[name] = nil // refs to it mean nothing
		m.release(name, false)
	} else {
		m.short[name] = l
	}
	return m.fill(l)
}

// Wake has a log read on that had no more events.
func (m *Merge[V]) Wake(log digest.Hash) error {
	l := m.lines[log]
	if l == nil || l.head != nil {
		return nil
	}
	return m.fill(l)
}

// fill reads the next event of a line that had none.
func (m *Merge[V]) fill(l *line[V]) error {
	l.behind = m.largestSince(l.empty)
	return m.load(l)
}

// load reads the next event of a line.
func (m *Merge[V]) load(l *line[V]) error {
	e, ok, err := l.next()
	if err != nil {
		return err
	}
	if ok {
		l.head, l.passed = &e, e.Time
		m.place(l)
	} else {
		l.empty = m.yielded
		m.list(l)
	}
	m.reach(l, e.Seq, false)
	return nil
}

// list takes note of what a line without an event has passed.
func (m *Merge[V]) list(l *line[V]) {
	if l.passed != l.listed {
		l.listed = l.passed
		heap.Push(&m.empty, empty[V]{l, l.passed})
	}
}

// Pass says that no event comes of a log that is earlier than ms. It is for logs whose
// events are not all that moves them on.
func (m *Merge[V]) Pass(log digest.Hash, ms int64) {
	if l := m.lines[log]; l != nil && l.head == nil && ms > l.passed {
		l.passed = ms
		m.list(l)
	}
}

// reach takes note that a line was yielded, or left out, as far as done.
func (m *Merge[V]) reach(l *line[V], done uint64, late bool) {
	if done > l.done {
		l.done = done
		m.release(shortOf(l.log), late)
	}
}

// place has a line wait for the first of its head's refs that was not yielded, if any.
func (m *Merge[V]) place(l *line[V]) {
	for _, r := range l.head.Refs {
		if to, known := m.short[r.Log]; known && (to == nil || to == l || to.done >= r.Size) {
			continue
		}
		m.waiting[r.Log] = append(m.waiting[r.Log], l)
		return
	}
	heap.Push(&m.heads, l)
}

// release places the lines anew that wait for a log of which more was yielded.
func (m *Merge[V]) release(name [event.ShortBytes]byte, late bool) {
	all := m.waiting[name]
	delete(m.waiting, name)
	for _, l := range all {
		l.late = l.late || late
		m.place(l) // it waits again if that is not enough
	}
}

// Mark returns the time below which every event has its place: no log that was added has
// events to come that are earlier.
func (m *Merge[V]) Mark() int64 {
	for len(m.empty) > 0 {
		if first := m.empty[0]; first.line.head == nil && first.line.passed == first.passed {
			return first.passed
		}
		if gone := heap.Pop(&m.empty).(empty[V]); gone.line.listed == gone.passed {
			gone.line.listed = math.MinInt64
		}
	}
	return math.MaxInt64
}

// Peek returns the time of the event that Next would yield.
func (m *Merge[V]) Peek() (ms int64, ok bool) {
	if len(m.heads) == 0 {
		return 0, false
	}
	return m.heads[0].head.Time, true
}

// Next yields the first event, if it is earlier than Mark or than below. late says that
// others were yielded before it that have their place behind it.
func (m *Merge[V]) Next(below int64) (e Event[V], late, ok bool, err error) {
	if ms, any := m.Peek(); !any || ms >= max(m.Mark(), below) {
		return e, false, false, nil
	}
	l := heap.Pop(&m.heads).(*line[V])
	e, l.head = *l.head, nil
	if last := m.largestSince(0); last == nil || e.Compare(last) > 0 {
		l.late = false
	}
	late = l.late || l.behind != nil && e.Compare(l.behind) < 0
	m.count(&e)
	m.reach(l, e.Seq+1, late)
	return e, late, true, m.load(l)
}

// count takes note of a yielded event.
func (m *Merge[V]) count(e *Event[V]) {
	n := len(m.peaks)
	for n > 0 && m.peaks[n-1].e.Compare(e) < 0 {
		n--
	}
	m.peaks = append(m.peaks[:n], peak[V]{m.yielded, e})
	m.yielded++
}

// largestSince returns the event with the largest place of those that were yielded after
// the first n, or nil.
func (m *Merge[V]) largestSince(n int) *Event[V] {
	i := sort.Search(len(m.peaks), func(i int) bool { return m.peaks[i].n >= n })
	if i == len(m.peaks) {
		return nil
	}
	return m.peaks[i].e
}

func shortOf(log digest.Hash) [event.ShortBytes]byte { return [event.ShortBytes]byte(log[:]) }
