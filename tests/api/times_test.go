// SPDX-License-Identifier: MPL-2.0

package api

import (
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A clock is one that the test puts, while many goroutines of the store look at it.
type clock struct{ at atomic.Pointer[time.Time] }

func clockAt(t time.Time) *clock {
	c := &clock{}
	c.put(t)
	return c
}

func (c *clock) put(t time.Time) { c.at.Store(&t) }

// clocked is small options with such a clock.
func clocked(c *clock) *xaeroflux.Options {
	o := storetest.Small()
	o.Now = func() time.Time { return *c.at.Load() }
	return o
}

// A clock that was far in the future once moves the times of a log for good: that is
// told with each append, and stops when the clock has caught up.
func TestTimesAheadOfTheClockAreTold(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_000)
	for _, wrong := range []time.Time{start.Add(time.Hour), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		now := clockAt(wrong)
		db := storetest.Open(t, t.TempDir(), clocked(now))
		if r := storetest.MustAppend(t, db, 1, "%d"); r.Ahead != 0 {
			t.Errorf("with the clock: %s ahead", r.Ahead)
		}
		now.put(start)
		for range 2 {
			if r := storetest.MustAppend(t, db, 1, "%d"); r.Ahead != r.Time.Sub(start) || r.Ahead < time.Hour {
				t.Errorf("at %s, told as %s ahead", r.Time, r.Ahead)
			}
		}
		now.put(wrong)
		if r := storetest.MustAppend(t, db, 1, "%d"); r.Ahead != 0 {
			t.Errorf("once the clock has caught up: %s ahead", r.Ahead)
		}
	}
}

// Time does not go back within a log when the clock does, in one process or the
// next, whether the last event is in a page or not.
func TestTimeNeverGoesBack(t *testing.T) {
	for _, n := range []int{1, 3000} {
		dir, start := filepath.Join(t.TempDir(), "store"), time.UnixMilli(1_700_000_000_000)
		now := clockAt(start)
		db, err := xaeroflux.Open(dir, clocked(now))
		storetest.Must(t, err)
		storetest.MustAppend(t, db, n, "event %d")
		now.put(start.Add(-time.Hour))
		if r := storetest.MustAppend(t, db, 1, "%d with the clock put back"); !r.Time.Equal(start) {
			t.Errorf("at %s, want %s", r.Time, start)
		}
		r, err := db.AppendBatch(ctx, []xaeroflux.Event{{Type: "a"}, {Type: "b"}})
		storetest.Must(t, err)
		if !r.Time.Equal(start) {
			t.Errorf("a batch at %s, want %s", r.Time, start)
		}
		storetest.Must(t, db.Close())
		now.put(start.Add(-24 * time.Hour))
		db = storetest.Open(t, dir, clocked(now))
		if r := storetest.MustAppend(t, db, 1, "%d after opening it again"); !r.Time.Equal(start) {
			t.Errorf("opened again at %s, want %s", r.Time, start)
		}
		caughtUp := start.Add(time.Second)
		now.put(caughtUp)
		if r := storetest.MustAppend(t, db, 1, "%d once the clock has caught up"); !r.Time.Equal(caughtUp) {
			t.Errorf("at %s, want %s", r.Time, caughtUp)
		}
		var last time.Time
		for rec, err := range db.Events(ctx, xaeroflux.Query{}) {
			storetest.Must(t, err)
			if rec.Time.Before(last) {
				t.Fatalf("event %d at %s, after %s", rec.Seq, rec.Time, last)
			}
			last = rec.Time
		}
	}
}

// An event comes after those that it refers to, by its time too, and carries
// refs and id to others.
func TestRefsAndIDs(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_000)
	here, there := clockAt(start), clockAt(start.Add(time.Minute))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), clocked(here))
	b, addr := storetest.Joined(t, a, clocked(there))
	storetest.MustAppend(t, b, 2, "event %d of b")
	storetest.Must(t, a.Connect(ctx, addr))
	head := b.Head()
	storetest.Await(t, func() bool { l, err := a.Log(head.Log); return err == nil && l.Size() == 2 })
	ref := xaeroflux.Ref{Log: [8]byte(head.Log[:]), Size: 2}
	id := xaeroflux.EventID{1, 2, 3}
	r, err := a.Append(ctx, xaeroflux.Event{Type: "reply", Payload: []byte("yes"), Refs: []xaeroflux.Ref{ref}, ID: id})
	storetest.Must(t, err)
	if want := start.Add(time.Minute + time.Millisecond); !r.Time.Equal(want) {
		t.Errorf("at %s, want %s", r.Time, want)
	}
	storetest.Await(t, func() bool { l, err := b.Log(r.Log); return err == nil && l.Size() == 1 })
	for rec, err := range b.Events(ctx, xaeroflux.Query{Log: r.Log}) {
		storetest.Must(t, err)
		c := rec.Clone()
		if !slices.Equal(c.Refs(), []xaeroflux.Ref{ref}) || c.EventID() != id || string(c.Payload) != "yes" || c.Hash() != rec.Hash() {
			t.Errorf("%+v, refs %v, id %x", c, c.Refs(), c.EventID())
		}
	}
	for name, x := range map[string]struct {
		e    xaeroflux.Event
		want error
	}{
		"a reserved type":      {xaeroflux.Event{Type: "xf/ask"}, xaeroflux.ErrReserved},
		"a ref to its own log": {xaeroflux.Event{Refs: []xaeroflux.Ref{{Log: [8]byte(r.Log[:]), Size: 1}}}, xaeroflux.ErrRefs},
		"refs out of order":    {xaeroflux.Event{Refs: []xaeroflux.Ref{{Log: [8]byte{2}, Size: 1}, {Log: [8]byte{1}, Size: 1}}}, xaeroflux.ErrRefs},
	} {
		if _, err := a.Append(ctx, x.e); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
		if _, err := a.AppendBatch(ctx, []xaeroflux.Event{{}, x.e}); !errors.Is(err, x.want) {
			t.Errorf("%s in a batch: %v, want %v", name, err, x.want)
		}
	}
}
