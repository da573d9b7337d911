// SPDX-License-Identifier: MPL-2.0

package store

import (
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// TestBoxesCountAsTheirLegs: boxes of a leg that a term made void are in no digest and no
// list, as whoever did not hold that leg takes none of them; they stay.
func TestBoxesCountAsTheirLegs(t *testing.T) {
	c := newCircle(t, identity.PolicySealed|identity.PolicyHistory)
	steward := c.topic.Genesis.Steward
	before, err := c.s.Source().Position(c.topic.ID)
	must(t, err)
	boxes := func(term uint32) identity.LogName { return identity.BoxLog(c.topic.ID, steward, term, 0) }
	begins := func(number uint32) {
		term := &roster.Term{Last: roster.Prefix{Log: c.topic.Roster().ID(), Size: before.Size, Root: before.Root}, Term: number, Steward: steward, By: roster.ByOwner}
		term.Sign(c.topic.ID, 0, c.topic.Account.Key())
		c.records(identity.RosterLog(c.topic.ID, steward, number, 0), &roster.Begin{Term: term})
		c.raw(boxes(number), roster.Raw{Type: "xf/boxes", Time: 1, Body: []byte("boxes")})
		c.publish(boxes(number).ID())
	}
	counted := func(s *Store, terms ...uint32) {
		t.Helper()
		for term := range uint32(3) {
			listed := false
			must(t, s.Source().Logs(c.topic.ID, func(i syncer.LogInfo) bool {
				listed = listed || i.Log == boxes(term).ID()
				return true
			}))
			if want := slices.Contains(terms, term); listed != want {
				t.Errorf("boxes of term %d are listed: %v", term, listed)
			}
		}
		if set, err := s.Summary(c.topic.ID); err != nil || set.Count != uint64(len(terms)) {
			t.Errorf("%d logs count, %v, want %d", set.Count, err, len(terms))
		}
	}
	counted(c.s)
	c.raw(boxes(0), roster.Raw{Type: "xf/boxes", Time: 1, Body: []byte("boxes")})
	c.publish(boxes(0).ID())
	counted(c.s, 0)
	begins(1)
	counted(c.s, 0, 1)
	begins(2)
	counted(c.s, 0, 2)
	s := again(t, c.s)
	counted(s, 0, 2)
	if l, err := s.Log(boxes(1).ID()); err != nil || l.Whole().Size != 1 {
		t.Errorf("boxes of the void leg: %v", err)
	}
}
