// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// account returns who a store's person is in the topic.
func (p person) account(t *testing.T) (k xaeroflux.AccountKey) {
	t.Helper()
	all, err := p.Members()
	Must(t, err)
	for _, m := range all {
		if m.Self {
			k = m.Account
		}
	}
	return k
}

// handsOver has another store write the roster.
func (p person) handsOver(t *testing.T, to person) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_ = to.AskHandover(short)
	Await(t, func() bool {
		meet(t, p.DB, to.addr)
		s, err := to.Roster()
		Must(t, err)
		_ = p.Handover(ctx, to.Topic.Log().Author())
		return s.Self
	})
	meet(t, p.DB, to.addr)
}

// comesBack has a store join by a new invite of a steward, as the person that it was.
func (p person) comesBack(t *testing.T, to person, as xaeroflux.AccountKey) {
	t.Helper()
	_, err := p.Join(ctx, to.invite(t, xaeroflux.InviteOptions{}))
	Must(t, err)
	Await(t, func() bool {
		_, _ = p.Sync(ctx, to.addr)
		s, err := p.Standing()
		return err == nil && s.State == xaeroflux.StandingMember
	})
	if now := p.account(t); now != as {
		t.Errorf("it came back as %s, and was %s", now.Short(), as.Short())
	}
	Await(t, func() bool { // once the key has come
		_, err := p.Topic.Append(ctx, xaeroflux.Event{Payload: []byte("of who came back")})
		if err != nil && !errors.Is(err, xaeroflux.ErrSealed) {
			t.Error(err)
		}
		return err == nil
	})
	Await(t, func() bool { meet(t, p.DB, to.addr); return to.reads(t, "of who came back") })
}

// TestAdmittedInAVoidPart: who was admitted by a steward whose part of the roster a take-over
// made void is told so, a copy of it too, and comes back by a new invite.
func TestAdmittedInAVoidPart(t *testing.T) {
	a := founder(t, nil)
	node := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	a.handsOver(t, node)
	Must(t, a.DB.Close()) // hears of nothing that follows
	text := node.invite(t, xaeroflux.InviteOptions{Uses: 2})
	b := invited(t, text)
	meet(t, node.DB, b.addr)
	b.stands(t, xaeroflux.StandingMember, nil)
	b.says(t, "before")
	was := b.account(t)
	Must(t, node.DB.Close())
	Must(t, b.DB.Close())
	c := person{dir: Copied(t, b.dir), Topic: b.Topic}.again(t, nil)
	b, a = b.again(t, nil), a.again(t, nil)
	Must(t, a.TakeOver(ctx))
	for _, p := range []person{b, c} {
		for range 3 {
			_, _ = p.Sync(ctx, a.addr)
			_, _ = a.Sync(ctx, p.addr)
		}
		if p.dir == c.dir { // which nobody knows who has not heard of b
			_, err := c.Join(ctx, a.invite(t, xaeroflux.InviteOptions{}))
			Must(t, err)
			meet(t, c.DB, a.addr)
		}
		p.refused(t, xaeroflux.ErrInviteVoid)
		if _, err := p.Join(ctx, text); !errors.Is(err, xaeroflux.ErrInviteVoid) {
			t.Errorf("by the void invite: %v", err)
		}
	}
	b.comesBack(t, a, was)
	if !b.reads(t, "before") {
		t.Error("what it had appended is gone")
	}
	c.comesBack(t, a, was)
	if n := devicesOf(t, a.Topic); n != 4 {
		t.Errorf("%d devices", n)
	}
}

// TestInviteOfAVoidPart: who only holds an invite of a void part, and the roster that knows
// it, is let in by one of the part that counts.
func TestInviteOfAVoidPart(t *testing.T) {
	a := founder(t, nil)
	node := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	reader := a.joined(t, xaeroflux.InviteOptions{})
	a.handsOver(t, node)
	Must(t, a.DB.Close())
	b := invited(t, node.invite(t, xaeroflux.InviteOptions{}))
	meet(t, reader.DB, node.addr)
	Must(t, node.DB.Close())
	meet(t, reader.DB, b.addr)
	b.stands(t, xaeroflux.StandingProvisional, nil)
	Must(t, reader.DB.Close())
	a = a.again(t, nil)
	Must(t, a.TakeOver(ctx))
	text := a.invite(t, xaeroflux.InviteOptions{})
	_, err := b.Join(ctx, text)
	Must(t, err)
	Await(t, func() bool {
		_, _ = b.Sync(ctx, a.addr)
		s, err := b.Standing()
		return err == nil && s.State == xaeroflux.StandingRefused && errors.Is(s.Err, xaeroflux.ErrInviteVoid)
	})
	_, err = b.Join(ctx, text)
	Must(t, err)
	Await(t, func() bool {
		_, _ = b.Sync(ctx, a.addr)
		s, err := b.Standing()
		return err == nil && s.State == xaeroflux.StandingMember
	})
}

