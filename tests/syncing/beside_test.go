// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A join or leave whose context ends is made or not, and sessions know which.
func TestTopicsChangeWholeOrNot(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, b, at := storetest.Pair(t, net)
	storetest.MustSync(t, a, at)
	said := xaeroflux.Event{Payload: []byte("before b is here")}
	for i := range 24 {
		soon := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
		}
		here, err := a.CreateTopic(ctx, fmt.Sprint("topic ", i), nil)
		storetest.Must(t, err)
		_, err = here.Append(ctx, said)
		storetest.Must(t, err)
		limit, cancel := soon()
		_, err = b.Join(limit, storetest.Invited(here))
		cancel()
		if joined := len(b.Topics()) > 1; joined != (err == nil) {
			t.Fatalf("%d: joined %v, and it says %v", i, joined, err)
		} else if !joined {
			continue
		}
		storetest.MustSync(t, a, at)
		if l, err := b.Log(here.Log().ID()); err != nil || l.Size() != 1 {
			t.Fatalf("%d: after the sync, b does not hold the event: %v", i, err)
		}
		limit, cancel = soon()
		err = b.Topics()[1].Leave(limit, nil)
		cancel()
		if left := len(b.Topics()) == 1; left != (err == nil) {
			t.Fatalf("%d: left %v, and it says %v", i, left, err)
		} else if !left {
			storetest.Must(t, b.Topics()[1].Leave(ctx, nil))
		}
		_, err = here.Append(ctx, said)
		storetest.Must(t, err)
		storetest.MustSync(t, a, at)
		if l, err := b.Log(here.Log().ID()); err != nil || l.Size() != 1 {
			t.Fatalf("%d: b took an event of a topic that it left: %v", i, err)
		}
	}
}

// What is appended beside a join is in the default topic that there is then, and so is
// whoever was invited to it.
func TestAppendBesideJoin(t *testing.T) {
	net := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	other := storetest.Open(t, filepath.Join(t.TempDir(), "other"), net)
	for i := range 12 {
		db := storetest.Open(t, filepath.Join(t.TempDir(), "db"), net)
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Duration(i%4) * 200 * time.Microsecond)
			_, err := db.Append(ctx, xaeroflux.Event{Payload: []byte("the first")})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := db.Join(ctx, storetest.Invited(other)); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		n := 0
		for _, err := range db.Events(ctx, xaeroflux.Query{}) {
			storetest.Must(t, err)
			n++
		}
		if n != 1 {
			t.Errorf("%d: the default topic holds %d events, want the one that was appended to it", i, n)
		}
	}
}

// Two stores that sync with each other at the same moment both succeed.
func TestSyncsThatCross(t *testing.T) {
	for i := range 12 {
		a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
		b, atB := storetest.Joined(t, a, storetest.Small())
		at, err := a.Listen(ctx, "127.0.0.1:0")
		storetest.Must(t, err)
		storetest.MustAppend(t, a, 1, "event %d of a")
		storetest.MustAppend(t, b, 1, "event %d of b")
		var wg sync.WaitGroup
		for from, to := range map[*xaeroflux.DB]string{a: atB, b: at.String()} {
			wg.Go(func() {
				if _, err := from.Sync(ctx, to); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
		storetest.Same(t, a, b)
		storetest.Must(t, errors.Join(a.Close(), b.Close()))
	}
}

// Whoever is meant by a sync is somebody else.
func TestSyncWithOneself(t *testing.T) {
	a := storetest.Open(t, t.TempDir(), nil)
	at, err := a.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	if _, err := a.Sync(ctx, at.String()); !errors.Is(err, xaeroflux.ErrAddress) {
		t.Errorf("with its own address: %v", err)
	}
	if _, err := a.Listen(ctx, ""); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("at no place: %v", err)
	}
	if _, err := a.SyncOver(ctx, nil, "nowhere"); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("over nothing: %v", err)
	}
}
