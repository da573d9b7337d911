// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// given is what the application was given of each topic: what it appends next comes
// after that.
type given struct {
	mu     sync.Mutex // guards topics and what is in them but for sizes
	topics map[digest.Hash]*givenTopic
}

// A givenTopic is what was given of a topic.
type givenTopic struct {
	fresh   map[LogID]*givenLog               // of which more was given than is covered, or is being given
	covered map[[event.ShortBytes]byte]uint64 // what an own event, or one that was given, refers to
	turn    int
}

// A givenLog is how far a log was given.
type givenLog struct {
	log     LogID
	size    atomic.Uint64
	readers int // that are giving more of it
	turn    int // when the last one began
}

func newGiven() *given { return &given{topics: map[digest.Hash]*givenTopic{}} }

// begin has a reader give events of a log, until end.
func (g *given) begin(topic digest.Hash, log LogID) *givenLog {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil {
		t = &givenTopic{fresh: map[LogID]*givenLog{}, covered: map[[event.ShortBytes]byte]uint64{}}
		g.topics[topic] = t
	}
	l := t.fresh[log]
	if l == nil {
		t.makeRoom()
		l = &givenLog{log: log}
		t.fresh[log] = l
	}
	t.turn++
	l.turn = t.turn
	l.readers++
	return l
}

// end ends what begin began; l may be nil.
func (g *given) end(topic digest.Hash, l *givenLog) {
	if l == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l.readers--
	g.topics[topic].drop(l)
}

// give takes note that a record is about to be given; l may be nil.
func (g *given) give(topic digest.Hash, l *givenLog, r *Record) {
	if l == nil {
		return
	}
	for size := l.size.Load(); size <= r.Seq && !l.size.CompareAndSwap(size, r.Seq+1); {
		size = l.size.Load()
	}
	if refs := r.Refs(); len(refs) > 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.topics[topic].cover(refs)
	}
}

// once takes note that a single record is about to be given.
func (g *given) once(topic digest.Hash, r *Record) {
	l := g.begin(topic, r.Log)
	defer g.end(topic, l)
	g.give(topic, l, r)
}

// refs returns what an event that is appended to own now comes after: the newest events
// that were given and that nothing which is referred to refers to, of at most 16 logs.
func (g *given) refs(topic digest.Hash, own LogID) []Ref {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil {
		return nil
	}
	var fresh []*givenLog
	for _, l := range t.fresh {
		if size := l.size.Load(); l.log != own && size > t.covered[l.short()] {
			fresh = append(fresh, l)
		}
	}
	slices.SortFunc(fresh, func(a, b *givenLog) int { return cmp.Compare(b.turn, a.turn) })
	var refs []Ref
	for _, l := range fresh[:min(len(fresh), event.MaxRefs)] {
		refs = append(refs, Ref{Log: LogPrefix(l.short()), Size: l.size.Load()})
	}
	slices.SortFunc(refs, func(a, b Ref) int { return bytes.Compare(a.Log[:], b.Log[:]) })
	return slices.CompactFunc(refs, func(a, b Ref) bool { return a.Log == b.Log })
}

// referred takes note of what an event that was appended refers to.
func (g *given) referred(topic digest.Hash, refs []Ref) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t == nil || len(refs) == 0 {
		return
	}
	t.cover(refs)
	for _, l := range t.fresh {
		t.drop(l)
	}
}

// freshLogs is how many logs are kept in mind; beyond, those that were given first are not
// referred to.
const freshLogs = 256

// makeRoom forgets the log that nobody was given more of for longest, if there are many.
func (t *givenTopic) makeRoom() {
	if len(t.fresh) < freshLogs {
		return
	}
	var oldest *givenLog
	for _, l := range t.fresh {
		if l.readers == 0 && (oldest == nil || l.turn < oldest.turn) {
			oldest = l
		}
	}
	if oldest != nil {
		delete(t.fresh, oldest.log)
	}
}

func (t *givenTopic) cover(refs []Ref) {
	for _, r := range refs {
		t.covered[r.Log] = max(t.covered[r.Log], r.Size)
	}
}

// drop forgets a log of which all that was given is covered.
func (t *givenTopic) drop(l *givenLog) {
	if l.readers == 0 && l.size.Load() <= t.covered[l.short()] {
		delete(t.fresh, l.log)
	}
}

func (l *givenLog) short() [event.ShortBytes]byte { return [event.ShortBytes]byte(l.log[:]) }
