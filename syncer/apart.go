// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"
	"time"
)

// Rule: a sync that cannot reach its end says so, and why. It is not the clock that
// tells. A probe has both sides come to rest: what is under way around this one is over
// (drain.go), the peer is asked and answers once the same is true there, and a survey
// tells what differs and offers all of it once more. If so many probes in a row find the
// same apart, nothing that the two hold brings them further.

// A probeStep is how far a probe is.
type probeStep uint8

const (
	unprobed  probeStep = iota // none is under way
	emptying                   // a Drain is under way
	inquiring                  // the peer was asked
	replied                    // it answered, and something of that may still be stored
	surveying                  // it is surveyed

	probeSteps
)

var probeStepNames = [...]string{"unprobed", "emptying", "inquiring", "replied", "surveying"}

// String returns the step's name.
func (p probeStep) String() string {
	if int(p) >= len(probeStepNames) {
		return fmt.Sprintf("probe step %d", p)
	}
	return probeStepNames[p]
}

// probeMoves says what may follow each.
var probeMoves = [probeSteps][]probeStep{
	unprobed:  {emptying},
	emptying:  {inquiring, unprobed},
	inquiring: {replied, unprobed},
	replied:   {surveying, unprobed},
	surveying: {unprobed},
}

// A probe is what a goal knows of what is apart.
type probe struct {
	step    probeStep
	drainAt uint64
	news    bool    // a survey ended
	owed    lack    // what was on its way here when the peer replied
	stood   picture // when a tick last looked
	found   picture // by the last one, or by the last probe
	same    int     // probes in a row that found just that
}

func (p *probe) to(step probeStep) {
	if move(probeMoves[p.step], p.step, step) {
		p.step = step
	}
}

// hears takes note that the peer stated what it holds.
func (p *probe) hears() {
	if p.step == inquiring {
		p.to(replied)
	}
}

// A picture is what is apart: of logs that either side held when the sync was asked for,
// how many are not on the other one, and how far they got. Nothing else is in it, so that
// what members write meanwhile does not change it.
type picture struct {
	gives, given uint64 // logs of which the peer holds less, or something else, and how much,
	lacks, held  uint64 // and those of which less is here
	aside        bool   // a log is left alone here
	rosters      bool   // and the rosters are two
	moves        uint64 // in a topic that certificates share: changes of logs here
}

// hasAll reports whether all is here that a probe found to be lacking, and that it found
// nothing else.
func (t *topic) hasAll() bool {
	p := t.goal.probe.found
	return t.plain() && p.gives == 0 && !p.aside && !p.rosters
}

// plain reports whether nothing is known to be missing here: then a survey is enough.
func (t *topic) plain() bool { return t.reach == nil && len(t.goal.wants) == 0 && t.phase == sorted }

// pictureOf returns what a survey that has just ended left apart.
func (s *Session) pictureOf(t *topic, now standing) (p picture, err error) {
	g := t.goal
	p.rosters = !g.sameRoster(t, now)
	if t.reach != nil {
		p.lacks, p.moves = 1, t.moves
		return p, nil
	}
	p.gives, p.given, p.aside = g.gives, g.given, g.aside
	for id := range g.wants {
		own, _, err := s.cfg.Store.Log(id)
		if err != nil {
			return p, err
		}
		if _, twice := t.expected[shortID(t.expectSalt, id)]; !twice {
			p.lacks, p.held = p.lacks+1, p.held+own.Size
		}
	}
	p.lacks += uint64(len(t.expected))
	return p, nil
}

// told reports whether what differs is known, if only by short ids.
func (t *topic) told() bool { return t.phase == sorted || t.phase == expecting }

// asksAgain asks the peer once more, which then waits for nothing but what is on its way
// into its store.
func (s *Session) asksAgain(t *topic, now time.Time, have standing) {
	if g := t.goal; g != nil && g.probe.step == inquiring && g.presses(now) {
		s.askDone(t, have)
	}
}

// moving reports whether something of a topic is on its way into the store, or is about
// to be asked for again.
func (t *topic) moving() bool {
	for _, r := range t.busy {
		if (r.in != nil || r.phase == pulled || r.phase == due) && !r.stuck() {
			return true
		}
	}
	return false
}

// arrives reports whether all is stored, or has failed, that was on its way when the peer
// replied. What comes later is not waited for.
func (s *Session) arrives(t *topic) (bool, error) {
	p := &t.goal.probe
	if p.owed == nil {
		p.owed = t.wanted(true)
		for id := range p.owed {
			if r := t.busy[id]; r.in == nil && r.phase != pulled && r.phase != due {
				delete(p.owed, id)
			}
		}
	}
	for id := range p.owed {
		if err := s.filled(t, p.owed, id, true); err != nil {
			return false, err
		}
	}
	return len(p.owed) == 0, nil
}

