// SPDX-License-Identifier: MPL-2.0

package syncer

import "fmt"

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
	requested             // it asked, and what is missing here is not known before the topic is sorted
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

// isAsked takes note that the peer asks for our SYNC_DONE, even if we sent the same before.
func (t *topic) isAsked() {
	if t.lastSent = nil; t.debt == unowed {
		t.owesTo(requested)
	}
}

// paid takes note that we sent one.
func (t *topic) paid() {
	t.owed = nil
	t.owesTo(unowed)
}

// answers reports whether we are to tell the peer our digest, because it asked for it
// and what was known to be missing then is here.
func (t *topic) answers() bool {
	if t.debt == requested && t.phase == sorted {
		t.owed = t.wanted()
		t.owesTo(owing)
	}
	return t.debt == owing && len(t.owed) == 0
}
