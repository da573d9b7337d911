// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// What both sides state moves an accord as the table allows, and is news only if it
// changes whether they agree.
func TestAccords(t *testing.T) {
	for from := range accords {
		for now, want := range map[bool][accords]accord{true: {agreeing, agreeing, agreeing}, false: {unagreed, lapsed, lapsed}} {
			x := &topic{accord: from}
			if news := x.agrees(now); x.accord != want[from] || news != (now != (from == agreeing)) {
				t.Errorf("%s, agreed now %v: %s, want %s; news %v", from, now, x.accord, want[from], news)
			}
			if x.agreed() != now || from != unagreed && !x.settled() {
				t.Errorf("%s, agreed now %v: agreed %v, settled %v", from, now, x.agreed(), x.settled())
			}
		}
	}
	if len(accordNames) != int(accords) {
		t.Errorf("%d names of %d accords", len(accordNames), accords)
	}
}

// A digest that the peer asked for is owed until any is sent, and due once the topic is
// sorted and nothing of what was missing then still is.
func TestDebts(t *testing.T) {
	s := &Session{}
	busy := func(x *topic) { x.busy = map[digest.Hash]*remote{{1}: {phase: awaited, wanted: 9}} }
	happens := []struct {
		what string
		f    func(*topic)
		to   [debts]debt // from unowed, requested, owing
		due  [debts]bool // it answers by then
	}{
		{"asked", (*topic).isAsked, [...]debt{requested, requested, owing}, [...]bool{false, false, true}}, // the one that is owing waits for nothing more
		{"sorted before a drain is over", func(x *topic) { x.drainAt = 1; s.answers(x); x.drainAt = 0 }, [...]debt{unowed, requested, owing}, [debts]bool{}},
		{"paid", (*topic).paid, [...]debt{unowed, unowed, unowed}, [debts]bool{}},
		{"unsorted", func(x *topic) { x.phase = inRound; s.answers(x) }, [...]debt{unowed, requested, owing}, [debts]bool{}},
		{"sorted, and something is missing", func(x *topic) { busy(x); s.answers(x) }, [...]debt{unowed, owing, owing}, [debts]bool{}},
		{"sorted, and all is here", func(x *topic) { clear(x.owed); s.answers(x) }, [...]debt{unowed, owing, owing}, [...]bool{false, true, true}},
	}
	for _, h := range happens {
		for from := range debts {
			x := &topic{phase: sorted, debt: from}
			if from == owing {
				x.owed = lack{{1}: 9}
			}
			h.f(x)
			if x.debt != h.to[from] || (x.owed != nil) != (x.debt == owing) {
				t.Errorf("%s: %s becomes %s with %v owed, want %s", h.what, from, x.debt, x.owed, h.to[from])
			}
			if due := x.phase == sorted && x.debt == owing && s.answers(x); due != h.due[from] {
				t.Errorf("%s: from %s, an answer is due: %v", h.what, from, due)
			}
		}
	}
	if len(debtNames) != int(debts) {
		t.Errorf("%d names of %d debts", len(debtNames), debts)
	}
}