// tickProbe begins a probe if what is apart stood still since the last look.
func (s *Session) tickProbe(t *topic, now standing) error {
	p := &t.goal.probe
	stands, err := s.pictureOf(t, now)
	if err == nil && stands == p.stood {
		s.beginProbe(t)
	}
	p.stood = stands
	if t.plain() && p.step == unprobed {
		return errors.Join(err, s.survey(t))
	}
	return err
}

// beginProbe begins a probe.
func (s *Session) beginProbe(t *topic) {
	p := &t.goal.probe
	t.goal.again, t.goal.pause = time.Time{}, 0
	p.to(emptying)
	p.owed = nil
	p.drainAt = s.drain(t)
}

// settleProbe takes a probe further, or ends the sync of a topic by what it found.
func (s *Session) settleProbe(t *topic, now standing) error {
	p := &t.goal.probe
	if (p.step == emptying || p.step == inquiring) && t.hasAll() {
		p.to(unprobed)
	}
	switch p.step {
	case emptying:
		if s.drained(p.drainAt) {
			p.to(inquiring)
			s.askDone(t, now)
		}
		return nil
	case inquiring:
		return nil
	case replied:
		arrived, err := s.arrives(t)
		switch {
		case !arrived || !t.told() || err != nil:
			return err
		case t.reach != nil:
			p.to(unprobed)
			return errors.Join(s.rosterAgain(t), s.judgeProbe(t, now))
		}
		p.to(surveying)
		p.news = false
		return errors.Join(s.rosterAgain(t), s.survey(t))
	}
	if !p.news {
		if p.step == surveying && t.told() { // full lists took the place of its round
			p.to(unprobed)
		}
		return nil
	}
	p.news = false
	if p.step == surveying {
		p.to(unprobed)
		return s.judgeProbe(t, now)
	}
	var err error
	p.found, err = s.pictureOf(t, now)
	return err
}

// judgeProbe takes what a probe found: if that is what was found before, the next one
// follows at once, or it is enough.
func (s *Session) judgeProbe(t *topic, now standing) error {
	p := &t.goal.probe
	found, err := s.pictureOf(t, now)
	if err != nil {
		return err
	}
	if found != p.found || found == (picture{}) {
		p.found, p.same = found, 0
		return nil
	}
	if p.same++; p.same >= surveysAlike {
		s.apart(t, s.whyApart(t, now))
		return nil
	}
	s.beginProbe(t)
	return nil
}

// A Reason is why a sync leaves something apart.
type Reason uint8

// Reasons.
const (
	LeftHere  Reason = iota // a log is left alone here: its LeftAlone said why
	LeftThere               // the peer leaves a log alone, for a quota or want of room
	Failed                  // something is not stored here again and again, or not brought: Err says why, if that is known
	NotTaken                // the peer does not take what it lacks, and does not say why
	Unsettled               // the two hold different branches of a log or of the roster, and nothing decides
	Keyless                 // certificates share the topic, and nothing that either side holds leads to the newest key
	Unshared                // no topic is shared

	reasons
)

var reasonNames = [...]string{"left here", "left there", "failed", "not taken", "unsettled", "keyless", "unshared"}

// String returns the reason's name.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return fmt.Sprintf("reason %d", r)
	}
	return reasonNames[r]
}

// apart ends a sync of a topic that does not reach its goal.
func (s *Session) apart(t *topic, why Apart) {
	if t.goal != nil {
		why.Topic = t.id
		s.emit(why)
		s.endGoal(t)
	}
}

// leftApart says which side leaves a log alone.
func (s *Session) leftApart(t *topic) Apart {
	if t.left {
		return Apart{Why: LeftHere}
	}
	return Apart{Why: LeftThere}
}

// whyApart says why a topic does not come to be the same on both sides.
func (s *Session) whyApart(t *topic, now standing) Apart {
	g := t.goal
	if t.reach != nil {
		if t.reach.Removed {
			return Apart{Why: Unshared}
		}
		return Apart{Why: Keyless}
	}
	for _, r := range t.those((*remote).stuck) {
		return Apart{Why: Failed, Err: r.why}
	}
	switch {
	case g.aside && t.left, g.gives > 0 && t.theirsLeft:
		return s.leftApart(t)
	case g.aside, s.branches(t, now):
		return Apart{Why: Unsettled}
	case g.gives > 0:
		return Apart{Why: NotTaken}
	}
	return Apart{Why: Failed}
}

// branches reports whether the two hold branches of a log that is left alone or forked, or
// of the roster.
func (s *Session) branches(t *topic, now standing) bool {
	if r, err := s.cfg.Store.Roster(t.id); err == nil && r.Stated() != r.Position || !t.goal.sameRoster(t, now) {
		return true
	}
	for id, r := range t.theirs {
		if own, _, err := s.cfg.Store.Log(id); err == nil && (own.Frozen && !r.knowsFork || r.phase == aside && !own.Frozen) {
			return true
		}
	}
	return false
}
