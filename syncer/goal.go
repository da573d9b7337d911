// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Rule: a sync that is asked for ends once what either side held when it was asked
// for is on both. That the peer stated what is held here shows it, and is all that a
// quiet pair needs. While members write there may be no such moment: then rounds that
// were begun since, surveys, say what the peer holds, log by log. What the first told is
// to be here, and what was here is to be there by what it or a later one tells; both are
// fixed, so nothing that is appended meanwhile puts the end off. Of a log that its
// author forked both have to know that. One survey in 16 takes two histories of one size
// for one (items.go), so a few have to say the same.

// surveysAlike is how many surveys in a row have to find nothing.
const surveysAlike = 3

// A lack is sizes of logs that are not here yet.
type lack map[digest.Hash]uint64

// A goal is what a topic has to reach for the sync that is under way.
type goal struct {
	doubted bool // what the peer states may date from before the sync was asked for
	asked   bool // the peer was asked to state what it holds

	before map[digest.Hash]uint64 // sizes that logs had here which changed since
	roster identity.Position      // that was held here,
	theirs *identity.Position     // and the first that the peer stated since
	stated *standing              // and all that it stated last

	noted    bool // wants is what was known to be missing,
	surveyed bool // or what the first survey told
	wants    lack
	aside    bool // the peer holds more of a log that is left alone here

	gives, given         uint64 // logs of which the last survey found less there than was here, or another history, and the sizes it told,
	lastGives, lastGiven uint64 // and the one before

	alike int // surveys in a row that found nothing of that kind
	probe probe

	due   time.Time // for the next survey, or probe
	wait  time.Duration
	again time.Time // to ask the peer once more
	pause time.Duration
}

// newGoal begins what a topic has to reach.
func (s *Session) newGoal(t *topic, doubted bool) error {
	position, err := s.cfg.Store.Position(t.id)
	if t.goal == nil {
		s.goals++
	}
	t.goal = &goal{doubted: doubted, asked: doubted, roster: position, before: map[digest.Hash]uint64{}}
	t.goal.note(t)
	s.emitTick()
	return err
}

// endGoal takes note that a topic has reached its goal, or never will.
func (s *Session) endGoal(t *topic) {
	if t.goal != nil {
		t.goal = nil
		s.goals--
	}
}

// wanted returns what is known to be missing here, and with coming what is being stored;
// of provisional logs that always, as no digest tells of them.
func (t *topic) wanted(coming bool) lack {
	all := lack{}
	for id, r := range t.busy {
		size := uint64(0)
		if r.wants() {
			size = r.wanted
		}
		if (coming || r.judged != nil) && r.in != nil {
			size = max(size, r.in.next)
		}
		if size > 0 && !r.stuck() {
			all[id] = size
		}
	}
	return all
}

// filled drops a log from a lack if what was missing of it is here, or is not to come:
// with known, nor if the session does not wait for it any more.
func (s *Session) filled(t *topic, l lack, id digest.Hash, known bool) error {
	size, lacks := l[id]
	if !lacks {
		return nil
	}
	own, _, err := s.cfg.Store.Log(id)
	r := t.theirs[id]
	given := r == nil || !r.wants() && r.in == nil || r.stuck()
	if own.Size >= size || own.Frozen || own.ended() || known && given || r != nil && r.phase == aside {
		delete(l, id)
	}
	return err
}

// fill looks at one log of what the topic, or the peer that asked, waits for.
func (s *Session) fill(t *topic, id digest.Hash) error {
	if err := s.filled(t, t.owed, id, true); err != nil || t.goal == nil {
		return err
	}
	g := t.goal
	if r := t.theirs[id]; r != nil && r.phase == aside && g.wants[id] > 0 {
		g.aside = true
	}
	return s.filled(t, g.wants, id, !g.surveyed)
}

// fillAll looks at all of them.
func (s *Session) fillAll(t *topic) error {
	for id := range t.owed {
		if err := s.fill(t, id); err != nil {
			return err
		}
	}
	if t.goal == nil {
		return nil
	}
	for id := range t.goal.wants {
		if err := s.fill(t, id); err != nil {
			return err
		}
	}
	return nil
}

// changes takes note of what a log had before it changed first.
func (g *goal) changes(log digest.Hash, before uint64) {
	if g == nil {
		return
	}
	if _, again := g.before[log]; !again {
		g.before[log] = before
	}
}

// note takes note of what is known to be missing when the sync begins: before that is
// here, a survey would tell nothing new.
func (g *goal) note(t *topic) {
	if !g.noted && !g.surveyed && t.phase == sorted {
		g.noted, g.wants = true, t.wanted(false)
	}
}

// surveys begins to take what a round tells, if it was begun since the sync was asked
// for; else it returns nil.
func (t *topic) surveys(r *round) *goal {
	g := t.goal
	if g == nil || r.goal != g {
		return nil
	}
	if !g.surveyed {
		g.wants = lack{}
	}
	g.lastGives, g.lastGiven, g.gives, g.given, g.aside = g.gives, g.given, 0, 0, false
	return g
}

