// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Missing is a log of which the peer holds more than we do.
type Missing struct {
	Topic       identity.TopicID
	Log         digest.Hash
	Held, Known uint64 // events here, and at the peer
	Pages       bool   // it is being pulled
}

// A Status is what a session is about.
type Status struct {
	State   State
	Missing []Missing // those that miss most, at most as many as were asked for
	Logs    int       // that miss something
	Events  uint64    // that are missing
	Waiting string    // for what, in words; empty if nothing is under way
	Owed    bool      // the peer owes us its greeting, its list or events
}

// Busy reports whether something is under way, so that a look at the Status
// is due in a second or so.
func (s *Session) Busy() bool {
	return s.unrested > 0 || s.state == Greeted || s.state == Meeting
}

// Status describes the session; logs bounds the list of what is missing.
func (s *Session) Status(logs int) (Status, error) {
	st := Status{State: s.state}
	var c counts
	for _, t := range s.topics {
		if t.phase != sorted {
			c.lists++
		}
		for _, r := range t.busy {
			if err := s.missing(&st, &c, t, r); err != nil {
				return st, err
			}
		}
	}
	slices.SortFunc(st.Missing, func(x, y Missing) int { return cmp.Compare(y.Known-y.Held, x.Known-x.Held) })
	st.Missing = st.Missing[:min(len(st.Missing), logs)]
	st.Waiting, st.Owed = c.words(s.state), s.state == Greeted || s.state == Meeting || c.lists+c.events > 0
	return st, nil
}

// counts is how many logs wait for what.
type counts struct{ lists, events, pages, serving, storing int }

func (s *Session) missing(st *Status, c *counts, t *topic, r *remote) error {
	own, _, err := s.cfg.Store.Log(r.id)
	if err != nil {
		return err
	}
	switch {
	case r.phase == pulled:
		c.pages++
	case r.wanted > own.Size && r.in == nil:
		c.events++
	case r.serving:
		c.serving++
	default:
		c.storing++
	}
	if r.wanted > own.Size {
		st.Logs++
		st.Events += r.wanted - own.Size
		st.Missing = append(st.Missing, Missing{Topic: t.id, Log: r.id, Held: own.Size, Known: r.wanted, Pages: r.phase == pulled})
	}
	return nil
}

func (c counts) words(state State) string {
	switch {
	case state == Greeted:
		return "the peer's greeting"
	case state == Meeting:
		return "a topic that both are in"
	case c.lists > 0:
		return "the peer's list of logs"
	case c.pages > 0:
		return fmt.Sprintf("pages of %s", logs(c.pages))
	case c.events > 0:
		return fmt.Sprintf("events of %s", logs(c.events))
	case c.serving > 0:
		return fmt.Sprintf("the peer, which pulls %s", logs(c.serving))
	case c.storing > 0:
		return fmt.Sprintf("this side to store %s", logs(c.storing))
	}
	return ""
}

func logs(n int) string {
	if n == 1 {
		return "one log"
	}
	return fmt.Sprintf("%d logs", n)
}

// progressBytes is what has to move in either direction to count as progress:
// more than the few words by which two sides ask each other again.
const progressBytes = 16 << 10

// A Watch tells a session that makes progress from one that does not.
type Watch struct {
	Limit time.Duration // that a peer may owe something while nothing moves

	since         time.Time // when something last moved, or nothing was owed
	rested        bool      // at the last look, or since
	events, bytes uint64
}

// Look takes note of what moved so far in all: events sent and stored, and
// bytes. It returns how long nothing did though something was owed, and
// whether that is too long.
func (w *Watch) Look(now time.Time, owed bool, events, bytes uint64) (time.Duration, bool) {
	if !owed || w.rested || w.since.IsZero() || events != w.events || bytes-w.bytes >= progressBytes {
		w.since, w.events, w.bytes, w.rested = now, events, bytes, !owed
		return 0, false
	}
	stood := now.Sub(w.since)
	return stood, stood >= w.Limit
}

// Rest says that nothing is under way. Nobody looks again before something is,
// which may be long after, and that time does not count.
func (w *Watch) Rest() { w.rested = true }

// Since returns when something last moved.
func (w *Watch) Since() time.Time { return w.since }
