// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"fmt"
	"slices"
	"testing"
)

// No test of this package makes a move that is not in the table.
func init() {
	Misstep = func(from, to fmt.Stringer) { panic(fmt.Sprintf("%T moves from %s to %s", from, from, to)) }
}

// Each thing that may happen leads from each phase to one that the table allows, and
// leaves something wanted exactly where something is to come.
func TestLogPhases(t *testing.T) {
	happens := []struct {
		what string
		f    func(*remote)
		to   [logPhases]logPhase // from even, hoped, awaited, asked, due, pulled, aside
	}{
		{"hears", func(r *remote) { r.hears(9) }, [...]logPhase{hoped, hoped, hoped, hoped, hoped, pulled, aside}},
		{"awaits", func(r *remote) { r.awaits(9) }, [...]logPhase{awaited, awaited, awaited, asked, due, pulled, aside}},
		{"again", (*remote).again, [...]logPhase{due, due, due, due, due, pulled, aside}},
		{"told", (*remote).told, [...]logPhase{even, asked, asked, asked, asked, pulled, aside}},
		{"got", (*remote).got, [...]logPhase{even, even, even, even, even, pulled, aside}},
		{"leave", (*remote).leave, [...]logPhase{aside, aside, aside, aside, aside, aside, aside}},
	}
	for _, h := range happens {
		for from := range logPhases {
			if h.what == "told" && (from == pulled || from == aside) {
				continue // whoever asks pulls nothing, and asks for nothing that is left alone
			}
			r := &remote{phase: from, wanted: 5}
			if from == even || from == aside {
				r.wanted = 0
			}
			h.f(r)
			if r.phase != h.to[from] {
				t.Errorf("%s: %s becomes %s, want %s", h.what, from, r.phase, h.to[from])
			}
			if (r.wanted == 0) != (r.phase == even || r.phase == aside) && r.phase != due && r.phase != pulled {
				t.Errorf("%s: from %s to %s with %d events wanted", h.what, from, r.phase, r.wanted)
			}
		}
	}
	for from, next := range logMoves {
		if slices.Contains(next, logPhase(from)) || logPhase(from) != aside && !slices.Contains(next, aside) {
			t.Errorf("moves of %s: %v", logPhase(from), next)
		}
	}
	if len(logPhaseNames) != int(logPhases) {
		t.Errorf("%d names of %d phases", len(logPhaseNames), logPhases)
	}
}
