// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// settle states our digest when the topic rests and it is news to the peer,
// and notices agreement. Once a topic has agreed, new events are pushed at
// once and the digest follows with the next tick, or as an answer. A peer that asks
// for it need not wait for a rest: one that always comes late never comes.
func (s *Session) settle(t *topic) error {
	now, err := s.standing(t)
	if err != nil {
		return err
	}
	if over, err := s.settleReach(t, now); over || err != nil {
		return err
	}
	told := t.lastSent != nil && *t.lastSent == now
	heard := t.lastGot != nil && *t.lastGot == now
	if heard && t.known {
		if err := s.hasAll(t); err != nil {
			return err
		}
	}
	switch rests := t.resting(); {
	case s.answers(t), !told && rests && (!t.settled() || heard) && !s.drains(t):
		s.sayDone(t, now)
		told = true
	case !told && rests:
		s.wantTick(t)
	}
	if agreed := told && heard; t.agrees(agreed) {
		if agreed {
			if err := s.evened(t); err != nil {
				return err
			}
		}
		s.emit(Agreed{Topic: t.id, Now: agreed, Partial: t.partial, Member: t.member, Set: now.set})
	}
	if err := s.settleGoal(t, now); err != nil {
		return err
	}
	if t.agreed() {
		t.apart, t.wait, t.tries = time.Time{}, time.Second, 0
	} else if t.lastGot != nil || !t.resting() {
		s.wantTick(t)
	}
	return nil
}

func (s *Session) sayDone(t *topic, now standing) {
	t.lastSent = &now
	s.send(&messages.SyncDone{Topic: t.number, Roster: now.roster, Logs: now.set.Count, Digest: now.set.Sum, Ask: t.asking, Leaves: t.left})
	t.asking = false
	t.paid()
}

func (s *Session) syncDone(t *topic, m *messages.SyncDone) error {
	got := &standing{m.Roster, digest.Set{Count: m.Logs, Sum: m.Digest}}
	if err := t.reach.check(*got); err != nil {
		return err
	}
	before := t.lastGot
	if t.theirsLeft = m.Leaves; t.goal == nil || !t.goal.doubted {
		t.lastGot = got
	}
	t.goal.states(*got)
	if before == nil || before.roster != got.roster {
		if err := s.rosterStated(t, got.roster); err != nil {
			return err
		}
	}
	if m.Ask {
		if err := s.asked(t, before, got); err != nil {
			return err
		}
	}
	if err := s.tellNewcomers(t, m.Roster); err != nil || t.phase != unmet {
		return err
	}
	// The peer saw no difference where we did: one side's PEAKS was old.
	if same, err := s.same(t, got.set); same || err != nil {
		return err
	}
	t.leads = true
	return s.begin(t)
}

// hasAll takes note, if the peer stated what we hold, that it waits for
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

// aloneWait is how long a session may share no topic.
const aloneWait = 30 * time.Second

// tickAlone ends a session in which nothing is shared for long.
func (s *Session) tickAlone(now time.Time) error {
	if len(s.topics) > 0 || s.state != Meeting && s.state != Syncing {
		s.alone = time.Time{}
		return nil
	}
	if s.alone.IsZero() {
		s.alone = now
	}
	if now.Sub(s.alone) >= aloneWait {
		return violation(messages.CodeNoSharedTopic, "no topic is shared for %s", aloneWait)
	}
	s.emitTick()
	return nil
}

// tick states digests that waited, tells sizes again if something failed,
// and begins a new round if both sides rest and still disagree: a session
// never stalls in silence.
func (s *Session) tick(now time.Time) error {
	s.ticked = false
	if s.goals > 0 {
		for n, t := range s.topics {
			if t.goal != nil {
				s.waiting[n] = true
			}
		}
	}
	due := slices.Sorted(maps.Keys(s.waiting))
	clear(s.waiting)
	for _, n := range due {
		t := s.topics[n]
		if t == nil || t.store == nil {
			continue
		}
		s.touch(t)
		if t.scope != nil {
			t.scope.touchAll()
		}
		if err := s.tickTopic(t, now); err != nil {
			return err
		}
	}
	if s.goals > 0 {
		s.emitTick()
	}
	return s.tickAlone(now)
}

