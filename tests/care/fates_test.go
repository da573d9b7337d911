// SPDX-License-Identifier: MPL-2.0

package care

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// Nothing is appended with a context that has ended.
func TestEndedContextAppendsNothing(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 1, "event %d")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 10 {
		_, one := db.Append(ctx, xaeroflux.Event{Payload: []byte("one")})
		_, many := db.AppendBatch(ctx, []xaeroflux.Event{{Payload: []byte("a")}, {ID: xaeroflux.EventID{byte(i + 1)}}})
		for _, err := range []error{one, many} {
			if !errors.Is(err, context.Canceled) || errors.Is(err, xaeroflux.ErrUncertain) {
				t.Errorf("%v, want it to be cancelled and nothing stored", err)
			}
		}
	}
	storetest.MustAppend(t, db, 1, "event %d") // all that waited is committed with it
	if size := db.Head().Size; size != 2 {
		t.Errorf("%d events, want 2", size)
	}
}

// Of many who expect the same size one wins, and the others learn the size.
func TestExpect(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	const callers, rounds = 8, 20
	for round := range uint64(rounds) {
		var wg sync.WaitGroup
		won := make(chan uint64, callers)
		for i := range callers {
			wg.Go(func() {
				r, err := db.Append(t.Context(), xaeroflux.Event{Payload: fmt.Append(nil, i)}, xaeroflux.Expect(round))
				var size *xaeroflux.ExpectError
				switch {
				case err == nil:
					won <- r.Seq
				case !errors.As(err, &size) || !errors.Is(err, xaeroflux.ErrExpect):
					t.Error(err)
				case size.Expected != round || size.Size != round+1 || xaeroflux.LogID(size.Log) != db.Head().Log:
					t.Errorf("%+v", size)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || <-won != round {
			t.Fatalf("round %d: %d callers won", round, len(won)+1)
		}
	}
	at := uint64(rounds)
	first, err := db.Append(t.Context(), xaeroflux.Event{}, xaeroflux.Expect(at), xaeroflux.WithID(xaeroflux.EventID{7}))
	if err != nil {
		t.Fatal(err)
	}
	again, err := db.Append(t.Context(), xaeroflux.Event{}, xaeroflux.Expect(at), xaeroflux.WithID(xaeroflux.EventID{7}))
	if err != nil || again.Repeated != 1 || again.Seq != first.Seq {
		t.Errorf("a repeat after the log grew: %+v, %v", again, err)
	}
}

// A batch with an id is there once and whole, also after the store was opened
// again; events around it have nothing to do with it.
func TestRepeatedBatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	db := storetest.Open(t, dir, nil)
	batch := []xaeroflux.Event{{Payload: []byte("a")}, {Payload: []byte("b")}, {Payload: []byte("c")}}
	id := xaeroflux.EventID{1, 2}
	storetest.MustAppend(t, db, 5, "event %d")
	if _, found, err := db.Topics()[0].Find(t.Context(), id); found || err != nil {
		t.Errorf("found %v, %v before it is appended", found, err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := db.AppendBatch(t.Context(), batch, xaeroflux.WithID(id))
			if err != nil || r.Seq != 5 || r.Count+r.Repeated != 3 || r.Count != 0 && r.Count != 3 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	storetest.MustAppend(t, db, 5, "event %d")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = storetest.Open(t, dir, nil)
	r, err := db.AppendBatch(t.Context(), batch, xaeroflux.WithID(id))
	if err != nil || r.Seq != 5 || r.Count != 0 || r.Repeated != 3 || r.Size != 13 {
		t.Errorf("repeated: %+v, %v", r, err)
	}
	at, found, err := db.Topics()[0].Find(t.Context(), id)
	if err != nil || !found || at.Seq != 5 || at.Log != r.Log || at.Time != r.Time {
		t.Errorf("found %v at %+v, %v", found, at, err)
	}
	if batch[0].ID != (xaeroflux.EventID{}) {
		t.Error("the caller's events were changed")
	}
	batch[0].ID = xaeroflux.EventID{9}
	if _, err := db.AppendBatch(t.Context(), batch, xaeroflux.WithID(id)); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("two ids for one event: %v", err)
	}
}
