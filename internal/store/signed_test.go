// SPDX-License-Identifier: MPL-2.0

package store

import (
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// admits returns records that admit n members, of which one has a wrong signature.
func (c *circle) admits(n, wrong int) (all []roster.Record) {
	for i := range n {
		ask, _ := c.join(1001+i, c.invite)
		if i == wrong {
			ask.Card.DeviceSig[0] ^= 1
		}
		all = append(all, &roster.Admit{Role: roster.Writer, Card: ask.Card})
	}
	return all
}

// refold folds the roster anew, and returns of how much of its first leg the signatures are
// known to be right then.
func (c *circle) refold(members int) (kept int) {
	c.t.Helper()
	c.s.rosters.all = map[digest.Hash]*fold{}
	st, err := c.s.Roster(c.topic.ID)
	must(c.t, err)
	if len(st.Accounts()) != members {
		c.t.Errorf("%d members, want %d", len(st.Accounts()), members)
	}
	n, err := c.s.NewSigned(c.topic)
	must(c.t, err)
	if n != nil {
		must(c.t, c.s.Do(n))
	}
	l, err := c.s.Log(c.topic.Roster().ID())
	must(c.t, err)
	return c.s.signedUpTo(l)
}

// What is kept of signatures goes up to the first wrong one, lasts, and is nothing for other
// records than those that it was found out of.
func TestSignedLegs(t *testing.T) {
	c := newCircle(t, identity.PolicySealed|identity.PolicyHistory)
	c.records(c.topic.Roster(), c.admits(100, 80)...)
	for range 2 {
		if kept := c.refold(100); kept != 3+80 {
			t.Errorf("signatures of %d records are known to be right, want %d", kept, 3+80)
		}
	}
	l, err := c.s.Log(c.topic.Roster().ID())
	must(t, err)
	root, err := c.s.rootAt(l, 90)
	must(t, err)
	for _, tip := range []layout.Tip{{Size: 90}, {Size: 89, Root: root}, {Size: 1 << 40, Root: digest.Empty}} {
		must(t, c.s.Do(Signed{l.ID: tip}))
		if members := c.refold(100); members != 3+80 {
			t.Errorf("after %+v signatures of %d records are known to be right", tip, members)
		}
	}
}
