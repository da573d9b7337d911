// SPDX-License-Identifier: MPL-2.0

package care

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// TestRepairBeginsNoRosterTwice: the store that founded an open topic lost its AOF. A roster
// that began comes back from a peer that holds it; if none does, no second one begins that
// would fork it. One that did not begin is no loss.
func TestRepairBeginsNoRosterTwice(t *testing.T) {
	for _, all := range []bool{false, true} {
		for began, told := range map[string]bool{"not begun": false, "a peer holds it": true, "nobody else holds it": false} {
			t.Run(fmt.Sprintf("%s, all of the AOF is gone: %v", began, all), func(t *testing.T) {
				testRepairBeginsNoRosterTwice(t, all, began != "not begun", told)
			})
		}
	}
}

func testRepairBeginsNoRosterTwice(t *testing.T, all, began, told bool) {
	dir := filepath.Join(t.TempDir(), "a")
	a := storetest.Open(t, dir, storetest.Small())
	o := storetest.Small()
	o.Invite = storetest.Invited(a)
	b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
	addr, err := b.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	id := digest.Hash(storetest.TopicOf(t, a).ID())
	edit := func(fn func(*store.Store, *store.Topic)) {
		t.Helper()
		storetest.Must(t, a.Close())
		storetest.Edit(t, dir, func(s *store.Store) {
			topic, err := s.Topic(id)
			storetest.Must(t, err)
			fn(s, topic)
		})
		a = storetest.Open(t, dir, storetest.Small())
	}
	storetest.MustAppend(t, a, 100, "event %d of the store that is damaged")
	storetest.MustSync(t, a, addr.String())
	size := uint64(0)
	if began {
		edit(func(s *store.Store, topic *store.Topic) {
			storetest.WriteRoster(t, s, topic.Roster(), &roster.Answer{Log: digest.Hash{1}, Size: 1})
		})
		size = 3
	}
	if told {
		storetest.MustSync(t, a, addr.String())
	}
	storetest.Must(t, a.Close())
	loseAOF(t, dir, all)
	r, err := xaeroflux.Repair(ctx, dir, xaeroflux.RepairOptions{From: []string{addr.String()}, Invites: []string{o.Invite}})
	storetest.Must(t, err)
	if lost := began && !told && !all; !lost && !r.Clean() {
		t.Fatalf("missing %v, left %v", r.Missing, r.Left)
	} else if lost && r.Clean() {
		t.Fatal("the rows that are left say that a roster began, and nothing is missing")
	} else if lost {
		return // it stays closed until somebody brings it, or the loss is accepted
	}
	a = storetest.Open(t, dir, storetest.Small())
	storetest.MustAppend(t, a, 3, "event %d after the repair")
	edit(func(s *store.Store, topic *store.Topic) {
		p, err := s.Source().Position(id)
		storetest.Must(t, err)
		begins, err := s.BeginsRoster(topic)
		storetest.Must(t, err)
		if p.Size != size && told || begins != (!began && !all) {
			t.Errorf("the roster has %d records, want %d, and begins: %v", p.Size, size, begins)
		}
	})
	storetest.MustSync(t, a, addr.String())
	storetest.Same(t, a, b)
}
