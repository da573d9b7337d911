// SPDX-License-Identifier: MPL-2.0

package care

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// loseAOF makes the AOF one that LMDB cannot open, of which rows can be read, or
// removes it.
func loseAOF(t *testing.T, dir string, all bool) {
	t.Helper()
	path := filepath.Join(dir, "aof", "data.mdb")
	if all {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[:8192]) // both meta pages
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// appendIDs appends n events with ids, and returns their places.
func appendIDs(t *testing.T, db *xaeroflux.DB, n int) (at []xaeroflux.Receipt) {
	t.Helper()
	for i := range n {
		r, err := db.Append(ctx, xaeroflux.Event{ID: xaeroflux.EventID{byte(i), 1}, Payload: fmt.Appendf(nil, "event %d, which is to be stored once, however often it is appended", i)})
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, r)
	}
	return at
}

// A repeated append is a repeat after a repair too: of events in pages and behind
// them, of which rows were left, or none.
func TestRepairKeepsEventIDs(t *testing.T) {
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprint("all of the AOF is gone: ", all), func(t *testing.T) {
			a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
			b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, PageBytes: 4096, SegmentPages: 4, Invite: storetest.Invited(a)})
			at := appendIDs(t, a, 100)
			addr, err := b.Listen(ctx, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			storetest.MustSync(t, a, addr.String())
			size, invite := a.Head().Size, storetest.Invited(a)
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			loseAOF(t, a.Dir(), all)
			r, err := xaeroflux.Repair(ctx, a.Dir(), xaeroflux.RepairOptions{From: []string{addr.String()}, Invites: []string{invite}})
			if err != nil || !r.Clean() {
				t.Fatalf("%+v, %v", r, err)
			}
			a = storetest.Open(t, a.Dir(), storetest.Small())
			for i, again := range appendIDs(t, a, 100) {
				if again.Log != at[i].Log || again.Seq != at[i].Seq {
					t.Fatalf("event %d is at %d of log %s, was at %d of %s", i, again.Seq, again.Log.Short(), at[i].Seq, at[i].Log.Short())
				}
			}
			if now := a.Head().Size; now != size {
				t.Errorf("%d events, had %d", now, size)
			}
		})
	}
}

// A witness whose AOF was lost does not know what it cosigned, and cosigns
// nothing until a person decides: it could be another history.
func TestRepairedWitnessDoesNotCosign(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	w, atW := storetest.JoinedAt(t, a, o, "w")
	storetest.MustAppend(t, a, 100, "event %d")
	cosigned := func(want error) {
		t.Helper()
		if err := a.Connect(ctx, atW); err != nil {
			t.Fatal(err)
		}
		storetest.MustAppend(t, a, 1, "one more, so that there is a head to be cosigned: %d")
		few, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if _, err := a.Cosigned(few, 1); !errors.Is(err, want) {
			t.Errorf("cosigned: %v, want %v", err, want)
		}
	}
	atA, err := a.Listen(ctx, "a:0")
	if err != nil {
		t.Fatal(err)
	}
	cosigned(nil)
	do := xaeroflux.RepairOptions{From: []string{atA.String()}, NewCarrier: o.NewCarrier}
	repair := func() {
		t.Helper()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !do.CosignAgain {
			loseAOF(t, w.Dir(), false)
		}
		if r, err := xaeroflux.Repair(ctx, w.Dir(), do); err != nil || !r.Clean() {
			t.Fatalf("%+v, %v", r, err)
		}
		w = storetest.Open(t, w.Dir(), o)
		addr, err := w.Listen(ctx, "w:0")
		if err != nil {
			t.Fatal(err)
		}
		atW = addr.String()
	}
	repair()
	cosigned(xaeroflux.ErrWitnesses)
	do.CosignAgain = true
	repair()
	cosigned(nil)
}
