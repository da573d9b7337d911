// SPDX-License-Identifier: MPL-2.0

package steward

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An Ask is an event of a data log that waits for the steward.
type Ask struct {
	roster.AskRef
	Body roster.Ask
}

// A Fate is what became of an ask.
type Fate uint8

// The fates.
const (
	Carried Fate = iota + 1 // a record of the batch carries it out
	Refused                 // a record of the batch settles it
	Unheard                 // refused without a record: its log is none that the steward answers
	Waiting                 // a person decides it: see Desk.Decide
)

// String names f.
func (f Fate) String() string {
	switch f {
	case Carried:
		return "carried out"
	case Refused:
		return "refused"
	case Unheard:
		return "not heard"
	case Waiting:
		return "waiting"
	}
	return fmt.Sprintf("fate %d", uint8(f))
}

// A Reason says to a person why an ask is not carried out: one of those below, or
// a roster.Void; empty if it is.
type Reason string

// The reasons that the fold does not know.
const (
	ReasonStale    Reason = "what it is about changed since it was asked"
	ReasonExpired  Reason = "the time of the invite is over"
	ReasonKEM      Reason = "a KEM key in it is none"
	ReasonPages    Reason = "no log has pages of that size"
	ReasonForm     Reason = "no record can hold it"
	ReasonUnasked  Reason = "nobody can ask for it in that way"
	ReasonPerson   Reason = "a person decides at the steward's device"
	ReasonDeclined Reason = "the person at the steward's device declined"
	ReasonLater    Reason = "its author asked for something else since"
	ReasonSteward  Reason = "the device writes the roster already"
	ReasonOther    Reason = "the record that names it does something else"
	ReasonCut      Reason = "its log was ended before it"
)

// An Outcome is what became of an ask or an act.
type Outcome struct {
	Ask   roster.AskRef // none for an act of the steward's person
	By    roster.Key    // the account whose device asks; zeros for a stranger
	Asked string        // for what, in a word
	Fate  Fate
	Why   Reason // empty if it was carried out
}
