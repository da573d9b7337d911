// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A person is a store in a topic of these tests, and where it listens.
type person struct {
	*xaeroflux.DB
	*xaeroflux.Topic
	addr, dir string
}

// founder opens a store that founds a private topic.
func founder(t *testing.T, o *xaeroflux.Options) person {
	t.Helper()
	p := person{dir: filepath.Join(t.TempDir(), "a")}
	p.DB = Open(t, p.dir, o)
	topic, err := p.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	p.Topic = topic
	return p.listening(t)
}

// listening has a store listen.
func (p person) listening(t *testing.T) person {
	t.Helper()
	addr, err := p.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	p.addr = addr.String()
	return p
}

// invited opens a store that joins by an invite, and has met nobody.
func invited(t *testing.T, invite string) person {
	t.Helper()
	p := person{dir: filepath.Join(t.TempDir(), "b")}
	p.DB = Open(t, p.dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	p.Topic = TopicOf(t, p.DB)
	return p.listening(t)
}

// again opens a store again, which was closed.
func (p person) again(t *testing.T, o *xaeroflux.Options) person {
	t.Helper()
	id := p.Topic.ID()
	p.DB = Open(t, p.dir, o)
	topic, err := p.DB.Topic(id)
	Must(t, err)
	p.Topic = topic
	return p.listening(t)
}

// invite makes an invite.
func (p person) invite(t *testing.T, o xaeroflux.InviteOptions) string {
	t.Helper()
	o.WithoutPlaces = true
	text, err := p.Topic.Invite(ctx, &o)
	Must(t, err)
	return text
}

// joined opens a store that a steward admits.
func (p person) joined(t *testing.T, o xaeroflux.InviteOptions) person {
	t.Helper()
	b := invited(t, p.invite(t, o))
	meet(t, p.DB, b.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
	return b
}

func (p person) says(t *testing.T, text string) {
	t.Helper()
	_, err := p.Topic.Append(ctx, xaeroflux.Event{Payload: []byte(text)})
	Must(t, err)
}

func (p person) reads(t *testing.T, text string) bool { return texts(t, p.Topic)[":"+text] }

// stands waits until a store knows where it stands.
func (p person) stands(t *testing.T, want xaeroflux.StandingState, why error) {
	t.Helper()
	var s xaeroflux.Standing
	Await(t, func() bool {
		var err error
		s, err = p.Standing()
		Must(t, err)
		return s.State == want
	})
	if !errors.Is(s.Err, why) || (why != nil) != (s.Why != "") {
		t.Errorf("it stands as %+v, want for %v", s, why)
	}
}

// refused checks that a store is told why it is not admitted, and takes no appends.
func (p person) refused(t *testing.T, why error) {
	t.Helper()
	p.stands(t, xaeroflux.StandingRefused, why)
	if _, err := p.Topic.Append(ctx, xaeroflux.Event{Payload: []byte("x")}); !errors.Is(err, why) {
		t.Errorf("one who is not admitted appends: %v, want %v", err, why)
	}
}

func (p person) rosterSize(t *testing.T) uint64 {
	t.Helper()
	s, err := p.Roster()
	Must(t, err)
	return s.Size
}

// TestInvitesAreListed: an admin sees each open invite, and whose it is.
func TestInvitesAreListed(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	expires := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	a.invite(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleReader, Uses: 3, Expires: expires})
	meet(t, a.DB, b.addr)
	for name, p := range map[string]person{"the one who made it": a, "another admin": b} {
		all, err := p.Invites()
		if err != nil || len(all) != 1 {
			t.Fatalf("%s sees %+v, %v", name, all, err)
		}
		v := all[0]
		if v.Role != xaeroflux.RoleReader || v.Uses != 3 || !v.Expires.Equal(expires) || v.Self != (p.DB == a.DB) || v.By.IsZero() || v.Since.IsZero() {
			t.Errorf("%s sees %+v", name, v)
		}
	}
	invite := a.invite(t, xaeroflux.InviteOptions{Uses: 2})
	c := invited(t, invite)
	meet(t, a.DB, c.addr)
	all, err := a.Invites()
	Must(t, err)
	uses := map[int]bool{}
	for _, v := range all {
		uses[v.Uses] = true
	}
	if len(all) != 2 || !uses[1] || !uses[3] {
		t.Errorf("after one of two came by it: %+v", all)
	}
}

// TestRevokedInvite: nobody joins by an invite that was closed. Whoever has it is told, and
// reads nothing that is appended later: of what was there it keeps what it got.
func TestRevokedInvite(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	a.says(t, "before")
	meet(t, a.DB, b.addr)
	early := invited(t, a.invite(t, xaeroflux.InviteOptions{}))
	all, err := a.Invites()
	if err != nil || len(all) != 1 {
		t.Fatalf("open are %+v, %v", all, err)
	}
	first := all[0].ID
	late := a.invite(t, xaeroflux.InviteOptions{})
	meet(t, a.DB, b.addr)
	Must(t, a.DB.Close())

	meet(t, b.DB, early.addr) // which the steward does not hear of
	early.stands(t, xaeroflux.StandingProvisional, nil)
	Await(t, func() bool { return early.reads(t, "before") })
	early.says(t, "of a newcomer")

	a = a.again(t, nil)
	Must(t, a.TrustRoster(ctx))
	before := a.rosterSize(t)
	Must(t, a.Revoke(ctx, first))
	if n := a.rosterSize(t) - before; n != 2 {
		t.Errorf("%d records, want the end of the invite and the epoch behind it", n)
	}
	if err := a.Revoke(ctx, first); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("closed twice: %v", err)
	}
	if all, err = a.Invites(); err != nil || len(all) != 1 {
		t.Fatalf("open are %+v, %v", all, err)
	}
	asked := make(chan error, 1)
	go func() { asked <- b.Revoke(ctx, all[0].ID) }() // an admin asks for it
	Await(t, func() bool {
		meet(t, b.DB, a.addr)
		all, err := b.Invites()
		return err == nil && len(all) == 0
	})
	if err := <-asked; err != nil {
		t.Errorf("an admin asks: %v", err)
	}
	a.says(t, "after")
	meet(t, b.DB, a.addr)
	never := invited(t, late)
	for name, c := range map[string]person{"who was there before": early, "who comes later": never} {
		for _, p := range []person{a, b} {
			_, _ = p.Sync(ctx, c.addr)
			_, _ = c.Sync(ctx, p.addr)
		}
		c.refused(t, xaeroflux.ErrInviteClosed)
		for text := range texts(t, c.Topic) {
			if text == ":after" || name == "who comes later" {
				t.Errorf("%s has %q", name, text)
			}
		}
		if members, err := a.Members(); err != nil || len(members) != 2 {
			t.Errorf("members are %+v, %v", members, err)
		}
	}
	if _, err := early.Join(ctx, late); !errors.Is(err, xaeroflux.ErrInviteClosed) {
		t.Errorf("a join by another closed invite: %v", err)
	}
	_, err = early.Join(ctx, a.invite(t, xaeroflux.InviteOptions{}))
	Must(t, err)
	meet(t, early.DB, a.addr)
	early.stands(t, xaeroflux.StandingMember, nil)
	early.says(t, "of a member")
	meet(t, a.DB, early.addr)
	Await(t, func() bool { return a.reads(t, "of a member") && early.reads(t, "after") })
}