// TestRemovedOnTheBranchThatCounts: of a roster that a copy of its steward forked, who holds
// the one branch and was removed on the other, which the owner goes on with, hears of it.
func TestRemovedOnTheBranchThatCounts(t *testing.T) {
	a := founder(t, nil)
	node := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	b := a.joined(t, xaeroflux.InviteOptions{})
	a.handsOver(t, node)
	meet(t, b.DB, node.addr)
	was := b.account(t)
	Must(t, node.DB.Close())
	Must(t, b.DB.Close())
	clone := person{dir: Copied(t, node.dir), Topic: node.Topic}
	clone = clone.again(t, &xaeroflux.Options{Adopt: true})
	Must(t, clone.TrustRoster(ctx))
	Must(t, clone.Remove(ctx, was))
	meet(t, a.DB, clone.addr)
	Must(t, clone.DB.Close())
	Must(t, a.DB.Close())
	node, b = node.again(t, nil), b.again(t, nil)
	Must(t, node.TrustRoster(ctx))
	for range 5 {
		node.invite(t, xaeroflux.InviteOptions{})
	}
	meet(t, b.DB, node.addr) // holds the longer branch now
	Must(t, node.DB.Close())
	a = a.again(t, nil)
	Must(t, a.TakeOver(ctx))
	Await(t, func() bool {
		_, _ = b.Sync(ctx, a.addr)
		s, err := b.Standing()
		return err == nil && s.State == xaeroflux.StandingRemoved
	})
	b.comesBack(t, a, was)
}

// TestComesBackByAnOlderKey: who was removed and joins again by an invite is let in, also if
// the topic has another key by the time that it meets somebody.
func TestComesBackByAnOlderKey(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{})
	was := b.account(t)
	Must(t, a.Remove(ctx, was))
	_, _ = a.Sync(ctx, b.addr)
	b.stands(t, xaeroflux.StandingRemoved, xaeroflux.ErrRemoved)
	_, err := b.Join(ctx, a.invite(t, xaeroflux.InviteOptions{}))
	Must(t, err)
	id := func() xaeroflux.InviteKey {
		before, err := a.Invites()
		Must(t, err)
		a.invite(t, xaeroflux.InviteOptions{})
		now, err := a.Invites()
		Must(t, err)
		for _, v := range now {
			if !slices.ContainsFunc(before, func(o xaeroflux.OpenInvite) bool { return o.ID == v.ID }) {
				return v.ID
			}
		}
		return xaeroflux.InviteKey{}
	}()
	Must(t, a.Revoke(ctx, id)) // by which the key turns
	Await(t, func() bool {
		_, _ = b.Sync(ctx, a.addr)
		s, err := b.Standing()
		return err == nil && s.State == xaeroflux.StandingMember
	})
	if now := b.account(t); now != was {
		t.Errorf("it came back as %s, and was %s", now.Short(), was.Short())
	}
}

// TestACopyOfWhoWasRemoved: a copy that was made before its store was removed is told, and
// comes back by a new invite.
func TestACopyOfWhoWasRemoved(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{})
	was := b.account(t)
	Must(t, b.DB.Close())
	Must(t, a.Remove(ctx, was))
	b.dir = Copied(t, b.dir)
	b = b.again(t, nil)
	Await(t, func() bool {
		_, _ = b.Sync(ctx, a.addr)
		s, err := b.Standing()
		return err == nil && s.State == xaeroflux.StandingRemoved && errors.Is(s.Err, xaeroflux.ErrRemoved)
	})
	b.comesBack(t, a, was)
}

// TestLinkThatComesTooLate: a store whose link was used by another one, or was over, is
// told; a fresh one links it, and it may become anybody's until then.
func TestLinkThatComesTooLate(t *testing.T) {
	for _, why := range []error{xaeroflux.ErrInviteUsed, xaeroflux.ErrInviteExpired} {
		t.Run(why.Error()[:44], func(t *testing.T) { testLinkThatComesTooLate(t, why) })
	}
}

