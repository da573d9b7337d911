// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A receipt of the store's own can be read at once; one of another device once its events
// came, though the log was not known before.
func TestWaitForAReceipt(t *testing.T) {
	a, b, addr := storetest.Pair(t, storetest.Small())
	own := storetest.MustAppend(t, a, 5, "event %d")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	storetest.Must(t, a.Wait(ended, own))
	if err := b.Wait(ended, own); !errors.Is(err, context.Canceled) {
		t.Errorf("before it came: %v", err)
	}
	came := make(chan error, 1)
	go func() { came <- b.Wait(ctx, own) }()
	storetest.MustSync(t, a, addr)
	storetest.Must(t, <-came)
	if r, err := storetest.LogOf(t, b, own.Log).Get(ctx, own.Seq+4); err != nil || string(r.Payload) != "event 4" {
		t.Errorf("%q, %v", r.Payload, err)
	}
	repeat := xaeroflux.Receipt{Log: own.Log, Seq: 4, Repeated: 1}
	storetest.Must(t, b.Wait(ended, repeat))
	repeat.Seq = 5
	if err := b.Wait(ended, repeat); !errors.Is(err, context.Canceled) {
		t.Errorf("a repeat of what is not here: %v", err)
	}
	if err := b.Wait(ctx, xaeroflux.Receipt{}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("of nothing: %v", err)
	}
	more := own
	more.Seq += 5
	go func() { came <- b.Wait(ctx, more) }()
	storetest.Must(t, b.Close())
	if err := <-came; !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// CaughtUp comes once, behind all that was there and before what came since, though the
// log is appended to all the time.
func TestSubscribeSaysThatItHasCaughtUp(t *testing.T) {
	db, other := ownAndOther(t, 2000)
	caught, own, others := 0, 0, 0
	q := xaeroflux.Query{CaughtUp: func() {
		if caught++; own != 2000 || others != 3 {
			t.Errorf("it has caught up after %d and %d events, want 2000 and 3", own, others)
		}
	}}
	for r, err := range db.Subscribe(ctx, q) {
		storetest.Must(t, err)
		if r.Log == other {
			others++
		} else {
			own++
		}
		if own <= 2000 && own%20 == 0 {
			storetest.MustAppend(t, db, 1, "later %d")
		}
		if own == 2050 {
			break
		}
	}
	if caught != 1 {
		t.Errorf("it has caught up %d times", caught)
	}
	after, err := db.Topics()[0].Frontier()
	storetest.Must(t, err)
	short, cancel := context.WithCancel(ctx)
	for range db.Subscribe(short, xaeroflux.Query{After: after, CaughtUp: func() { caught++; cancel() }}) {
		t.Error("something is new")
	}
	if caught != 2 {
		t.Error("with nothing to read it never has caught up")
	}
}

// An event that comes while CaughtUp runs comes behind it, of one log as of a topic.
func TestCaughtUpOfOneLog(t *testing.T) {
	db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), nil)
	storetest.MustAppend(t, db, 2, "event %d")
	seen := 0
	for _, err := range db.Subscribe(ctx, xaeroflux.Query{Log: db.Head().Log, From: 1, CaughtUp: func() {
		if seen != 1 {
			t.Errorf("after %d events", seen)
		}
		storetest.MustAppend(t, db, 1, "event %d")
	}}) {
		storetest.Must(t, err)
		if seen++; seen == 2 {
			break
		}
	}
}

// A limit of just what is there is reached and all is caught up with, whichever log comes
// last; with one event less nothing says so.
func TestCaughtUpWithALimit(t *testing.T) {
	db, _ := ownAndOther(t, 300)
	for limit, want := range map[int]int{302: 0, 303: 1, 304: 1} {
		short, cancel := context.WithCancel(ctx)
		seen, caught := 0, 0
		q := xaeroflux.Query{Limit: limit, CaughtUp: func() {
			if caught++; seen != 303 {
				t.Errorf("limit %d: it has caught up after %d events", limit, seen)
			}
			if limit > 303 {
				cancel()
			}
		}}
		for _, err := range db.Subscribe(short, q) {
			storetest.Must(t, err)
			seen++
		}
		cancel()
		if caught != want || seen != min(limit, 303) {
			t.Errorf("limit %d: %d events, caught up %d times, want %d", limit, seen, caught, want)
		}
	}
}
