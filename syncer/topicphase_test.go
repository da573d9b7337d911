// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// phaseOf is a topic in a phase, with what it has there.
func phaseOf(p topicPhase, known bool) *topic {
	t := &topic{phase: p, known: known || p == expecting || p == sorted}
	switch p {
	case inRound:
		t.round = &round{}
	case expecting:
		t.expected = map[uint64]uint64{1: 9}
	}
	return t
}

// Each thing that may happen leads from each phase to one that the table allows.
func TestTopicPhases(t *testing.T) {
	const never = topicPhases // it does not happen there
	happens := []struct {
		what  string
		f     func(*topic)
		known bool // what differed was known once
		to    [topicPhases]topicPhase
	}{ // from unopened, unmet, inRound, expecting, listing, hearing, exchanging, sorted
		{"begins", func(t *topic) { t.begins(&round{}) }, false, [...]topicPhase{never, inRound, inRound, inRound, never, never, never, inRound}},
		{"hears a list", (*topic).hearsList, false, [...]topicPhase{never, hearing, hearing, hearing, exchanging, hearing, exchanging, hearing}},
		{"finds", (*topic).finds, false, [...]topicPhase{never, sorted, sorted, expecting, listing, hearing, exchanging, sorted}},
		{"finds names", func(t *topic) { t.expected = map[uint64]uint64{1: 9}; t.finds() }, false, [...]topicPhase{never, expecting, expecting, expecting, never, never, never, never}},
		{"gives up", (*topic).givesUp, false, [...]topicPhase{never, unmet, unmet, sorted, never, never, never, sorted}},
		{"gives up again", (*topic).givesUp, true, [...]topicPhase{never, never, sorted, sorted, never, never, never, sorted}},
		{"lists", func(t *topic) { t.givesUp(); t.to(listing) }, false, [...]topicPhase{never, listing, listing, listing, never, never, never, listing}},
		{"the list ends", func(t *topic) { t.hearsList(); t.to(sorted) }, false, [...]topicPhase{never, sorted, sorted, sorted, sorted, sorted, sorted, sorted}},
	}
	for _, h := range happens {
		for from := range topicPhases {
			if h.to[from] == never {
				continue
			}
			x := phaseOf(from, h.known)
			h.f(x)
			if x.phase != h.to[from] {
				t.Errorf("%s: %s becomes %s, want %s", h.what, from, x.phase, h.to[from])
			}
			if (x.round != nil) != (x.phase == inRound) || (len(x.expected) > 0) != (x.phase == expecting) && x.phase != inRound {
				t.Errorf("%s: %s with round %v, and %d expected", h.what, x.phase, x.round, len(x.expected))
			}
		}
	}
}

// The last log of which a round told the short id only ends the wait for them.
func TestExpectedLogsArrive(t *testing.T) {
	x := phaseOf(unmet, false)
	salt := [16]byte{1}
	one, two := &remote{id: digest.Sum([]byte("one"))}, &remote{id: digest.Sum([]byte("two"))}
	x.expectSalt, x.expected = salt, map[uint64]uint64{shortID(salt, one.id): 3, shortID(salt, two.id): 4}
	x.finds()
	if x.arrived(one); x.phase != expecting || one.wanted != 3 {
		t.Errorf("%s, %d wanted", x.phase, one.wanted)
	}
	if x.arrived(two); x.phase != sorted || two.phase != hoped {
		t.Errorf("%s, the log %s", x.phase, two.phase)
	}
}

// Every phase can be reached, every one leads to another, and each has a name.
func TestTopicMoves(t *testing.T) {
	reached := map[topicPhase]bool{unopened: true}
	for from, next := range topicMoves {
		if len(next) == 0 || slices.Contains(next, topicPhase(from)) || slices.Contains(next, unopened) {
			t.Errorf("moves of %s: %v", topicPhase(from), next)
		}
		for _, p := range next {
			reached[p] = true
		}
	}
	if len(reached) != int(topicPhases) || len(topicPhaseNames) != int(topicPhases) {
		t.Errorf("%d of %d phases can be reached, %d have names", len(reached), topicPhases, len(topicPhaseNames))
	}
}
