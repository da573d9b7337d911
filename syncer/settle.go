// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// resting reports whether nothing of a topic is under way from the peer to us,
// or from us to it by a pull of its own.
func (t *topic) resting() bool {
	return t.known && !t.sentDiff && t.listed == nil && t.round == nil && len(t.expected) == 0 && len(t.busy) == 0
}

// searching reports whether it is not known yet what differs, or has come.
func (t *topic) searching() bool {
	return t.round != nil || len(t.expected) > 0 || !t.known && !t.sentDiff && t.listed == nil
}

// settle states our digest when the topic rests and it is news to the peer,
// and notices agreement. Once a topic has agreed, new events are pushed at
// once and the digest follows with the next tick, or as an answer.
func (s *Session) settle(t *topic) error {
	set, err := t.store.Summary(t.id)
	if err != nil {
		return err
	}
	told := t.lastSent != nil && *t.lastSent == set
	heard := t.lastGot != nil && *t.lastGot == set
	if heard && t.known {
		if err := s.hasAll(t); err != nil {
			return err
		}
	}
	if !told && t.resting() {
		if !t.settled || heard {
			s.sayDone(t, set)
			told = true
		} else {
			s.wantTick()
		}
	}
	if now := told && heard; now != t.agreed {
		t.agreed = now
		t.settled = t.settled || now
		if now {
			if err := s.evened(t); err != nil {
				return err
			}
		}
		s.emit(Agreed{Topic: t.id, Now: now, Partial: t.scope != nil, Set: set, Instance: s.instance})
	}
	if (t.left || t.theirsLeft) && told && !heard && t.lastGot != nil && t.resting() {
		s.emit(Apart{Topic: t.id, Theirs: !t.left})
	}
	if t.agreed {
		t.apart, t.wait, t.tries = time.Time{}, time.Second, 0
	} else if t.lastGot != nil && t.resting() || len(t.busy) > 0 || t.searching() {
		s.wantTick()
	}
	return nil
}

func (s *Session) sayDone(t *topic, set digest.Set) {
	t.lastSent = &set
	s.send(&messages.SyncDone{Topic: t.index, Logs: set.Count, Digest: set.Sum, Ask: t.asking, Leaves: t.left})
	t.asking = false
}

func (s *Session) syncDone(t *topic, m *messages.SyncDone) error {
	t.lastGot, t.theirsLeft = &digest.Set{Count: m.Logs, Sum: m.Digest}, m.Leaves
	if m.Ask {
		t.lastSent = nil // said again at once where it is the same, or with the next tick
	}
	if t.known || t.round != nil || t.sentDiff || t.listed != nil {
		return nil
	}
	// The peer saw no difference where we did: one side's PEAKS was old.
	if same, err := s.same(t, *t.lastGot); same || err != nil {
		return err
	}
	t.leads = true
	return s.begin(t)
}

// hasAll takes note, where the peer stated what we hold, that it waits for
// nothing more: what it was to pull from us came from somebody else.
func (s *Session) hasAll(t *topic) error {
	for id, r := range t.busy {
		if !r.serving {
			continue
		}
		own, found, err := s.cfg.Store.Log(id)
		if err != nil {
			return err
		}
		if r.serving = false; found {
			r.size, r.pages = own.Size, own.Pages
		}
		if !r.active() {
			delete(t.busy, id)
		}
	}
	return nil
}

// nudge states our digests now. With confirm, what the peer said before counts
// no more: it may have been long ago.
func (s *Session) nudge(confirm bool) error {
	for _, t := range s.topics {
		if t.store == nil {
			continue
		}
		set, err := t.store.Summary(t.id)
		if err != nil {
			return err
		}
		if confirm {
			t.lastSent, t.lastGot, t.asking = nil, nil, true
		}
		if t.resting() && (confirm || !t.agreed) {
			s.sayDone(t, set)
		}
	}
	return nil
}

