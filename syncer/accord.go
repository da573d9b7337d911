// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"errors"
	"fmt"
)

// An accord is whether both sides of a topic said by SYNC_DONE that they hold the same.
type accord uint8

const (
	unagreed accord = iota // not yet: events wait for the lists and rounds that find what differs
	agreeing               // the newest that each stated is what we hold now
	lapsed                 // it was, and something came since: it is pushed at once

	accords
)

var accordNames = [...]string{"unagreed", "agreeing", "lapsed"}

// String returns the accord's name.
func (a accord) String() string {
	if int(a) >= len(accordNames) {
		return fmt.Sprintf("accord %d", a)
	}
	return accordNames[a]
}

// accordMoves says what may follow each. Whoever agreed once has agreed for good.
var accordMoves = [accords][]accord{
	unagreed: {agreeing},
	agreeing: {lapsed},
	lapsed:   {agreeing},
}

// agrees takes note whether both sides stated what we hold now, and reports whether that
// is news.
func (t *topic) agrees(now bool) (news bool) {
	to := agreeing
	switch {
	case now == t.agreed():
		return false
	case !now:
		to = lapsed
	}
	if move(accordMoves[t.accord], t.accord, to) {
		t.accord = to
	}
	return true
}

// agreed reports whether both sides agree now, settled whether they ever did.
func (t *topic) agreed() bool  { return t.accord == agreeing }
func (t *topic) settled() bool { return t.accord != unagreed }

// A debt is how far we are in answering a peer that asked for our SYNC_DONE.
type debt uint8

const (
	unowed    debt = iota // it did not ask since our last one
	requested             // it asked, and what is missing here is not known before the topic is sorted, and what is under way around it is over
	owing                 // it gets one once all of owed is here

	debts
)

var debtNames = [...]string{"unowed", "requested", "owing"}

// String returns the debt's name.
func (d debt) String() string {
	if int(d) >= len(debtNames) {
		return fmt.Sprintf("debt %d", d)
	}
	return debtNames[d]
}

// debtMoves says what may follow each. Any SYNC_DONE is an answer; a peer that asks again
// before it came waits for nothing more.
var debtMoves = [debts][]debt{
	unowed:    {requested},
	requested: {owing, unowed},
	owing:     {unowed},
}

func (t *topic) owesTo(d debt) {
	if move(debtMoves[t.debt], t.debt, d) {
		t.debt = d
	}
}

// isAsked takes note that the peer asks for our SYNC_DONE, even if we sent the same
// before. One that asks again before it was answered waits for nothing but what is on its
// way into the store: it may be that it brings no more.
func (t *topic) isAsked() {
	t.lastSent = nil
	if t.pressed = t.debt != unowed; !t.pressed {
		t.owesTo(requested)
	}
}

// stillAsks is how often in a row a peer is answered like any other whose asks tell
// nothing new, while we have nothing new to tell either.
const stillAsks = 2

// asked takes note that the peer asks for our SYNC_DONE. If it asks again and again, and
// both state what they stated before, and that is not the same, our answer is to be our
// last word for now: nothing of what we pushed is on its way then, nor is anything here
// about to change.
func (s *Session) asked(t *topic, before, got *standing) error {
	now, err := s.standing(t)
	still := before != nil && *before == *got && t.lastSent != nil && *t.lastSent == now && (now != *got || t.reach != nil)
	if t.isAsked(); t.pressed {
		t.pressedAt = s.drain(t)
		return err
	}
	if t.drainAt = 0; !still {
		t.stills = 0
		return err
	}
	if t.stills++; t.stills <= stillAsks {
		return err
	}
	t.drainAt = s.drain(t)
	return errors.Join(err, s.rosterAgain(t))
}

// drains reports whether what is under way around a topic keeps us from answering.
func (s *Session) drains(t *topic) bool { return t.debt == requested && !s.drained(t.drainAt) }

// paid takes note that we sent one.
func (t *topic) paid() {
	t.owed = nil
	t.owesTo(unowed)
}

// answers reports whether we are to tell the peer our digest, because it asked for it
// and what was known to be missing then is here. What is expected by short ids, of a peer
// that we differ from and that asks, it has pushed before, or will not.
func (s *Session) answers(t *topic) bool {
	known := t.phase == sorted || t.phase == expecting && (t.drainAt > 0 || t.pressed)
	if t.debt == requested && known && !s.drains(t) {
		t.owed = t.wanted(t.drainAt > 0)
		t.owesTo(owing)
	}
	return t.debt == owing && (len(t.owed) == 0 || t.pressed && s.drained(t.pressedAt) && !t.moving())
}