// TestUsedInvite: who comes by an invite that others used up is told, and reads what is
// appended until the steward has made a new epoch, once a day.
func TestUsedInvite(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := founder(t, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Now: now})
	text := a.invite(t, xaeroflux.InviteOptions{})
	b, c := invited(t, text), invited(t, text)
	a.says(t, "before")
	meet(t, a.DB, b.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
	meet(t, a.DB, c.addr)
	c.refused(t, xaeroflux.ErrInviteUsed)
	Await(t, func() bool { return c.reads(t, "before") })
	size := a.rosterSize(t)
	b.says(t, "of b") // has the steward look
	meet(t, a.DB, b.addr)
	if a.rosterSize(t) != size {
		t.Error("an epoch within a day")
	}
	ahead.Store(int64(25 * time.Hour))
	b.says(t, "of b, a day later")
	meet(t, a.DB, b.addr)
	Await(t, func() bool { return a.rosterSize(t) == size+1 })
	a.says(t, "after")
	_, _ = c.Sync(ctx, a.addr)
	_, _ = a.Sync(ctx, c.addr)
	for text := range texts(t, c.Topic) {
		if text == ":after" {
			t.Error("who was not admitted reads what is appended a day later")
		}
	}
	ahead.Store(int64(99 * time.Hour))
	b.says(t, "of b, days later")
	meet(t, a.DB, b.addr)
	if n := a.rosterSize(t); n != size+1 {
		t.Errorf("%d more records in days in which nobody lost anything", n-size-1)
	}
}