// tick states digests that waited, tells sizes again where something failed,
// and begins a new round where both sides rest and still disagree: a session
// never stalls in silence.
func (s *Session) tick(now time.Time) error {
	s.ticked = false
	for _, t := range s.topics {
		if t.store == nil {
			continue
		}
		if t.scope != nil {
			t.scope.touchAll()
		}
		if err := s.tickTopic(t, now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) tickTopic(t *topic, now time.Time) error {
	t.spent = 0
	if err := s.tickLive(t); err != nil {
		return err
	}
	for _, r := range t.those(func(r *remote) bool { return r.recheck && !r.pulling && r.in == nil }) {
		r.recheck = false
		t.touched = append(t.touched, r)
		if err := s.ask(t, r); err != nil {
			return err
		}
	}
	set, err := t.store.Summary(t.id)
	if err != nil {
		return err
	}
	if !t.resting() {
		t.apart = time.Time{}
		return s.tickBusy(t, now, set)
	}
	t.quiet = progress{}
	if t.lastSent == nil || *t.lastSent != set {
		s.sayDone(t, set)
		return nil
	}
	if t.agreed || t.lastGot == nil {
		return nil
	}
	if t.apart.IsZero() {
		t.apart = now
	}
	if now.Sub(t.apart) < t.wait {
		return nil
	}
	t.apart, t.wait = now, min(2*t.wait, maxRoundWait)
	return s.again(t)
}

// those returns the busy logs that are meant, in the order of their ids.
func (t *topic) those(meant func(*remote) bool) (all []*remote) {
	for _, r := range t.busy {
		if meant(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *remote) int { return bytes.Compare(x.id[:], y.id[:]) })
	return all
}

// onlyServes reports whether nothing is under way but what the peer was told to
// pull. Where that goes for both sides, and each got it from somebody else, none
// would ever rest: so each states its digest, which shows that (hasAll).
func (t *topic) onlyServes() bool {
	if !t.known || t.sentDiff || t.listed != nil || t.searching() {
		return false
	}
	for _, r := range t.busy {
		if r.wanted != 0 || r.pulling || r.in != nil || r.recheck {
			return false
		}
	}
	return true
}

// leave leaves a log alone from now on, because we want no more of it.
func (s *Session) leave(t *topic, r *remote) {
	if r.ignored {
		return
	}
	s.emit(LeftAlone{Log: r.id})
	*r = remote{id: r.id, size: r.size, pages: r.pages, ignored: true}
	t.left = true
}

// Progress is what moves while a topic is busy.
type progress struct {
	set   digest.Set
	heard uint64
	since time.Time // when it last moved
	wait  time.Duration
}

// tickBusy asks again where the peers wait for each other: each may have taken
// what it knew of the other for what the other has now.
func (s *Session) tickBusy(t *topic, now time.Time, set digest.Set) error {
	q := &t.quiet
	if q.wait == 0 || q.set != set || q.heard != t.heard {
		*q = progress{set: set, heard: t.heard, since: now, wait: stallWait}
		return nil
	}
	wait := q.wait
	if t.searching() {
		wait *= roundStallFactor
	}
	if now.Sub(q.since) < wait {
		return nil
	}
	q.since, q.wait = now, min(2*q.wait, maxRoundWait)
	if t.onlyServes() && (t.lastSent == nil || *t.lastSent != set) {
		s.sayDone(t, set)
	}
	for _, r := range t.those(func(r *remote) bool { return !r.pulling && r.in == nil && (r.wanted != 0 || r.serving) }) {
		t.touched = append(t.touched, r)
		if err := s.ask(t, r); err != nil {
			return err
		}
		if r.hearsay { // it may not exist; what does exist will be pushed or said with a head
			r.wanted, r.hearsay = 0, false
		}
	}
	if t.searching() {
		return s.again(t)
	}
	return nil
}

// stored takes note that an ingest is published.
func (s *Session) stored(id digest.Hash) {
	for _, t := range s.topics {
		if t.theirs[id] == nil {
			continue
		}
		r := t.remote(id)
		if r.in == nil {
			continue
		}
		if r.in.left--; r.in.left == 0 {
			r.in = nil
		}
		s.reached(r, id)
	}
}

// reached drops what is wanted of a log once we have it.
func (s *Session) reached(r *remote, id digest.Hash) {
	own, found, err := s.cfg.Store.Log(id)
	if err == nil && found && own.Size >= r.wanted {
		r.wanted = 0
	}
}

// ingestFailed makes us ask again for what could not be stored, unless it never
// will be.
func (s *Session) ingestFailed(in IngestFailed) {
	for _, t := range s.topics {
		if t.theirs[in.Log] != nil {
			r := t.remote(in.Log)
			if errors.Is(in.Err, ErrUnwanted) {
				s.leave(t, r)
				continue
			}
			if r.in = nil; r.ignored {
				continue
			}
			r.recheck = true
			s.wantTick()
		}
	}
}

func (s *Session) pullDone(in PullDone) error {
	var v *Violation
	if errors.As(in.Err, &v) {
		return v
	}
	c := conflictOf(in.Err)
	for _, t := range s.topics {
		if t.theirs[in.Log] == nil {
			continue
		}
		r := t.remote(in.Log)
		if !r.pulling {
			continue
		}
		r.pulling = false
		if c != nil {
			if err := s.doubts(t, r, c); err != nil {
				return err
			}
			continue
		}
		if errors.Is(in.Err, ErrUnwanted) {
			s.leave(t, r)
			continue
		}
		s.reached(r, in.Log)
		if in.Err != nil || r.wanted != 0 {
			r.recheck = true
			s.wantTick()
		} else if in.Others { // the peer did not see it end
			if err := s.tellSize(t, in.Log); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellSize tells the peer what we hold of a log, so that it pushes what comes.
func (s *Session) tellSize(t *topic, id digest.Hash) error {
	own, found, err := s.cfg.Store.Log(id)
	if err == nil && found {
		s.sendPart(t, own)
	}
	return err
}
