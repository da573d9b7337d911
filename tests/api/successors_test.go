// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestSuccessors: the owner's store, which writes the roster, is gone for good. Two of
// three successors make another device the steward, and it admits and removes.
func TestSuccessors(t *testing.T) {
	dir := t.TempDir()
	var stores []*xaeroflux.DB // a founds; b, c and d are successors
	var keys []xaeroflux.AccountKey
	for _, name := range []string{"a", "b", "c", "d"} {
		db := Open(t, filepath.Join(dir, name), nil)
		key, err := db.NewSuccessorKey(ctx)
		Must(t, err)
		stores, keys = append(stores, db), append(keys, key)
	}
	at, err := stores[0].CreateTopic(ctx, "family", &xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic, Successors: keys[1:]})
	Must(t, err)
	addr, err := stores[0].Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	var topics []*xaeroflux.Topic
	for _, db := range stores[1:] {
		invite, err := at.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true, Role: xaeroflux.RoleAdmin})
		Must(t, err)
		topic, err := db.Join(ctx, invite)
		Must(t, err)
		meet(t, db, addr.String())
		topics = append(topics, topic)
	}
	for _, db := range stores[1:] {
		meet(t, db, addr.String())
	}
	b, c, d := topics[0], topics[1], topics[2]
	Must(t, stores[0].Close())

	proposed, err := b.ProposeSuccession(ctx, xaeroflux.AuthorKey{})
	Must(t, err)
	if proposed.Needed != 2 || proposed.Signed != 0 || proposed.Term != 1 || proposed.Void != 0 {
		t.Errorf("proposed is %+v", proposed)
	}
	if err := b.TakeOverBySuccessors(ctx, proposed.Text); !errors.Is(err, xaeroflux.ErrUnsigned) {
		t.Errorf("with no signature: %v", err)
	}
	once, err := d.SignSuccession(ctx, proposed.Text)
	Must(t, err)
	again, err := d.SignSuccession(ctx, once.Text)
	Must(t, err)
	if again != once || once.Signed != 1 {
		t.Errorf("signed once it is %+v, twice %+v", once, again)
	}
	if err := b.TakeOverBySuccessors(ctx, once.Text); !errors.Is(err, xaeroflux.ErrUnsigned) {
		t.Errorf("with one signature: %v", err)
	}
	twice, err := c.SignSuccession(ctx, once.Text)
	Must(t, err)
	if err := c.TakeOverBySuccessors(ctx, twice.Text); !errors.Is(err, xaeroflux.ErrNotNamed) {
		t.Errorf("by a device that is not named: %v", err)
	}
	Must(t, b.TakeOverBySuccessors(ctx, twice.Text))
	if s, err := b.Roster(); err != nil || !s.Self || s.Term != 1 {
		t.Fatalf("the roster is %+v, %v", s, err)
	}
	if _, err := b.ReadSuccession(twice.Text); !errors.Is(err, xaeroflux.ErrSuperseded) {
		t.Errorf("once it was used: %v", err)
	}
	testSuccessorActs(t, stores, b, c)
}

// testSuccessorActs: the new steward admits, and the others follow.
func testSuccessorActs(t *testing.T, stores []*xaeroflux.DB, b, c *xaeroflux.Topic) {
	addr, err := stores[1].Listen(ctx, "127.0.0.1:0")
	Must(t, err)
	invite, err := b.Invite(ctx, &xaeroflux.InviteOptions{WithoutPlaces: true})
	Must(t, err)
	eve := Open(t, filepath.Join(t.TempDir(), "e"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: invite})
	meet(t, eve, addr.String())
	_, err = TopicOf(t, eve).Append(ctx, xaeroflux.Event{Payload: []byte("hello")})
	Must(t, err)
	meet(t, eve, addr.String())
	for _, db := range stores[2:] {
		meet(t, db, addr.String())
	}
	Await(t, func() bool {
		members, err := c.Members()
		return err == nil && len(members) == 5 && texts(t, c)[":hello"]
	})
}

// TestSuccessorsRefused: what is no topic's succession, and who is none of its
// successors.
func TestSuccessorsRefused(t *testing.T) {
	db := Open(t, filepath.Join(t.TempDir(), "a"), nil)
	mine, err := db.NewSuccessorKey(ctx)
	Must(t, err)
	other := xaeroflux.AccountKey(mine)
	other[3] ^= 1
	create := func(o xaeroflux.TopicOptions) (*xaeroflux.Topic, error) { return db.CreateTopic(ctx, "t", &o) }
	for name, o := range map[string]xaeroflux.TopicOptions{
		"an open topic":       {Kind: xaeroflux.OpenTopic, Successors: []xaeroflux.AccountKey{mine}},
		"twice the same":      {Kind: xaeroflux.PrivateTopic, Successors: []xaeroflux.AccountKey{mine, mine}},
		"half":                {Kind: xaeroflux.PrivateTopic, Successors: []xaeroflux.AccountKey{mine, other}, SuccessorsNeeded: 1},
		"more than there are": {Kind: xaeroflux.PrivateTopic, Successors: []xaeroflux.AccountKey{mine}, SuccessorsNeeded: 2},
		"none of them":        {Kind: xaeroflux.PrivateTopic, SuccessorsNeeded: 1},
	} {
		if _, err := create(o); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
	without, err := create(xaeroflux.TopicOptions{Kind: xaeroflux.PrivateTopic})
	Must(t, err)
	if _, err := without.ProposeSuccession(ctx, xaeroflux.AuthorKey{}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("without successors: %v", err)
	}
	strangers, err := create(xaeroflux.TopicOptions{Kind: xaeroflux.PlainTopic, Successors: []xaeroflux.AccountKey{other}})
	Must(t, err)
	s, err := strangers.ProposeSuccession(ctx, xaeroflux.AuthorKey{})
	Must(t, err)
	if _, err := strangers.SignSuccession(ctx, s.Text); !errors.Is(err, xaeroflux.ErrNotSuccessor) {
		t.Errorf("signed by a stranger: %v", err)
	}
	for name, text := range map[string]string{"nothing": "", "half": s.Text[:20], "an invite": "xf2abc"} {
		if _, err := strangers.SignSuccession(ctx, text); !errors.Is(err, xaeroflux.ErrSuccession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := without.ReadSuccession(s.Text); !errors.Is(err, xaeroflux.ErrSuccession) {
		t.Errorf("of another topic: %v", err)
	}
	if _, err := strangers.ProposeSuccession(ctx, xaeroflux.AuthorKey{1}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("for a device that does not belong: %v", err)
	}
}
