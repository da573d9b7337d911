// SPDX-License-Identifier: MPL-2.0

package session

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

const (
	missingListed = 64 // logs that a session names as missing
	snapEvery     = 250 * time.Millisecond
)

// A snapshot is what a session says of itself, for those who look from
// outside. It is replaced, never changed, so that nobody waits for the actor.
type snapshot struct {
	syncer.Status
	since map[digest.Hash]time.Time // when a log of Missing was first found missing
	moved time.Time                 // when something last moved
}

// snap takes a snapshot, at most every snapEvery unless it must be.
func (s *Session) snap(now time.Time, must bool) {
	if s.core == nil || !must && now.Sub(s.snapped) < snapEvery {
		return
	}
	st, err := s.core.Status(missingListed)
	if err != nil {
		return // the step that comes says why
	}
	next := &snapshot{Status: st, since: make(map[digest.Hash]time.Time, len(st.Missing)), moved: s.watch.Since()}
	before := s.seen.Load()
	for _, m := range st.Missing {
		next.since[m.Log] = now
		if before != nil && !before.since[m.Log].IsZero() {
			next.since[m.Log] = before.since[m.Log]
		}
	}
	s.snapped = now
	s.seen.Store(next)
}

// onTick feeds the core and looks whether the session makes progress.
func (s *Session) onTick(now time.Time) {
	s.tickAt = time.Time{}
	s.step(syncer.Tick{Now: now})
	if s.core == nil || s.ctx.Err() != nil {
		return
	}
	s.snap(now, true)
	in, out := s.conn.Stats()
	st := s.seen.Load()
	owed := st != nil && st.Owed || s.awaited.Load() > 0
	events := s.stats.eventsIn.Load() + s.stats.eventsOut.Load() + s.stats.pagesIn.Load()
	if stood, stalled := s.watch.Look(now, owed, events, in+out); stalled {
		s.replace(stood, st)
	}
}

// replace ends a session that stands still; whoever keeps to the peer dials it
// again, and others are asked meanwhile.
func (s *Session) replace(stood time.Duration, st *snapshot) {
	what := "pages"
	if st != nil && st.Waiting != "" {
		what = st.Waiting
	}
	err := &StallError{Peer: s.conn.Peer(), Waiting: what, Stood: stood}
	s.set.Logger.Warn("a session stands still and is replaced", slog.Any("error", err))
	s.set.Notify(notices.Event{Kind: notices.Stalled, Peer: s.conn.Peer(), Address: s.conn.RemoteAddr(), Err: err})
	s.fail(err)
	s.out.send(&messages.Bye{Code: messages.CodeTimeout, Text: "nothing moved for " + stood.Round(time.Millisecond).String()}, false)
	s.close(messages.CodeTimeout, "nothing moved")
}

// A StallError says that a session was replaced because the peer owed
// something and nothing moved.
type StallError struct {
	Peer    [32]byte
	Waiting string // for what
	Stood   time.Duration
}

func (e *StallError) Error() string {
	return fmt.Sprintf("peer %x: nothing moved for %s while this side waits for %s", e.Peer[:4], e.Stood.Round(time.Millisecond), e.Waiting)
}

// A rate measures bytes a second, between looks at least a second apart.
type rate struct {
	mu      sync.Mutex // guards all below
	at      time.Time
	in, out uint64 // at that time
	rateIn  float64
	rateOut float64
}

func (r *rate) look(now time.Time, in, out uint64) (rateIn, rateOut float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() {
		r.at, r.in, r.out = now, in, out
	}
	if d := now.Sub(r.at).Seconds(); d >= 1 {
		r.rateIn, r.rateOut = float64(in-r.in)/d, float64(out-r.out)/d
		r.at, r.in, r.out = now, in, out
	}
	return r.rateIn, r.rateOut
}
