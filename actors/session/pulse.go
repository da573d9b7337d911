// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A session has one timer, for whatever comes first: the tick that its core asked
// for, or the beat of its pulse, which is how it knows whether its peer is there.

// An alarm is that timer.
type alarm struct {
	timer *time.Timer
	at    time.Time // when it goes off; zero: it does not
}

// setAlarm makes the alarm go off in time for what is due next. One that goes off
// earlier than that is left: it costs less than to set it with each message.
func (s *Session) setAlarm() {
	next := s.pulse.Next()
	if !s.tickAt.IsZero() && (next.IsZero() || s.tickAt.Before(next)) {
		next = s.tickAt
	}
	a := &s.alarm
	if next.IsZero() || !a.at.IsZero() && !next.Before(a.at) {
		return
	}
	a.at = next
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(next), func() { s.tell(&wake{}) })
		context.AfterFunc(s.ctx, func() { a.timer.Stop() })
		return
	}
	a.timer.Reset(time.Until(next))
}

// onWake does what is due.
func (s *Session) onWake(now time.Time) {
	s.alarm.at = time.Time{}
	s.set.Host.Woke(now)
	if !s.tickAt.IsZero() && !now.Before(s.tickAt) {
		s.onTick(now)
	}
	s.beat(now)
}

func (s *Session) wantTick() {
	if s.tickAt.IsZero() {
		s.tickAt = time.Now().Add(tickEvery)
		s.setAlarm()
	}
}

// beat asks the peer whether it is there if it is time to, and ends the session
// if it is not.
func (s *Session) beat(now time.Time) {
	if s.core == nil || s.ctx.Err() != nil {
		return
	}
	switch s.pulse.Look(now, s.signs()) {
	case syncer.AskNow:
		s.pings++
		s.step(syncer.Ping{Nonce: s.pings})
		s.conn.Probe()
	case syncer.Gone:
		s.fail(&SilentError{Peer: s.conn.Peer(), Quiet: s.pulse.Quiet(now)})
		s.hangUp(messages.CodeTimeout, "no answer")
		return
	}
	s.setAlarm()
}

func (s *Session) signs() (g syncer.Signs) {
	g.Heard, g.Asked = s.conn.Signs()
	return g
}

// A SilentError says that a session ended because nothing came of the peer any
// more.
type SilentError struct {
	Peer  identity.PeerID
	Quiet time.Duration // since its last word
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("peer %s has not answered for %s: it is gone, or the network on the way; it is dialed again", e.Peer.Short(), e.Quiet.Round(time.Millisecond))
}

// claimWait is how long after the last word of a peer a session may say that it
// is in sync: by then a peer that is not there was asked and is gone.
func (k *Set) claimWait(dozes bool) time.Duration {
	if dozes || k.Doze {
		return syncer.DozeEvery + syncer.PingEvery
	}
	return 2 * syncer.PingEvery
}

// A lastWord is when the peer last said something, by two clocks: one that stands
// still while the machine sleeps, and one that may be put.
type lastWord struct {
	mono atomic.Int64 // since began
	wall atomic.Int64 // Unix nanoseconds
}

var began = time.Now()

// note takes note of a word that comes now.
func (w *lastWord) note() time.Time {
	now := time.Now()
	w.mono.Store(int64(now.Sub(began)))
	w.wall.Store(now.UnixNano())
	return now
}

// any reports whether there was a word.
func (w *lastWord) any() bool { return w.wall.Load() != 0 }

// ago returns how long ago the last word was, by the clock that says more.
func (w *lastWord) ago(now time.Time) time.Duration {
	return max(now.Sub(began)-time.Duration(w.mono.Load()), time.Duration(now.UnixNano()-w.wall.Load()))
}

// dozes reports whether HELLO says that its sender dozes.
func dozes(h *messages.Hello) bool {
	for _, c := range h.Caps {
		if c.Name == messages.CapDoze {
			return true
		}
	}
	return false
}