func (s *Session) tickTopic(t *topic, now time.Time) error {
	t.spent = 0
	if err := s.tickLive(t); err != nil {
		return err
	}
	for _, r := range t.those(func(r *remote) bool { return r.phase == due && r.in == nil }) {
		t.touched = append(t.touched, r)
		if err := s.ask(t, r); err != nil {
			return err
		}
	}
	have, err := s.standing(t)
	if err == nil {
		err = errors.Join(s.fillAll(t), s.tickGoal(t, now, have))
	}
	if err != nil {
		return err
	}
	if !t.resting() {
		t.apart = time.Time{}
		return s.tickBusy(t, now, have)
	}
	t.quiet = progress{}
	if t.lastSent == nil || *t.lastSent != have {
		if !s.drains(t) {
			s.sayDone(t, have)
		}
		return nil
	}
	if t.agreed() || t.lastGot == nil {
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
// pull. If that goes for both sides, and each got it from somebody else, none
// would ever rest: so each states its digest, which shows that (hasAll).
func (t *topic) onlyServes() bool {
	if t.phase != sorted {
		return false
	}
	for _, r := range t.busy {
		if r.wants() || r.in != nil {
			return false
		}
	}
	return true
}

// leave leaves a log alone from now on, because we want no more of it.
func (s *Session) leave(t *topic, r *remote, why error) {
	if r.phase == aside {
		return
	}
	s.emit(LeftAlone{Log: r.id, Why: why})
	*r = remote{id: r.id, evening: r.evening, size: r.size, pages: r.pages, phase: aside}
	t.left = true
}

// Progress is what moves while a topic is busy.
type progress struct {
	have  standing
	heard uint64
	since time.Time // when it last moved
	wait  time.Duration
}

// tickBusy asks again if the peers wait for each other: each may have taken
// what it knew of the other for what the other has now.
func (s *Session) tickBusy(t *topic, now time.Time, have standing) error {
	if r := t.round; r != nil && r.lead && t.phase == inRound && r.stands(now, t.tries) {
		return s.again(t) // the peer may be beyond its number
	}
	q := &t.quiet
	if q.wait == 0 || q.have != have || q.heard != t.heard {
		*q = progress{have: have, heard: t.heard, since: now, wait: stallWait}
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
	if t.onlyServes() && (t.lastSent == nil || *t.lastSent != have) && !s.drains(t) {
		s.sayDone(t, have)
	}
	for _, r := range t.those(func(r *remote) bool { return r.phase != pulled && r.in == nil && (r.wants() || r.serving) }) {
		t.touched = append(t.touched, r)
		was := r.phase
		if err := s.ask(t, r); err != nil {
			return err
		}
		if was == hoped { // it may not exist
			r.got()
		}
	}
	if t.searching() {
		return s.again(t)
	}
	return nil
}

// stored takes note that an ingest is published.
func (s *Session) stored(in Stored) {
	_, r := s.remoteOf(in.Topic, in.Log)
	if r == nil || r.in == nil {
		return
	}
	if r.in.left--; r.in.left == 0 {
		r.in = nil
	}
	s.dropHeld(r, in.Log)
}

// remoteOf returns what the peer holds of a log that was spoken of, or nil.
func (s *Session) remoteOf(topic identity.TopicID, log digest.Hash) (*topic, *remote) {
	t := s.of(topic)
	if t == nil || t.theirs[log] == nil {
		return t, nil
	}
	return t, s.remote(t, log)
}

// dropHeld drops what is wanted of a log once we have it.
func (s *Session) dropHeld(r *remote, id digest.Hash) {
	own, found, err := s.cfg.Store.Log(id)
	if err == nil && found {
		r.holding(own)
	}
}

// ingestFailed makes us ask again for what could not be stored, unless it never
// will be.
func (s *Session) ingestFailed(in IngestFailed) error {
	t, r := s.remoteOf(in.Topic, in.Log)
	if r == nil {
		return nil
	}
	if errors.Is(in.Err, ErrUnadmitted) {
		return s.declined(t, r)
	}
	if errors.Is(in.Err, ErrUnwanted) {
		s.leave(t, r, in.Err)
		return nil
	}
	if r.in = nil; r.phase != aside {
		return s.failed(t, r, in.Err)
	}
	return nil
}

// failed takes note of what was not stored of a log, or did not come, and asks for it
// again with the next tick.
func (s *Session) failed(t *topic, r *remote, why error) error {
	own, _, err := s.cfg.Store.Log(r.id)
	r.fails(own.Size, why)
	s.wantTick(t)
	return err
}

func (s *Session) pullDone(in PullDone) error {
	var v *Violation
	if errors.As(in.Err, &v) {
		return v
	}
	t, r := s.remoteOf(in.Topic, in.Log)
	if r == nil || r.phase != pulled {
		return nil
	}
	r.to(due)
	if c := conflictOf(in.Err); c != nil {
		return s.suspectHead(t, r, c)
	}
	if errors.Is(in.Err, ErrUnadmitted) {
		return s.declined(t, r)
	}
	if errors.Is(in.Err, ErrUnwanted) {
		s.leave(t, r, in.Err)
		return nil
	}
	s.dropHeld(r, in.Log)
	if in.Err != nil || r.wanted != 0 {
		return s.failed(t, r, in.Err)
	}
	if in.Others { // the peer did not see it end
		return s.tellSize(t, in.Log)
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
