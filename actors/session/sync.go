// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Report says what a Sync moved and how long it took.
type Report struct {
	Peer                identity.PeerID
	EventsIn, EventsOut uint64
	PagesIn, PagesOut   uint64
	BytesIn, BytesOut   uint64
	RoundTrips          uint64
	Took                time.Duration
}

// Sync waits until both sides hold what either held of every topic they share when it
// was called. With confirm, the session was there before, and what the peer stated in
// it counts no more.
func (s *Session) Sync(ctx context.Context, start time.Time, confirm bool) (Report, error) {
	var before Report
	if confirm { // else the session is new, and all it did is this sync's
		before = s.report()
	}
	number, err := s.begin(ctx, confirm)
	if err != nil {
		return Report{}, err
	}
	if err := s.await(ctx, number); err != nil {
		return Report{}, err
	}
	r := s.report()
	r.EventsIn -= before.EventsIn
	r.EventsOut -= before.EventsOut
	r.PagesIn -= before.PagesIn
	r.PagesOut -= before.PagesOut
	r.BytesIn -= before.BytesIn
	r.BytesOut -= before.BytesOut
	r.RoundTrips -= before.RoundTrips
	r.Took = time.Since(start)
	return r, nil
}

// ErrEnding is what a session says that ended before it was asked for a sync: what it
// had agreed on is from before.
var ErrEnding = errors.New("the session ended before it could confirm; sync again")

// begin asks the core for a sync, behind everything that was appended here before, and
// returns its number; 0 if a new session has ended by now.
func (s *Session) begin(ctx context.Context, confirm bool) (uint64, error) {
	b := &barrier{confirm: confirm, passed: make(chan struct{})}
	s.tell(b)
	number := uint64(0)
	select {
	case <-b.passed:
		number = b.sync
	case <-s.stopped:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if number == 0 && confirm {
		return 0, ErrEnding
	}
	return number, nil // what a new session agreed on, ended or not, is of this sync
}

func (s *Session) report() Report {
	in, out := s.conn.Stats()
	return Report{
		Peer: s.conn.Peer(), EventsIn: s.stats.eventsIn.Load(), EventsOut: s.stats.eventsOut.Load(),
		PagesIn: s.stats.pagesIn.Load(), PagesOut: s.stats.pagesOut.Load(),
		BytesIn: in, BytesOut: out, RoundTrips: s.stats.roundTrips.Load(),
	}
}

// await waits until the sync of a number is done.
func (s *Session) await(ctx context.Context, number uint64) error {
	for {
		s.stats.mu.Lock()
		done, err, changed := s.stats.synced >= number, s.stats.end.err, s.stats.changed
		if number == 0 {
			done = s.stats.shared.inSync()
		} else if done {
			err = s.stats.unheld
		}
		s.stats.mu.Unlock()
		if done {
			return err
		}
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.conn.Done():
			// The first to notice says why; give the session a moment to.
			select {
			case <-changed:
			case <-time.After(GoodbyeGrace):
				return s.conn.Err()
			}
		case <-ctx.Done():
			return s.waited(ctx.Err())
		}
	}
}

// waited is the error of those whose time is over, with what they waited for if it
// is known.
func (s *Session) waited(err error) error {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	if s.stats.trouble.err != nil {
		err = errors.Join(err, &LocalError{s.stats.trouble.err})
	}
	return fmt.Errorf("sync with %s: %w", s.conn.Peer().Short(), err)
}

// notify wakes those who wait for a change; mu is held.
func (t *sessionStats) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// why returns what ended the session, or nil.
func (s *Session) why() error {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	return s.stats.end.err
}

func (s *Session) setAgreed(id identity.TopicID, agreed bool) {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	if s.stats.shared.setAgreed(id, agreed) {
		s.stats.notify()
		kind := notices.Behind
		if agreed {
			kind = notices.Agreed
		}
		s.set.Notify(notices.Event{Kind: kind, Peer: s.conn.Peer(), Address: s.conn.RemoteAddr(), Topic: id})
	}
}

// unmet takes note of a quota that leaves no room for what was brought, or of a log
// whose files take nothing.
func (s *Session) unmet(log digest.Hash, err error) {
	var q *pipeline.QuotaError
	var l *pipeline.LogError
	switch {
	case errors.As(err, &q):
		err = q
	case errors.As(err, &l):
		err = l
	default:
		return
	}
	s.set.Logger.Warn("a log is left alone", slog.String("log", log.String()), slog.String("peer", s.conn.Peer().Short()), slog.Any("error", err))
	s.stats.setUnmet(err)
}

// setUnmet takes note of why the first log was left alone.
func (t *sessionStats) setUnmet(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unmet == nil {
		t.unmet = err
	}
}

// setSynced tells those who wait for it that a sync is done.
func (t *sessionStats) setSynced(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.synced, t.unheld, t.apart = number, t.apart, nil
	t.notify()
}

// setTrouble takes note of what the machine ran out of, for those who wait: it is
// tried again.
func (t *sessionStats) setTrouble(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trouble = fault{err, time.Now()}
}
