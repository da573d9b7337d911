// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// An event's time is max(last of its log, min(max(now, 1 + latest of its refs),
// now + maxAhead)): it never goes back within a log, and an event is later than
// those it refers to, unless one of those is far in the future. It is stamped
// in the order of the log, as the event is put into a batch.

// maxAhead is how far a ref may move a time beyond the clock, in milliseconds.
const maxAhead = 5 * 60 * 1000

// times is what the ingress asks of the store about times.
type times interface {
	// Last returns the time of the last event of a log, 0 if there is none.
	Last(log digest.Hash) int64
	// At returns the time of the last of the events of a log's topic that a ref
	// names; false says that they are not here.
	At(log digest.Hash, ref event.Ref) (int64, bool, error)
}

// A logClock is the latest time that an own log has; guarded by ingress.mu.
type logClock struct{ last int64 }

// clockOf returns the clock of an own log; in.mu is held.
func (in *ingress) clockOf(log digest.Hash) *logClock {
	c := in.clocks[log]
	if c == nil {
		c = &logClock{last: in.times.Last(log)}
		in.clocks[log] = c
	}
	return c
}

// stamp returns the time of the next event: after seen if that is not too far
// from now.
func (c *logClock) stamp(now, seen int64) int64 {
	c.last = max(c.last, min(max(now, seen), now+maxAhead, event.MaxTime))
	return c.last
}

// seen returns the first time after those of e's refs, 0 if none is known. No
// event refers to its own log.
func (in *ingress) seen(log digest.Hash, e *Entry) (after int64, err error) {
	for _, r := range e.refs() {
		if r.Log == [event.ShortBytes]byte(log[:]) {
			return 0, fmt.Errorf("%w: log %s refers to itself", event.ErrRefs, log.Short())
		}
		at, found, err := in.times.At(log, r)
		if err != nil {
			return 0, err
		}
		if found {
			after = max(after, at+1)
		}
	}
	return after, nil
}

// slot reserves the next leaf of g, to be written without in.mu, which is held,
// before hashing is told that it is done.
func (g *gathered) slot() *digest.Hash {
	if len(g.Leaves) == cap(g.Leaves) {
		g.older = append(g.older, g.Leaves)
		g.Leaves = make([]digest.Hash, 0, 2*cap(g.Leaves)+8)
	}
	g.hashing.Add(1)
	g.events++
	g.Leaves = g.Leaves[:len(g.Leaves)+1]
	return &g.Leaves[len(g.Leaves)-1]
}

// hashed waits until all leaves of g are there. Nothing joins g any more.
func (g *gathered) hashed() {
	g.hashing.Wait()
	if len(g.older) > 0 {
		g.Leaves, g.older = slices.Concat(append(g.older, g.Leaves)...), nil
	}
}

// storeTimes is a store as the ingress asks it.
type storeTimes struct{ st *store.Store }

func (s storeTimes) Last(log digest.Hash) int64 {
	l, err := s.st.Log(log)
	if err != nil {
		return 0 // the commit will say so
	}
	return l.Row().LastTime
}

func (s storeTimes) At(log digest.Hash, ref event.Ref) (int64, bool, error) {
	l, err := s.st.Log(log)
	if err != nil {
		return 0, false, err
	}
	return s.st.TimeAt(l.Topic, ref)
}
