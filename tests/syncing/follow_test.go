// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// sizeOf returns how many events of a log a store holds.
func sizeOf(db *xaeroflux.DB, id xaeroflux.LogID) uint64 {
	l, err := db.Log(id)
	if err != nil {
		return 0
	}
	return l.Size()
}

// A store that follows one author of a topic gets that log and forwards it; and
// the rest once it follows all. It remembers what it follows.
func TestFollowSomeLogs(t *testing.T) {
	v := newVillage(t, 3, *storetest.Small())
	ada, ben, cy := v.dbs[0], v.dbs[1], v.dbs[2]
	topic := func(db *xaeroflux.DB) *xaeroflux.Topic { return db.Topics()[0] }
	storetest.MustAppend(t, ada, 500, "ada %d")
	storetest.MustAppend(t, ben, 10, "ben %d")
	storetest.MustAppend(t, cy, 20, "cy %d")
	adas, bens, cys := ada.Head().Log, ben.Head().Log, cy.Head().Log

	// Ben is between the others, and follows Ada by her key.
	if err := topic(ben).Follow(ctx, xaeroflux.Name(ada.Head().Author)); err != nil {
		t.Fatal(err)
	}
	v.connect(1, 0)
	v.connect(1, 2)
	storetest.Await(t, func() bool { return sizeOf(cy, adas) == 500 && sizeOf(ada, bens) == 10 && sizeOf(cy, bens) == 10 })
	storetest.MustAppend(t, ada, 5, "live %d")
	storetest.Await(t, func() bool { return sizeOf(cy, adas) == 505 })
	if n, m := sizeOf(ben, cys), sizeOf(ada, cys); n+m > 0 {
		t.Fatalf("%d and %d events of a log that nobody asked for", n, m)
	}

	// It is remembered.
	if err := ben.Close(); err != nil {
		t.Fatal(err)
	}
	v.start(1, *storetest.Small())
	ben = v.dbs[1]
	if names, all := topic(ben).Followed(); all || len(names) != 1 || names[0] != xaeroflux.Name(ada.Head().Author) {
		t.Fatalf("follows %v, all %v", names, all)
	}
	storetest.MustAppend(t, cy, 3, "more %d")
	v.connect(1, 0)
	v.connect(1, 2)
	storetest.MustAppend(t, ada, 5, "later %d")
	storetest.Await(t, func() bool { return sizeOf(cy, adas) == 510 })
	if sizeOf(ben, cys) > 0 {
		t.Fatal("events of a log that is not followed")
	}

	// And all of it comes once it is wanted.
	if err := topic(ben).FollowAll(ctx); err != nil {
		t.Fatal(err)
	}
	storetest.Await(t, func() bool { return sizeOf(ben, cys) == 23 && sizeOf(ada, cys) == 23 })
	v.converged()
}

// A fork is told to a store that does not follow the log, by a peer that knew
// before they met.
func TestForkOfLogNotFollowed(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 10, 3, 5)
	knows, at := storetest.JoinedAt(t, a, o, "knows")
	for _, db := range []*xaeroflux.DB{a, copied} {
		if _, err := db.Sync(ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	forked := a.Head().Log
	storetest.FrozenSize(t, knows, forked)
	storetest.MustAppend(t, knows, 4, "event %d")

	b, _ := storetest.JoinedAt(t, a, o, "b")
	storetest.Must(t, b.Topics()[0].Follow(ctx, xaeroflux.Name(knows.Head().Log)))
	storetest.MustSync(t, b, at)
	if _, size := storetest.FrozenSize(t, b, forked); size > 0 || sizeOf(b, knows.Head().Log) != 4 {
		t.Errorf("%d events of the forked log, %d of the one that is followed", size, sizeOf(b, knows.Head().Log))
	}
}

// A session goes on whatever is chosen: for the same again nothing is said, and
// for another choice the topic is left and offered again.
func TestFollowKeepsSessions(t *testing.T) {
	v := newVillage(t, 3, *storetest.Small())
	topic, bens, cyds := v.dbs[0].Topics()[0], v.dbs[1].Head().Log, v.dbs[2].Head().Log
	storetest.MustAppend(t, v.dbs[2], 5, "event %d that nobody asked for")
	storetest.MustSync(t, v.dbs[1], v.addr(2))
	storetest.Must(t, topic.Follow(ctx, xaeroflux.Name(bens)))
	v.connect(0, 1)
	peer := func() xaeroflux.PeerStatus {
		for _, p := range v.dbs[0].Peers() {
			if p.Connected() {
				return p
			}
		}
		return xaeroflux.PeerStatus{}
	}
	storetest.Await(t, func() bool { return peer().InSync })
	before := peer().Since
	storetest.Must(t, topic.Follow(ctx, xaeroflux.Name(bens), xaeroflux.Name(bens)))
	if !peer().InSync {
		t.Error("the same again: out of sync")
	}
	storetest.MustAppend(t, v.dbs[1], 3, "event %d after it")
	storetest.Await(t, func() bool { return sizeOf(v.dbs[0], bens) == 3 })
	if n := sizeOf(v.dbs[0], cyds); n > 0 {
		t.Errorf("%d events of a log that is not followed", n)
	}
	storetest.Must(t, topic.FollowAll(ctx))
	storetest.Await(t, func() bool { return sizeOf(v.dbs[0], cyds) == 5 && peer().InSync })
	if now := peer().Since; !now.Equal(before) {
		t.Errorf("a session from %v, before from %v", now, before)
	}
}

func TestFollowTooMany(t *testing.T) {
	db := storetest.Open(t, t.TempDir()+"/s", nil)
	topic := db.Topics()[0]
	names := make([]xaeroflux.Name, 4096)
	for i := range names {
		names[i] = xaeroflux.Name{byte(i), byte(i >> 8)}
	}
	if err := topic.Follow(ctx, names...); !errors.Is(err, xaeroflux.ErrTooMany) {
		t.Fatal(err)
	}
	if _, all := topic.Followed(); !all {
		t.Fatal("a call that failed changed what is followed")
	}
	if err := topic.Follow(ctx, names[1:]...); err != nil {
		t.Fatal(err)
	}
	if got, all := topic.Followed(); all || len(got) != 4095 {
		t.Fatalf("%d, %v", len(got), all)
	}
}
