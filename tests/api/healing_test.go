// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/store"
	. "github.com/xaeroflux/xaeroflux/tests/storetest"
)

// spoilKeys has a store that is closed lose the keys that open its boxes in a topic.
func (p person) spoilKeys(t *testing.T) {
	t.Helper()
	a, err := aof.Open(filepath.Join(p.dir, "aof"), aof.Options{MustExist: true, Key: SeedOf(t, p.dir, "").StoreKey()})
	Must(t, err)
	Must(t, a.Commit(func(txn *aof.Txn) error {
		id := digest.Hash(p.Topic.ID())
		keys, _, err := aof.Row(txn, layout.KEMKeys, id)
		for i := range keys {
			keys[i].Seed = identity.Secret{1, byte(i)}
		}
		if err != nil {
			return err
		}
		return aof.PutRow(txn, layout.KEMKeys, id, keys)
	}))
	Must(t, a.Close())
}

// tries has a sync, which says so if a key is missing that the two do not have, or if this
// store left.
func (p person) tries(t *testing.T, addr string) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := p.Sync(limit, addr); err != nil && !errors.Is(err, xaeroflux.ErrNoKeys) && !errors.Is(err, xaeroflux.ErrNotShared) {
		t.Errorf("a sync without the newest key: %v", err)
	}
}

// lacksKeys has a sync that ends without the newest key.
func (p person) lacksKeys(t *testing.T, addr string) {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := p.Sync(limit, addr); !errors.Is(err, xaeroflux.ErrNoKeys) {
		t.Errorf("a sync of two of whom one lacks the newest key: %v", err)
	}
}

// asks returns the asks of a kind that a store made, by what became of them.
func (p person) asks(t *testing.T, what string) map[xaeroflux.AskState]int {
	t.Helper()
	all, err := p.Asks()
	Must(t, err)
	n := map[xaeroflux.AskState]int{}
	for _, a := range all {
		if a.What == what {
			n[a.State]++
		}
	}
	return n
}

// TestLostBoxHeals: a device whose box opens nothing asks for another one, once, and reads
// on when the steward has answered; what it cannot open meanwhile is told as such.
func TestLostBoxHeals(t *testing.T) {
	for _, role := range []xaeroflux.Role{xaeroflux.RoleWriter, xaeroflux.RoleReader, xaeroflux.RoleReplica} {
		t.Run(role.String(), func(t *testing.T) { testLostBoxHeals(t, role) })
	}
}

func testLostBoxHeals(t *testing.T, role xaeroflux.Role) {
	a := founder(t, nil)
	b := a.joined(t, xaeroflux.InviteOptions{Role: role})
	c, gone := a.joined(t, xaeroflux.InviteOptions{}), a.joined(t, xaeroflux.InviteOptions{})
	a.says(t, "before")
	meet(t, a.DB, b.addr)
	Must(t, b.DB.Close())
	b.spoilKeys(t)

	members, err := a.Members()
	Must(t, err)
	for _, m := range members {
		if m.Devices[0].Log == gone.Topic.Log().ID() {
			Must(t, a.Remove(ctx, m.Account))
		}
	}
	a.says(t, "after")
	meet(t, a.DB, c.addr)
	Must(t, a.DB.Close()) // the steward is away

	b = b.again(t, nil)
	for range 3 {
		b.lacksKeys(t, c.addr)
		c.lacksKeys(t, b.addr)
	}
	Await(t, func() bool { return b.asks(t, "device")[xaeroflux.AskWaiting] == 1 })
	for range 3 {
		b.lacksKeys(t, c.addr)
	}
	if n := b.asks(t, "device"); n[xaeroflux.AskWaiting] != 1 || len(n) != 1 {
		t.Errorf("while the steward is away it asked %v", n)
	}
	if b.reads(t, "after") || role != xaeroflux.RoleReplica && !b.reads(t, "before") {
		t.Errorf("without the new key it reads %v", texts(t, b.Topic))
	}

	a = a.again(t, nil)
	Must(t, a.TrustRoster(ctx))
	Await(t, func() bool {
		b.tries(t, a.addr)
		return b.asks(t, "device")[xaeroflux.AskDone] == 1
	})
	meet(t, b.DB, a.addr)
	if role != xaeroflux.RoleReplica {
		Await(t, func() bool { return b.reads(t, "after") })
	}
	meet(t, b.DB, c.addr) // by the newest join key
	if n := b.asks(t, "device"); n[xaeroflux.AskDone] != 1 || len(n) != 1 {
		t.Errorf("once it was answered it asked %v", n)
	}
	if role == xaeroflux.RoleWriter {
		b.says(t, "of b")
		meet(t, b.DB, a.addr)
		Await(t, func() bool { return a.reads(t, "of b") })
	}
	if s, err := a.Roster(); err != nil || s.Term != 0 || s.Leg != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestSealedUnder: a store knows when so many events of a log are under one epoch.
func TestSealedUnder(t *testing.T) {
	a := founder(t, nil)
	for range 3 {
		a.says(t, "one")
	}
	Must(t, a.DB.Close())
	s, err := store.Open(a.dir, store.Options{MapBytes: 64 << 20})
	Must(t, err)
	defer s.Close()
	topic, err := s.Topic(digest.Hash(a.Topic.ID()))
	Must(t, err)
	st, err := s.Roster(topic.ID)
	Must(t, err)
	e, _ := st.Epoch()
	other := e
	other.ID[0] ^= 1
	for most, want := range map[uint64]bool{1: true, 3: true, 4: false} {
		if got, err := s.SealedUnder(topic, &e, most); got != want || err != nil {
			t.Errorf("%d events under the newest epoch: %v, %v", most, got, err)
		}
		if got, err := s.SealedUnder(topic, &other, most); got || err != nil {
			t.Errorf("%d events under another epoch: %v, %v", most, got, err)
		}
	}
}
