// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// processed processes n events, ends, and returns the sequences that came.
func processed(t *testing.T, db *xaeroflux.DB, name string, from xaeroflux.Frontier, n int) (seqs []uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := db.Process(ctx, name, from, func(_ context.Context, records []xaeroflux.Record) error {
		for _, r := range records {
			seqs = append(seqs, r.Seq)
		}
		if len(seqs) >= n {
			cancel()
		}
		return nil // though ctx ended: they are done
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}
	return seqs
}

// consecutive reports whether sequences are those from first on, without a gap.
func consecutive(seqs []uint64, first uint64) bool {
	for i, seq := range seqs {
		if seq != first+uint64(i) {
			return false
		}
	}
	return true
}

// A Process goes on where the one before it returned nil, also in another life of the
// store: nothing is missing, and nothing comes twice.
func TestProcessGoesOnFromItsCursor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := storetest.Open(t, dir, storetest.Small())
	storetest.MustAppend(t, db, 700, "event %d")
	seen := processed(t, db, "count", nil, 300)
	if len(seen) >= 700 {
		t.Fatalf("a batch of %d", len(seen))
	}
	storetest.Must(t, db.Close())
	db = storetest.Open(t, dir, nil)
	storetest.MustAppend(t, db, 50, "event %d")
	seen = append(seen, processed(t, db, "count", nil, 750-len(seen))...)
	if len(seen) != 750 || !consecutive(seen, 0) {
		t.Errorf("%d events: %v", len(seen), seen)
	}
	if again := processed(t, db, "other", nil, 750); len(again) != 750 || !consecutive(again, 0) {
		t.Errorf("another name has %d events", len(again))
	}
}

// A caller that keeps the cursor with its work is given what follows it, and the store
// keeps none.
func TestProcessFromOnesOwnFrontier(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 10, "event %d")
	own, log := xaeroflux.Frontier{}, db.Head().Log
	given := own.Clone()
	if seqs := processed(t, db, "own", given, 10); !consecutive(seqs, 0) {
		t.Errorf("from the beginning: %v", seqs)
	}
	if len(given) != 0 {
		t.Errorf("the caller's frontier was changed: %v", given)
	}
	own.Add(xaeroflux.Record{Log: log, Seq: 6}, xaeroflux.Record{Log: log, Seq: 5})
	if seqs := processed(t, db, "own", own, 3); !slices.Equal(seqs, []uint64{7, 8, 9}) {
		t.Errorf("from event 7: %v", seqs)
	}
	now, err := db.Topics()[0].Frontier()
	storetest.Must(t, err)
	storetest.MustAppend(t, db, 2, "event %d")
	if seqs := processed(t, db, "own", now, 2); !slices.Equal(seqs, []uint64{10, 11}) {
		t.Errorf("from then on: %v", seqs)
	}
	if seqs := processed(t, db, "own", nil, 12); !consecutive(seqs, 0) {
		t.Errorf("the store kept a cursor: %v", seqs)
	}
}

// A Process of a topic is given its events, and those of no other.
func TestProcessOfATopic(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 3, "not this %d")
	topic, err := db.CreateTopic(ctx, "second", &xaeroflux.TopicOptions{Kind: xaeroflux.OpenTopic})
	storetest.Must(t, err)
	_, err = topic.Append(ctx, xaeroflux.Event{Payload: []byte("this")})
	storetest.Must(t, err)
	err = topic.Process(ctx, "it", nil, func(_ context.Context, records []xaeroflux.Record) error {
		if len(records) != 1 || string(records[0].Payload) != "this" {
			t.Errorf("%+v", records)
		}
		return xaeroflux.ErrStop
	})
	if !errors.Is(err, xaeroflux.ErrStop) {
		t.Errorf("it ended with %v", err)
	}
}

// A function that fails is given the same events again, which is shown, with what is
// still before it; other logs go on.
func TestProcessThatFails(t *testing.T) {
	db, other := ownAndOther(t, 500)
	reason := errors.New("no room for it here")
	var failures, done atomic.Int64
	var mended atomic.Bool
	ended := make(chan error, 1)
	go func() {
		ended <- db.Process(ctx, "it", nil, func(_ context.Context, records []xaeroflux.Record) error {
			if records[0].Log != other || mended.Load() {
				done.Add(int64(len(records)))
				return nil
			}
			failures.Add(1)
			return reason
		})
	}()
	eventually(t, "they do not come again", func() bool { return failures.Load() >= 4 })
	eventually(t, "the own log waits for the other one", func() bool { return done.Load() == 500 })
	eventually(t, "only the other log is before it", func() bool { return stateOf(db).Lag == 3 })
	if s := stateOf(db); !strings.Contains(s.LastError, reason.Error()) || !strings.Contains(s.LastError, other.Short()) || s.Cursor != "500 events, 1 logs wait after an error" {
		t.Errorf("it is shown as %+v", s)
	}
	mended.Store(true)
	eventually(t, "they never come again", func() bool { return done.Load() == 503 })
	eventually(t, "something is before it", func() bool { s := stateOf(db); return s.Lag == 0 && s.Cursor == "503 events" })
	storetest.Must(t, db.Close())
	if err := <-ended; !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("after Close it ended with %v", err)
	}
}

