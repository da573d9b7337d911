// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// equivocates has the steward write two histories, of which the victim hears one and the
// witness the other. The steward is away then.
func (c *court) equivocates() {
	c.t.Helper()
	c.close(c.steward)
	c.close(c.witness)
	back := c.steward.snapshot()
	role := func(of *seat, r roster.Role) func(l *liar) {
		return func(l *liar) { l.write(&roster.SetRole{Change: roster.RoleChange{Account: of.account, Role: r}}) }
	}
	c.lie(role(c.victim, roster.Admin))
	c.steward.sync(c.victim)
	c.close(c.steward)
	c.close(c.victim)
	back()
	c.witness.open()
	c.lie(role(c.witness, roster.Writer))
	c.steward.sync(c.witness)
	c.close(c.steward)
	c.victim.open()
}

// A steward that shows one roster to some and another to others: when two of them meet,
// both see it, are told, and hold a proof that anybody can check. What each held of the
// roster stays, and events go on.
func TestStewardsThatEquivocate(t *testing.T) {
	c := newCourt(t)
	c.equivocates()
	before := c.victim.members()
	if before == c.witness.members() {
		t.Fatalf("both know as members %s", before)
	}
	storetest.Await(t, func() bool {
		c.victim.sync(c.witness)
		v, err := c.victim.db.Forks()
		storetest.Must(t, err)
		w, err := c.witness.db.Forks()
		storetest.Must(t, err)
		return len(v) == 1 && len(w) == 1
	})
	var texts [][]byte
	for _, s := range []*seat{c.victim, c.witness} {
		f := s.fault(xaeroflux.FaultForked, "two histories")
		s.hears(f)
		forks, err := s.db.Forks()
		storetest.Must(t, err)
		p, err := proof.ParseFork(forks[0].Text)
		storetest.Must(t, err)
		if err := p.Verify(); err != nil || forks[0].Log != f.Log || roster.Key(p.Author) != c.steward.author {
			t.Errorf("the %s proves a fork of %s by %x: %v", s.name, forks[0].Log.Short(), p.Author[:4], err)
		}
		texts = append(texts, forks[0].Text)
	}
	if !bytes.Equal(texts[0], texts[1]) {
		t.Error("two proofs of one fork")
	}
	if after := c.victim.members(); after != before {
		t.Errorf("the victim knows as members %s; before it were %s", after, before)
	}
	c.victim.append("by-the-victim")
	c.witness.append("by-the-witness")
	storetest.Await(t, func() bool {
		c.victim.sync(c.witness)
		want := "before by-the-victim by-the-witness"
		return c.victim.reads() == want && c.witness.reads() == want
	})
}

// A newcomer that is shown an older roster than its invite names, as by a member who has
// not heard of a removal, sees that and appends nothing by it, until it holds what the
// invite names.
func TestOldRosterForANewcomer(t *testing.T) {
	c := newCourt(t)
	c.close(c.witness) // it does not hear of what follows
	storetest.Must(t, c.steward.topic.SetRole(ctx, xaeroflux.AccountKey(c.victim.account), xaeroflux.RoleReader))
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	c.close(c.steward)
	c.witness.open()
	newcomer := c.newcomer(invite)
	newcomer.sync(c.witness)
	newcomer.fault(xaeroflux.FaultOld, "sync with another member")
	if _, err := newcomer.topic.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); !errors.Is(err, xaeroflux.ErrOldRoster) {
		t.Errorf("by an old roster is appended: %v", err)
	}
	c.steward.open()
	storetest.Await(t, func() bool {
		newcomer.sync(c.steward)
		_, err := newcomer.topic.Append(ctx, xaeroflux.Event{Payload: []byte("x")})
		return err == nil
	})
	newcomer.sound()
}

// newcomer opens a store with an invite.
func (c *court) newcomer(invite string) *seat {
	c.t.Helper()
	s := c.seat("newcomer", invite)
	s.topic = storetest.TopicOf(c.t, s.db)
	return s
}

// A newcomer whose invite names one history of a forked roster, and that is shown the other,
// sees it at once and appends nothing by it.
func TestAnotherRosterThanInvited(t *testing.T) {
	c := newCourt(t)
	c.close(c.victim)
	c.close(c.witness)
	c.close(c.steward)
	back := c.steward.snapshot()
	c.steward.open()
	storetest.Must(t, c.steward.topic.TrustRoster(ctx))
	invite, err := c.steward.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	storetest.Must(t, err)
	c.close(c.steward)
	back()
	c.lie(func(l *liar) {
		for _, r := range []roster.Role{roster.Admin, roster.Reader, roster.Admin} {
			l.write(&roster.SetRole{Change: roster.RoleChange{Account: c.victim.account, Role: r}})
		}
	})
	newcomer := c.newcomer(invite)
	newcomer.sync(c.steward)
	f := newcomer.fault(xaeroflux.FaultElse, "where the invite was made")
	newcomer.hears(f)
	newcomer.proves(f, c.steward.author)
	if _, err := newcomer.topic.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); !errors.Is(err, xaeroflux.ErrOldRoster) {
		t.Errorf("by another roster is appended: %v", err)
	}
}
