// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"math/rand/v2"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Bounds of a storm, in which members write without a pause.
const (
	stormLasts   = 20 * time.Second
	stormWriters = 8
	stormPause   = 250 * time.Millisecond // of each writer, on average
	syncLimit    = 15 * time.Second       // that a sync may take meanwhile, if there is no fault
)

// A call is a sync that a session was asked for, and what either side held of the
// topics that were shared.
type call struct {
	number uint64
	shared map[digest.Hash]uint32
	held   map[digest.Hash]uint64
	at     time.Duration
}

// sync asks a session for a sync.
func (e *end) sync(confirm bool) *call {
	c := &call{at: e.w.now, shared: map[digest.Hash]uint32{}, held: map[digest.Hash]uint64{}}
	for id, number := range e.numbers {
		c.shared[id] = number
	}
	for _, st := range []*store{e.p.st, e.other.p.st} {
		for id, l := range st.logs {
			c.held[id] = max(c.held[id], l.Size())
		}
	}
	e.asked++
	c.number = e.asked
	e.calls = append(e.calls, c)
	e.w.stats.Syncs++
	e.post(syncer.Nudge{Confirm: confirm})
	return c
}

// synced checks what a sync promises that is over: both sides hold what either held
// when it was asked for.
func (e *end) synced(number uint64) {
	e.done = number
	apart := e.apart
	e.apart = false
	for len(e.calls) > 0 && e.calls[0].number <= number {
		c := e.calls[0]
		e.calls = e.calls[1:]
		if apart {
			continue
		}
		for _, id := range e.w.order {
			h := e.w.truth[id]
			t := h.author.at
			was, shared := c.shared[t.ID]
			if now, still := e.numbers[t.ID]; !shared || !still || was != now || t.strange(e.p, e.other.p) {
				continue
			}
			e.judgeSynced(c, id, min(c.held[id], h.counts()))
		}
	}
}

// parts takes note that a sync will not have all on both sides. Without a fault, all gets
// there as long as a topic is shared, unless one of the two counts what nobody else does.
func (e *end) parts(o syncer.Apart) {
	e.apart = true
	if e.w.sound() && o.Why != syncer.Unshared && !e.strange() {
		e.w.fail("nothing is wrong, and a sync of peer %d on link %d leaves topics apart: %v", e.p.nr, e.edge.nr, o.Why)
	}
}

func (e *end) judgeSynced(c *call, id digest.Hash, want uint64) {
	for _, p := range []*peer{e.p, e.other.p} {
		var have uint64
		if l := p.st.logs[id]; l != nil {
			have = l.Size()
		}
		if have < want {
			e.w.fail("a sync of peer %d on link %d that was asked for at %v is over, and peer %d holds %d of %d events of log %s",
				e.p.nr, e.edge.nr, c.at, p.nr, have, want, id.Short())
		}
	}
}

// syncs asks for syncs while things go wrong: they may not end, but if they do, it is true.
func (w *world) syncs(r *rand.Rand, until time.Duration) {
	for range 2 * len(w.peers) {
		w.after(between(r, 0, until), func() {
			if e := w.anyEnd(r); e != nil {
				e.sync(true)
			}
		})
	}
}

// anyEnd returns a session that shares a topic, or nil.
func (w *world) anyEnd(r *rand.Rand) *end {
	p := w.peers[r.IntN(len(w.peers))]
	if len(p.ends) == 0 {
		return nil
	}
	e := p.ends[r.IntN(len(p.ends))]
	if e.gone || e.other == nil || e.other.gone || len(e.shared) == 0 {
		return nil
	}
	return e
}

// storm lets peers write without a pause, and asks for syncs, which end all the same.
func (w *world) storm(r *rand.Rand) {
	end := w.now + stormLasts
	for i := range min(stormWriters, len(w.peers)) {
		p := w.peers[i]
		var write func()
		write = func() {
			p.write(r, 1)
			if w.now < end {
				w.after(between(r, 0, 2*stormPause), write)
			}
		}
		w.after(between(r, 0, 2*stormPause), write)
	}
	for range 6 {
		w.after(between(r, time.Second, stormLasts-syncLimit), func() {
			e := w.anyEnd(r)
			if e == nil {
				return
			}
			c := e.sync(true)
			w.after(syncLimit, func() {
				if e.done < c.number && !e.gone && !e.strange() {
					w.fail("a sync of peer %d on link %d is not over after %v", e.p.nr, e.edge.nr, syncLimit)
				}
			})
		})
	}
	w.runUntil(end + syncLimit)
}
