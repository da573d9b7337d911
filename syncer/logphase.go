// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"slices"
)

// A logPhase is what is under way of one log from the peer to this side. Events that go
// the other way (remote.serving), and those that came and are not stored yet (remote.in),
// go on beside it.
type logPhase uint8

const (
	even    logPhase = iota // the peer has nothing that we lack, as far as is known
	hoped                   // it has more by its word alone: what exists will be pushed, or said under a head
	awaited                 // it has more under a head, or sent what lies beyond it, and is to push
	asked                   // as awaited, and we told our size: what follows answers that
	due                     // we are to tell our size again with the next tick
	pulled                  // its pages come by a transfer
	aside                   // left alone: forked, of another history, or not wanted

	logPhases
)

var logPhaseNames = [...]string{"even", "hoped", "awaited", "asked", "due", "pulled", "aside"}

// String returns the phase's name.
func (p logPhase) String() string {
	if int(p) >= len(logPhaseNames) {
		return fmt.Sprintf("phase %d", p)
	}
	return logPhaseNames[p]
}

// logMoves says which phases may follow each. A transfer ends before anything else
// comes; what is left alone stays so, for as long as it is remembered, unless it is forked
// and the roster says what of it counts.
var logMoves = [logPhases][]logPhase{
	even:    {hoped, awaited, asked, due, pulled, aside},
	hoped:   {even, awaited, asked, due, pulled, aside},
	awaited: {even, hoped, asked, due, pulled, aside},
	asked:   {even, hoped, awaited, due, pulled, aside},
	due:     {even, hoped, awaited, asked, pulled, aside},
	pulled:  {even, due, aside},
	aside:   {even},
}

// Misstep, if it is set, is called for a move that is not in the table. Only tests set it: the
// phase stays as it is, and digests find what that leaves behind.
var Misstep func(from, to fmt.Stringer)

// move reports whether a phase may follow another one: it is the same, or the table
// names it.
func move[P interface {
	comparable
	fmt.Stringer
}](next []P, from, to P) bool {
	if from == to || slices.Contains(next, to) {
		return true
	}
	if Misstep != nil {
		Misstep(from, to)
	}
	return false
}

// to moves to a phase.
func (r *remote) to(p logPhase) {
	if move(logMoves[r.phase], r.phase, p) {
		r.phase = p
	}
}

// wants reports whether something is to come that the peer is known to have.
func (r *remote) wants() bool { return r.phase > even && r.phase < aside }

// hears takes note of a size that nothing proves yet.
func (r *remote) hears(size uint64) {
	if r.phase == aside {
		return
	}
	if r.wanted = size; r.phase != pulled {
		r.to(hoped)
	}
}

// awaits takes note of a size that the peer is to bring us to.
func (r *remote) awaits(size uint64) {
	if r.phase == aside {
		return
	}
	r.wanted = size
	if r.phase == even || r.phase == hoped {
		r.to(awaited)
	}
}

// again has our size told with the next tick. A transfer does that when it ends.
func (r *remote) again() {
	if r.phase != pulled && r.phase != aside {
		r.to(due)
	}
}

// maxFailures is how often in a row something of a log may not be stored, or not come,
// before no sync waits for it any more. It is tried again all the same.
const maxFailures = 8

// fails takes note of why something of a log was not stored, or did not come, while so
// much of it is held, and has our size told with the next tick.
func (r *remote) fails(size uint64, why error) {
	if r.failures == 0 || r.failedAt != size {
		r.failures, r.failedAt = 0, size
	}
	r.failures++
	r.why = why
	r.again()
}

// stuck reports whether a log failed so often that no sync waits for it.
func (r *remote) stuck() bool { return r.failures >= maxFailures }

// told takes note that we told our size: what is wanted follows, if anything is.
func (r *remote) told() {
	if r.wanted == 0 {
		r.to(even)
	} else {
		r.to(asked)
	}
}

// got drops what is wanted, because it is here or will never come. A transfer that
// is under way ends by itself.
func (r *remote) got() {
	if r.wanted = 0; r.phase != pulled && r.phase != aside {
		r.to(even)
	}
}