// A function may close the store that it works for: its context ends, and nothing waits.
func TestProcessMayClose(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 1, "event %d")
	err := db.Process(ctx, "it", nil, func(ctx context.Context, _ []xaeroflux.Record) error {
		storetest.Must(t, db.Close())
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
}

// A panic of the function is the caller's, and gives the name back: among them that of a
// frontier that is nil.
func TestProcessThatPanics(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 2, "event %d")
	for _, from := range []xaeroflux.Frontier{nil, {}} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "nil Frontier") {
					t.Errorf("recovered %v", r)
				}
			}()
			err := db.Process(ctx, "it", from, func(_ context.Context, records []xaeroflux.Record) error {
				var mine xaeroflux.Frontier
				mine.Add(records...)
				return nil
			})
			t.Errorf("it ended with %v", err)
		}()
	}
	if seqs := processed(t, db, "it", nil, 2); !consecutive(seqs, 0) {
		t.Errorf("then %v came", seqs)
	}
}

// ErrStop ends it, and the cursor stays before the events that it came with.
func TestProcessStops(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 5, "event %d")
	err := db.Process(ctx, "it", nil, func(context.Context, []xaeroflux.Record) error { return xaeroflux.ErrStop })
	if !errors.Is(err, xaeroflux.ErrStop) {
		t.Errorf("it ended with %v", err)
	}
	if seqs := processed(t, db, "it", nil, 5); !consecutive(seqs, 0) || len(seqs) != 5 {
		t.Errorf("then %v came", seqs)
	}
}

// One at a time has a name, whichever it is; what ended gives it back.
func TestNamesAreHadByOne(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 1, "event %d")
	nothing := func(context.Context, []xaeroflux.Record) error { return nil }
	none := receiver(func(m *xaeroflux.Committed) { m.Done(nil) })
	taken := func(by string) {
		t.Helper()
		if err := db.Process(ctx, "it", nil, nothing); !errors.Is(err, xaeroflux.ErrRegistered) {
			t.Errorf("a Process beside %s: %v", by, err)
		}
		if _, err := db.Spawn("it", none.props(), nil); !errors.Is(err, xaeroflux.ErrRegistered) {
			t.Errorf("a Spawn beside %s: %v", by, err)
		}
		if err := db.ForgetCursor(ctx, "it"); !errors.Is(err, xaeroflux.ErrRegistered) {
			t.Errorf("ForgetCursor beside %s: %v", by, err)
		}
	}
	err := db.Process(ctx, "it", xaeroflux.Frontier{}, func(context.Context, []xaeroflux.Record) error {
		taken("a Process")
		return xaeroflux.ErrStop
	})
	if !errors.Is(err, xaeroflux.ErrStop) {
		t.Error(err)
	}
	s := spawn(t, db, none, nil)
	taken("a Spawn")
	storetest.Must(t, s.Stop(ctx))
	storetest.Must(t, db.ForgetCursor(ctx, "it"))
	processed(t, db, "it", nil, 1)
	for _, name := range []string{"", "a/b", strings.Repeat("n", 65)} {
		if err := db.Process(ctx, name, nil, nothing); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("as %q: %v", name, err)
		}
		if err := db.ForgetCursor(ctx, name); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("forget %q: %v", name, err)
		}
	}
	if err := db.Process(ctx, "it", nil, nil); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("without a function: %v", err)
	}
}

// A cursor that is forgotten begins anew, and no other does.
func TestForgetCursor(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 4, "event %d")
	for _, name := range []string{"a", "ab", "a\x00b"} {
		processed(t, db, name, nil, 4)
	}
	storetest.Must(t, db.ForgetCursor(ctx, "a"))
	storetest.Must(t, db.ForgetCursor(ctx, "never was"))
	storetest.MustAppend(t, db, 1, "event %d")
	for name, want := range map[string]int{"a": 5, "ab": 1, "a\x00b": 1} {
		if seqs := processed(t, db, name, nil, want); len(seqs) != want {
			t.Errorf("%q: %v, want %d", name, seqs, want)
		}
	}
}

// A store that was opened read-only keeps no cursor, which is said before any work; one's
// own does.
func TestProcessOfAReadOnlyStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := storetest.Open(t, dir, nil)
	storetest.MustAppend(t, db, 4, "event %d")
	processed(t, db, "it", nil, 4)
	storetest.Must(t, db.Close())
	db = storetest.Open(t, dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, ReadOnly: true})
	err := db.Process(ctx, "it", nil, func(context.Context, []xaeroflux.Record) error { return xaeroflux.ErrStop })
	if !errors.Is(err, xaeroflux.ErrReadOnly) {
		t.Errorf("with the store's cursor: %v", err)
	}
	if err := db.ForgetCursor(ctx, "it"); !errors.Is(err, xaeroflux.ErrReadOnly) {
		t.Errorf("forget: %v", err)
	}
	if seqs := processed(t, db, "it", xaeroflux.Frontier{}, 4); len(seqs) != 4 {
		t.Errorf("with one's own: %v", seqs)
	}
}
