// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestACopyOfTheSteward: a copy of the steward's store is another device, and no steward: it
// asks as others do, and nothing forks.
func TestACopyOfTheSteward(t *testing.T) {
	h := newHost(t, xaeroflux.PrivateTopic)
	h.append("before")
	_, guest, gt := h.join(h.invite(xaeroflux.RoleWriter))
	gaddr, err := guest.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	Must(t, h.db.Close())
	clone := Open(t, Copied(t, h.dir), nil)
	h.db = Open(t, h.dir, nil)
	ct, err := clone.Topic(h.topic.ID())
	Must(t, err)
	meet(t, clone, gaddr.String())
	at, err := ct.Roster()
	Must(t, err)
	if at.Self || at.Steward != h.topic.Log().Author() {
		t.Errorf("the copy takes the roster for its own: %+v", at)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := ct.Invite(short, nil); !errors.Is(err, xaeroflux.ErrAsked) {
		t.Errorf("the copy writes the roster: %v", err)
	}
	meet(t, h.db, gaddr.String())
	Await(t, func() bool { // the first one is still the steward, and hears the copy's asks
		meet(t, h.db, gaddr.String())
		meet(t, clone, gaddr.String())
		members, err := gt.Members()
		return err == nil && slices.ContainsFunc(members, func(m xaeroflux.Member) bool { return m.Role == xaeroflux.RoleOwner && len(m.Devices) == 2 })
	})
	for _, db := range []*xaeroflux.DB{h.db, clone, guest} {
		if forks, err := db.Forks(); len(forks) > 0 || err != nil {
			t.Errorf("forks %v, %v", forks, err)
		}
	}
}

// TestClocksOf1970And9999: members whose clocks are wrong by any number of years admit,
// read and remove each other; expiry is the steward's clock alone.
func TestClocksOf1970And9999(t *testing.T) {
	old, late := time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 58, 0, time.UTC)
	for _, c := range []struct {
		name          string
		steward, next time.Time
	}{{"a steward in 1970", old, late}, {"a steward in 9999", late, old}, {"both in 1970", old, old}, {"both in 9999", late, late}} {
		t.Run(c.name, func(t *testing.T) {
			a := Open(t, filepath.Join(t.TempDir(), "a"), clocked(clockAt(c.steward)))
			at, err := a.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
			Must(t, err)
			_, err = at.Append(ctx, xaeroflux.Event{Payload: []byte("of a")})
			Must(t, err)
			invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
			Must(t, err)
			o := clocked(clockAt(c.next))
			o.Invite = invite
			b := Open(t, filepath.Join(t.TempDir(), "b"), o)
			bt := TopicOf(t, b)
			addr, err := b.Listen(ctx, "127.0.0.1:0")
			Must(t, err)
			meet(t, a, addr.String())
			_, err = bt.Append(ctx, xaeroflux.Event{Payload: []byte("of b")})
			Must(t, err)
			meet(t, a, addr.String())
			for _, topic := range []*xaeroflux.Topic{at, bt} {
				Await(t, func() bool { got := texts(t, topic); return got[":of a"] && got[":of b"] })
				members, err := topic.Members()
				Must(t, err)
				if _, err := json.Marshal(members); err != nil || len(members) != 2 {
					t.Errorf("members %+v, %v", members, err)
				}
				if s, err := topic.Roster(); err != nil || len(s.Faults) > 0 {
					t.Errorf("roster %+v, %v", s, err)
				}
			}
			for _, m := range must(at.Members()) {
				if !m.Self {
					Must(t, at.Remove(ctx, m.Account))
				}
			}
			_, _ = a.Sync(ctx, addr.String())
			Await(t, func() bool {
				_, err := bt.Append(ctx, xaeroflux.Event{Payload: []byte("later")})
				return errors.Is(err, xaeroflux.ErrRemoved)
			})
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestOldInvites: an invite that a removal closed, and one whose time is over, admit nobody;
// neither opens anything that is sealed after that.
func TestOldInvites(t *testing.T) {
	now := clockAt(time.Now())
	h := &host{t: t, dir: filepath.Join(t.TempDir(), "host")}
	h.db = Open(t, h.dir, clocked(now))
	var err error
	h.topic, err = h.db.CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	addr, err := h.db.Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	h.addr = addr.String()
	h.append("before")
	h.join(h.invite(xaeroflux.RoleWriter))
	closed := h.invite(xaeroflux.RoleWriter)
	h.removeOthers()
	h.append("after")
	late := Open(t, filepath.Join(t.TempDir(), "late"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: closed})
	if _, err := late.Sync(ctx, h.addr); err == nil {
		t.Error("a sync by an invite that a removal closed went well")
	}
	if got := texts(t, TopicOf(t, late)); len(got) > 0 {
		t.Errorf("by an invite that a removal closed is read %v", got)
	}

	over, err := h.topic.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Expires: time.Now().Add(time.Hour)})
	Must(t, err)
	now.put(time.Now().Add(2 * time.Hour))
	later := Open(t, filepath.Join(t.TempDir(), "later"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: over})
	for range 3 { // the first may come before the steward looked at its clock
		_, _ = later.Sync(ctx, h.addr)
		_, _ = TopicOf(t, later).Append(ctx, xaeroflux.Event{Payload: []byte("of one whose invite is over")})
	}
	if n := len(h.members()); n != 1 {
		t.Errorf("the topic has %d members", n)
	}
	h.append("much later")
	_, _ = later.Sync(ctx, h.addr)
	if got := texts(t, TopicOf(t, later)); got["private-type:much later"] {
		t.Errorf("by an invite that is over is read %v", got)
	}
	if got := texts(t, h.topic); len(got) != 3 {
		t.Errorf("the host reads %v", got)
	}
}

// TestAPlainTwinOfAPrivateTopic: whoever is given an invite in which the topic was made a
// plain one joins another topic: its id is a hash of what it is, so no member shares it, and
// nothing that is appended there in the clear reaches one.
func TestAPlainTwinOfAPrivateTopic(t *testing.T) {
	h := newHost(t, xaeroflux.PrivateTopic)
	h.append("before")
	inv, err := identity.ParseInvite(h.invite(xaeroflux.RoleWriter))
	Must(t, err)
	inv.Genesis.Policy, inv.Roster = 0, nil
	text, err := inv.Encode()
	Must(t, err)
	db := Open(t, filepath.Join(t.TempDir(), "deceived"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: text})
	topic := TopicOf(t, db)
	if topic.ID() == h.topic.ID() || topic.Kind() == xaeroflux.PrivateTopic {
		t.Fatalf("it joined topic %s, %v", topic.ID().Short(), topic.Kind())
	}
	_, err = topic.Append(ctx, xaeroflux.Event{Payload: []byte("in the clear")})
	Must(t, err)
	if _, err := db.Sync(ctx, h.addr); err == nil {
		t.Error("a sync with a member went well")
	}
	if got := texts(t, h.topic); len(got) != 1 || len(h.members()) != 1 {
		t.Errorf("the host reads %v, and has %d members", got, len(h.members()))
	}
}