func testLinkThatComesTooLate(t *testing.T, why error) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := Open(t, filepath.Join(t.TempDir(), "a"), &xaeroflux.Options{Now: now})
	_, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	words(t, a)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true, Expires: time.Now().Add(time.Hour)})
	Must(t, err)
	c, caddr := listening(t, "c", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	d, daddr := listening(t, "d", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	if errors.Is(why, xaeroflux.ErrInviteUsed) {
		b, addr := listening(t, "b", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
		awaitTopics(t, a, b, addr, "family")
	} else {
		ahead.Store(int64(2 * time.Hour))
	}
	before, err := a.Devices()
	Must(t, err)
	for db, addr := range map[*xaeroflux.DB]string{c: caddr, d: daddr} {
		Await(t, func() bool {
			_, _ = a.Sync(ctx, addr)
			_, err := db.Devices()
			return errors.Is(err, why)
		})
		if _, err := db.LinkDevice(ctx, nil); !errors.Is(err, why) {
			t.Errorf("it links another: %v", err)
		}
		if _, err := db.Join(ctx, link); !errors.Is(err, why) {
			t.Errorf("by the same link: %v", err)
		}
	}
	link, err = a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = c.Join(ctx, link)
	Must(t, err)
	awaitTopics(t, a, c, caddr, "family")
	Await(t, func() bool {
		meet(t, a, caddr)
		all, err := a.Devices()
		mine, merr := c.Devices()
		return err == nil && merr == nil && len(all) == len(before)+1 && len(mine) == len(all)
	})
	other, oaddr := listening(t, "other", nil)
	_, err = other.CreateTopic(ctx, "club", private)
	Must(t, err)
	words(t, other)
	link, err = other.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = d.Join(ctx, link)
	Must(t, err)
	awaitTopics(t, d, d, oaddr, "club")
	if topicNamed(d, "family") != nil {
		t.Error("it has the topics of whose device it is not")
	}
}

// TestWordsAfterALinkThatWasUsed: a store that was never linked makes words of its own.
func TestWordsAfterALinkThatWasUsed(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	words(t, a)
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	b, addr := listening(t, "b", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	Await(t, func() bool { meet(t, a, addr); all, err := b.Devices(); return err == nil && len(all) == 2 })
	c, caddr := listening(t, "c", &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: link})
	if err := c.Words(ctx, func(string) error { return nil }); !errors.Is(err, xaeroflux.ErrWordsKept) {
		t.Errorf("while it waits: %v", err)
	}
	Await(t, func() bool {
		_, _ = a.Sync(ctx, caddr)
		_, err := c.Devices()
		return errors.Is(err, xaeroflux.ErrInviteUsed)
	})
	words(t, c)
	all, err := c.Devices()
	if err != nil || len(all) != 1 || !all[0].Self {
		t.Errorf("devices are %+v, %v", all, err)
	}
	d, daddr := linked(t, c, "d")
	Await(t, func() bool { meet(t, c, daddr); all, err := d.Devices(); return err == nil && len(all) == 2 })
}

// TestRemovedDeviceIsLinkedAgain: a device that was removed from a topic and from the
// person's list comes back by another link, and to the topic by the words.
func TestRemovedDeviceIsLinkedAgain(t *testing.T) {
	a := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	at, err := a.CreateTopic(ctx, "family", private)
	Must(t, err)
	phrase := words(t, a)
	phone, addr := linked(t, a, "phone", "family")
	pt := topicNamed(phone, "family")
	Await(t, func() bool { meet(t, a, addr); return devicesOf(t, at) == 2 && devicesOf(t, pt) == 2 })
	Must(t, at.RemoveDevice(ctx, pt.Log().Author()))
	Must(t, a.RemoveDevice(ctx, own(t, phone)))
	Await(t, func() bool {
		_, _ = a.Sync(ctx, addr)
		s, err := pt.Standing()
		all, derr := phone.Devices()
		return err == nil && derr == nil && s.State == xaeroflux.StandingRemoved && len(all) == 1
	})
	link, err := a.LinkDevice(ctx, &xaeroflux.LinkOptions{WithoutPlaces: true})
	Must(t, err)
	_, err = phone.Join(ctx, link)
	Must(t, err)
	_, err = a.CreateTopic(ctx, "later", private)
	Must(t, err)
	awaitTopics(t, a, phone, addr, "later")
	Await(t, func() bool { meet(t, a, addr); all, err := phone.Devices(); return err == nil && len(all) == 2 })

	invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	if _, err := phone.Join(ctx, invite); !errors.Is(err, xaeroflux.ErrByWords) {
		t.Errorf("without the words: %v", err)
	}
	_, err = phone.JoinByWords(ctx, invite, phrase)
	Must(t, err)
	Await(t, func() bool {
		meet(t, a, addr)
		m, err := at.Members()
		s, serr := pt.Standing()
		return err == nil && serr == nil && len(m) == 1 && len(m[0].Devices) == 2 && s.State == xaeroflux.StandingMember
	})
	Await(t, func() bool {
		_, err := pt.Append(ctx, xaeroflux.Event{Payload: []byte("back")})
		meet(t, a, addr)
		return err == nil && texts(t, at)[":back"]
	})
}

// TestAnOlderCopyOfASteward: a steward that was restored from a backup writes nothing by the
// word of a member who has heard of no more than the backup, however often they meet; it
// does once it has met one who has, or a person says that there is no more.
func TestAnOlderCopyOfASteward(t *testing.T) {
	a := founder(t, nil)
	stale, b := a.joined(t, xaeroflux.InviteOptions{}), a.joined(t, xaeroflux.InviteOptions{})
	meet(t, a.DB, stale.addr)
	backup, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	_, err := a.Backup(ctx, backup, nil)
	Must(t, err)
	Must(t, stale.DB.Close())
	late := a.joined(t, xaeroflux.InviteOptions{})
	meet(t, a.DB, b.addr)
	for _, p := range []person{a, b, late} {
		Must(t, p.DB.Close())
	}
	stale = stale.again(t, nil)
	_, err = xaeroflux.Restore(ctx, backup, dir, &xaeroflux.RestoreOptions{Adopt: true})
	Must(t, err)

	old := person{dir: dir, Topic: a.Topic}.again(t, nil)
	for range 2 {
		for range 2 {
			meet(t, old.DB, stale.addr)
			if _, err := old.Topic.Invite(ctx, nil); !errors.Is(err, xaeroflux.ErrUnmet) {
				t.Fatalf("by the word of who knows no more: %v", err)
			}
		}
		Must(t, old.DB.Close())
		old = old.again(t, nil)
	}
	b, late = b.again(t, nil), late.again(t, nil)
	meet(t, old.DB, b.addr)
	Await(t, func() bool { _, err := old.Topic.Invite(ctx, nil); return err == nil })
	for _, p := range []person{stale, b, late} {
		meet(t, old.DB, p.addr)
	}
	for _, p := range []person{old, stale, b, late} {
		if forks, err := p.Forks(); err != nil || len(forks) > 0 || devicesOf(t, p.Topic) != 4 {
			t.Errorf("%d devices, forks %v, %v", devicesOf(t, p.Topic), forks, err)
		}
	}
}

// TestTrustedCopyOfASteward: a person's word has a steward go on that was restored, and
// answer what waits; it is asked for once.
func TestTrustedCopyOfASteward(t *testing.T) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{Role: xaeroflux.RoleAdmin})
	meet(t, a.DB, b.addr)
	backup, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	_, err := a.Backup(ctx, backup, nil)
	Must(t, err)
	Must(t, a.DB.Close())
	_, err = xaeroflux.Restore(ctx, backup, dir, &xaeroflux.RestoreOptions{Adopt: true})
	Must(t, err)
	old := person{dir: dir, Topic: a.Topic}.again(t, nil)
	asked := make(chan error, 1)
	go func() { asked <- second(b.Topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})) }()
	Await(t, func() bool { meet(t, old.DB, b.addr); return len(b.asks(t, "invite")) == 1 })
	meet(t, old.DB, b.addr)
	size := old.rosterSize(t)
	Must(t, old.TrustRoster(ctx))
	Await(t, func() bool { return old.rosterSize(t) > size })
	meet(t, old.DB, b.addr)
	Must(t, <-asked)
	Must(t, old.DB.Close())
	old = old.again(t, nil)
	meet(t, old.DB, b.addr)
	Await(t, func() bool { _, err := old.Topic.Invite(ctx, nil); return err == nil })
}