// TestExpiredInvite: whose invite was over when the steward heard of it is told so.
func TestExpiredInvite(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := founder(t, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Now: now})
	b := invited(t, a.invite(t, xaeroflux.InviteOptions{Expires: time.Now().Add(time.Hour)}))
	ahead.Store(int64(2 * time.Hour))
	for range 3 {
		_, _ = a.Sync(ctx, b.addr)
	}
	b.refused(t, xaeroflux.ErrInviteExpired)
	if all, err := a.Invites(); err != nil || len(all) > 0 {
		t.Errorf("open are %+v, %v", all, err)
	}
}

// TestStandings: where a store stands before, while and after it belongs.
func TestStandings(t *testing.T) {
	a := founder(t, nil)
	a.stands(t, xaeroflux.StandingMember, nil)
	open, err := a.CreateTopic(ctx, "square", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	Must(t, err)
	if s, err := open.Standing(); err != nil || s.State != xaeroflux.StandingOpen {
		t.Errorf("in an open topic: %+v, %v", s, err)
	}
	b := invited(t, a.invite(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleReader}))
	b.stands(t, xaeroflux.StandingProvisional, nil)
	meet(t, a.DB, b.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
	if s, err := b.Standing(); err != nil || s.Role != xaeroflux.RoleReader {
		t.Errorf("a reader: %+v, %v", s, err)
	}
	members, err := a.Members()
	Must(t, err)
	for _, m := range members {
		if !m.Self {
			Must(t, a.Remove(ctx, m.Account))
		}
	}
	_, _ = a.Sync(ctx, b.addr)
	b.stands(t, xaeroflux.StandingRemoved, xaeroflux.ErrRemoved)
	_, err = b.Join(ctx, a.invite(t, xaeroflux.InviteOptions{}))
	Must(t, err)
	b.stands(t, xaeroflux.StandingProvisional, nil)
	meet(t, b.DB, a.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
}

// TestNewcomersBeforeTheStewardComes: with the steward away, what a newcomer appends is on
// the member that it syncs with when the sync ends, and one that will be a reader is told
// at once that it does not append.
func TestNewcomersBeforeTheStewardComes(t *testing.T) {
	a := founder(t, nil)
	b := invited(t, a.invite(t, xaeroflux.InviteOptions{}))
	meet(t, a.DB, b.addr)
	writes, reads := a.invite(t, xaeroflux.InviteOptions{}), a.invite(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleReader})
	meet(t, a.DB, b.addr)
	Must(t, a.Close())

	c := invited(t, writes)
	meet(t, c.DB, b.addr)
	for i := range 5 {
		_, err := c.Topic.Append(ctx, xaeroflux.Event{Payload: []byte{byte('0' + i)}})
		Must(t, err)
		meet(t, c.DB, b.addr)
		if !texts(t, b.Topic)[":"+string(rune('0'+i))] {
			t.Errorf("event %d is not at the member that was synced with", i)
		}
	}
	d := invited(t, reads)
	meet(t, d.DB, b.addr)
	if _, err := d.Topic.Append(ctx, xaeroflux.Event{Payload: []byte("of a reader")}); !errors.Is(err, xaeroflux.ErrRole) {
		t.Errorf("a reader that is not admitted yet appends: %v", err)
	}
}