// tells takes what the peer holds of a log that differs: with forked, as much of it as
// was here, so that one of both is to learn of a fork.
func (g *goal) tells(r *remote, own LogInfo, size uint64, forked bool) {
	if g == nil {
		return
	}
	held := own.Size
	if before, changed := g.before[own.Log]; changed {
		held = min(held, before)
	}
	if r.end != nil {
		held = min(held, *r.end)
	}
	switch {
	case forked || own.Frozen || size < held:
		g.gives, g.given = g.gives+1, g.given+size
	case size <= own.Size || own.ended():
	case r.phase == aside:
		g.aside = true
	case !g.surveyed:
		g.wants[own.Log] = size
	}
}

// passes takes note that the peer holds a log that is left alone here.
func (g *goal) passes() {
	if g != nil {
		g.aside = true
	}
}

// hears takes note of a size of a log that a survey told by a short id.
func (g *goal) hears(log digest.Hash, size uint64) {
	if g != nil && g.surveyed {
		g.wants[log] = max(g.wants[log], size)
	}
}

// states takes what the peer states that it holds, unless that may be from before.
func (g *goal) states(got standing) {
	if g == nil || g.doubted {
		return
	}
	if g.stated = &got; g.theirs == nil {
		g.theirs = &got.roster
	}
	g.probe.hears()
}

// ends takes note that a survey told all it tells.
func (g *goal) ends() {
	if g == nil {
		return
	}
	g.probe.news = true
	if g.surveyed = true; g.gives == 0 && !g.aside {
		g.alike++
	} else {
		g.alike = 0
	}
}

// holdsAll reports whether who is at p holds all of a roster that q is a position of.
func holdsAll(p, q identity.Position) bool {
	return p == q || numberOf(p) > numberOf(q) || numberOf(p) == numberOf(q) && p.Size > q.Size
}

// sameRoster reports whether both sides hold what either held of the roster.
func (g *goal) sameRoster(t *topic, now standing) bool {
	got := t.lastGot
	return got != nil && (got.roster == now.roster || g.theirs != nil && holdsAll(now.roster, *g.theirs) && holdsAll(got.roster, g.roster))
}

// settleGoal notices that a topic has reached its goal, or that what it lacks is left
// alone.
func (s *Session) settleGoal(t *topic, now standing) error {
	g := t.goal
	if g == nil || g.doubted {
		return nil
	}
	if t.reach != nil { // by certificates nobody agrees
		return s.settleProbe(t, now)
	}
	if t.agreed() {
		brings, err := s.brings(t)
		if !brings {
			s.endGoal(t)
		}
		return err
	}
	if g.stated != nil && *g.stated == now && t.resting() {
		s.covered(t)
		return nil
	}
	if err := s.settleProbe(t, now); err != nil || t.goal == nil {
		return err
	}
	if !g.surveyed || t.phase != sorted || len(g.wants) > 0 || !g.sameRoster(t, now) || g.probe.step != unprobed {
		return nil
	}
	stuck := g.gives > 0 && g.gives == g.lastGives && g.given == g.lastGiven
	switch {
	case g.gives > 0 && !(stuck && t.theirsLeft): // another survey says whether it came
	case g.gives > 0, g.aside && t.left:
		s.apart(t, s.leftApart(t))
	case g.alike >= surveysAlike:
		s.covered(t)
	case g.alike > 0 && !g.due.IsZero():
		return s.survey(t)
	}
	return nil
}

// covered ends a sync of a topic that reached its goal without an agreement.
func (s *Session) covered(t *topic) {
	s.emit(Covered{t.id})
	s.endGoal(t)
}

// tickGoal begins a survey, if digests did not show that the goal is reached: once the
// peer has stated something since, and both have what they knew to be missing.
func (s *Session) tickGoal(t *topic, now time.Time, have standing) error {
	g := t.goal
	if s.asksAgain(t, now, have); g == nil || g.doubted || t.agreed() && t.reach == nil || !t.told() || g.probe.step != unprobed {
		return nil
	}
	g.note(t)
	if t.lastGot == nil {
		if t.asking || !g.asked || g.presses(now) {
			s.askDone(t, have)
		}
		return nil
	}
	if now.Before(g.due) || s.unrested >= maxBusy {
		return nil
	}
	if !t.hasAll() && !t.moving() {
		if g.due = now.Add(time.Second); t.plain() {
			g.putsOff(now)
		}
		return s.tickProbe(t, have)
	}
	if !t.plain() {
		return nil
	}
	g.putsOff(now)
	if !g.sameRoster(t, have) {
		s.askDone(t, have)
	}
	return s.survey(t)
}

// presses reports whether to ask the peer once more, which was asked and did not answer.
func (g *goal) presses(now time.Time) bool {
	if now.Before(g.again) {
		return false
	}
	first := g.again.IsZero()
	g.pause = min(max(2*g.pause, stallWait), maxRoundWait)
	g.again = now.Add(g.pause)
	return !first
}

// putsOff says when to look again.
func (g *goal) putsOff(now time.Time) {
	g.wait = min(max(2*g.wait, time.Second), maxRoundWait)
	g.due = now.Add(g.wait)
}

// survey asks what the peer holds, log by log.
func (s *Session) survey(t *topic) (err error) {
	t.rounds++
	r := t.newRound(true)
	if r.snap, err = takeSnapshot(t.store, t.id, s.salt(t)); err != nil {
		return err
	}
	t.begins(r)
	return s.leadList(t, r)
}

// askDone states our digest, and asks for the peer's.
func (s *Session) askDone(t *topic, have standing) {
	t.goal.asked, t.asking = true, true
	s.sayDone(t, have)
}
