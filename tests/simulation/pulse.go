// SPDX-License-Identifier: MPL-2.0

package simulation

import (
	"time"

	"github.com/xaeroflux/xaeroflux/syncer"
)

// mono is the clock that no fault puts: of sessions, not of records.
func (w *world) mono() time.Time { return time.Unix(0, 0).Add(w.now) }

// acknowledged is what the carrier of the other end says to a frame that arrived,
// a moment later and if it gets through.
func (e *end) acknowledged() {
	e.w.after(e.edge.latency, func() {
		if !e.gone && !e.conn.broken && !e.conn.dark && !e.edge.blockedFrom(e.other.p) {
			e.signs.Heard++
		}
	})
}

// probe asks the carrier of the other end for a sign, which waits behind no stream.
func (e *end) probe() {
	e.signs.Asked++
	if e.edge.blockedFrom(e.p) {
		return
	}
	e.w.after(2*e.edge.latency, func() {
		if !e.gone && !e.conn.broken && !e.conn.dark && !e.edge.blockedFrom(e.other.p) {
			e.signs.Heard++
		}
	})
}

// wantBeat looks at the pulse when it says so.
func (e *end) wantBeat() {
	next := e.pulse.Next()
	if next.IsZero() || e.gone {
		return
	}
	at := next.Sub(time.Unix(0, 0))
	if e.beatAt != 0 && e.beatAt <= at {
		return
	}
	e.beatAt = at
	e.w.after(at-e.w.now, func() {
		if !e.gone && e.beatAt == at {
			e.beatAt = 0
			e.beat()
		}
	})
}

// check asks the peer at once whether it is there.
func (e *end) check() {
	e.pulse.Changed()
	e.beat()
}

func (e *end) beat() {
	if e.gone || e.patient() {
		return
	}
	switch e.pulse.Look(e.w.mono(), e.signs) {
	case syncer.AskNow:
		e.pings++
		e.step(syncer.Ping{Nonce: e.pings})
		e.probe()
	case syncer.Gone:
		if e.w.sound() {
			e.w.fail("nothing is wrong, and peer %d takes peer %d for gone on link %d", e.p.nr, e.other.p.nr, e.edge.nr)
		}
		e.w.note("peer %d link %d: the peer does not answer", e.p.nr, e.edge.nr)
		e.w.stats.Silent++
		e.conn.sever(e)
		return
	}
	e.wantBeat()
}
