// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Whoever asks for a roster has the same as all who asked since it last changed, and keeps
// it as it was.
func TestARosterIsShared(t *testing.T) {
	c := newCircle(t, identity.PolicySealed|identity.PolicyHistory)
	ask := func() *roster.State {
		st, err := c.s.Roster(c.topic.ID)
		must(t, err)
		return st
	}
	before := ask()
	if ask() != before {
		t.Error("two rosters, and nothing came between")
	}
	key := public(testKey(901))
	c.records(c.topic.Roster(), &roster.MakeInvite{Invite: roster.Invite{Key: key, Role: roster.Reader, Uses: 1, KEM: testKEM(3)}})
	after := ask()
	if _, ok := before.Invite(key); ok || before.Position().Size+1 != after.Position().Size {
		t.Errorf("the roster at %v has the invite: %v", before.Position(), ok)
	}
	if _, ok := after.Invite(key); !ok || ask() != after {
		t.Errorf("the roster at %v has no invite", after.Position())
	}
	if p, ok := after.PointAt(before.Position()); !ok || p != before.Point() {
		t.Errorf("it is at %v, and was at %v", p, before.Point())
	}
}
