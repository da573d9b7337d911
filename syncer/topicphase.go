// SPDX-License-Identifier: MPL-2.0

package syncer

import "fmt"

// A topicPhase is how far the two sides are in finding out what of a topic differs.
// Work on single logs goes on beside it (logPhase).
type topicPhase uint8

const (
	unopened   topicPhase = iota // the peer is to say what it follows
	unmet                        // nothing is known of what differs: PEAKS, or the peer's round, is to come
	inRound                      // a round of the ladder is under way
	expecting                    // one ended, and logs are not here yet of which it told short ids only
	listing                      // our list of all is sent, and the peer's is to answer it
	hearing                      // the peer's list is coming, and ours is to follow
	exchanging                   // both
	sorted                       // what differs is known, log by log

	topicPhases
)

var topicPhaseNames = [...]string{"unopened", "unmet", "in a round", "expecting", "listing", "hearing", "exchanging", "sorted"}

// String returns the phase's name.
func (p topicPhase) String() string {
	if int(p) >= len(topicPhaseNames) {
		return fmt.Sprintf("phase %d", p)
	}
	return topicPhaseNames[p]
}

// topicMoves says which phases may follow each. A list of all ends every round, and
// nothing ends one but its end; what was known once is found out again if both
// sides rest and disagree.
var topicMoves = [topicPhases][]topicPhase{
	unopened:   {unmet},
	unmet:      {inRound, expecting, listing, hearing, sorted},
	inRound:    {unmet, expecting, listing, hearing, sorted},
	expecting:  {inRound, listing, hearing, sorted},
	listing:    {exchanging},
	hearing:    {sorted},
	exchanging: {sorted},
	sorted:     {inRound, listing, hearing},
}

// to moves to a phase.
func (t *topic) to(p topicPhase) {
	if move(topicMoves[t.phase], t.phase, p) {
		t.phase = p
	}
}

// lists reports whether lists of all are exchanged.
func (t *topic) lists() bool {
	return t.phase == listing || t.phase == hearing || t.phase == exchanging
}

// resting reports whether nothing of a topic is under way from the peer to us,
// or from us to it by a pull of its own.
func (t *topic) resting() bool { return t.phase == sorted && len(t.busy) == 0 }

// searching reports whether it is not known yet what differs, or has come, and no
// list will say so.
func (t *topic) searching() bool {
	return t.phase == unmet || t.phase == inRound || t.phase == expecting
}

// begins takes the round that is under way from now on.
func (t *topic) begins(r *round) {
	t.round = r
	t.to(inRound)
}

// givesUp drops a round that did not lead to agreement, and what it told.
func (t *topic) givesUp() {
	t.round = nil
	t.expectsNone()
	if t.known {
		t.to(sorted)
	} else {
		t.to(unmet)
	}
}

// hearsList takes note that the peer lists all it has, which ends what was before.
func (t *topic) hearsList() {
	t.round = nil
	t.expectsNone()
	switch t.phase {
	case listing:
		t.to(exchanging)
	case exchanging:
	default:
		t.to(hearing)
	}
}

// finds takes note that theirs speaks of every log that differs. Lists go on until
// they end.
func (t *topic) finds() {
	t.known, t.round = true, nil
	switch {
	case t.lists():
	case len(t.expected) > 0:
		t.to(expecting)
	default:
		t.to(sorted)
	}
}
