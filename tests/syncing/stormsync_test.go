// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// write makes a store append one event after another until stop is called.
func write(t testing.TB, db *xaeroflux.DB) (stop func()) {
	t.Helper()
	limit, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; limit.Err() == nil; i++ {
			if _, err := db.Append(ctx, xaeroflux.Event{Type: "note", Payload: fmt.Append(nil, "event ", i)}); err != nil {
				t.Errorf("append: %v", err)
				return
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// sizes returns the size of every log.
func sizes(t testing.TB, db *xaeroflux.DB) map[xaeroflux.LogID]uint64 {
	t.Helper()
	topic, err := db.Topic(xaeroflux.TopicID(xaeroflux.LogID{}))
	if err != nil {
		t.Fatal(err)
	}
	logs, err := topic.Logs()
	if err != nil {
		t.Fatal(err)
	}
	all := map[xaeroflux.LogID]uint64{}
	for _, l := range logs {
		all[l.ID()] = l.Size()
	}
	return all
}

// Three stores write without a pause. A sync of two of them ends all the same, in a new
// session, over the one there is, and over pipes, and both then hold whatever either had
// acknowledged when it was asked for.
func TestSyncEndsWhileMembersWrite(t *testing.T) {
	a, b, addr := storetest.Pair(t, storetest.Small())
	c := storetest.Open(t, filepath.Join(t.TempDir(), "c"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(a)})
	if err := c.Connect(ctx, addr); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*xaeroflux.DB{a, b, c} {
		defer write(t, db)()
	}
	d := storetest.Open(t, filepath.Join(t.TempDir(), "d"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(a)})
	for i := range 4 {
		db, sync := a, func(limit context.Context) error { _, err := a.Sync(limit, addr); return err }
		if i == 3 {
			db, sync = d, func(limit context.Context) error {
				near, far := net.Pipe()
				go b.ServeOver(ctx, far, "far")
				_, err := d.SyncOver(limit, near, "near")
				return err
			}
		}
		held := sizes(t, db)
		for id, size := range sizes(t, b) {
			held[id] = max(held[id], size)
		}
		limit, cancel := context.WithTimeout(ctx, time.Minute)
		if err := sync(limit); err != nil {
			t.Fatalf("sync %d: %v", i, err)
		}
		cancel()
		holdsAtLeast(t, db, held)
		holdsAtLeast(t, b, held)
	}
}

// holdsAtLeast fails if a store holds less of a log.
func holdsAtLeast(t testing.TB, db *xaeroflux.DB, sizesOf map[xaeroflux.LogID]uint64) {
	t.Helper()
	has := sizes(t, db)
	for id, size := range sizesOf {
		if has[id] < size {
			t.Errorf("a store holds %d of %d events of log %s", has[id], size, id.Short())
		}
	}
}
