// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
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

// An author whose store was copied appends in both copies. Peers that met one
// copy or the other end with the same proof, keep what they held, and go on
// with everything else; the author hears of it in both copies.
func TestAuthorForksItself(t *testing.T) {
	for _, c := range []struct{ common, one, other int }{{0, 3, 3}, {10, 1, 5}, {1000, 9000, 20}, {10, 12_000, 8000}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
			a, copied := storetest.SplitBrain(t, o, c.common, c.one, c.other)
			id := a.Head().Log
			p, atP := storetest.JoinedAt(t, a, o, "p")
			q, atQ := storetest.JoinedAt(t, a, o, "q")
			storetest.MustAppend(t, p, 5, "event %d of p")
			storetest.MustSync(t, a, atP)
			storetest.MustSync(t, copied, atQ)
			storetest.MustSync(t, q, atP)
			storetest.MustSync(t, a, atP)
			storetest.MustSync(t, copied, atQ)
			late, _ := storetest.JoinedAt(t, a, o, "late")
			storetest.MustSync(t, late, atQ)

			want, _ := storetest.FrozenSize(t, p, id)
			for db, size := range map[*xaeroflux.DB]int{
				a: c.common + c.one, p: c.common + c.one, copied: c.common + c.other, q: c.common + c.other, late: 0,
			} {
				text, held := storetest.FrozenSize(t, db, id)
				if !bytes.Equal(text, want) || held != uint64(size) {
					t.Errorf("%s holds %d events, want %d, and the same proof: %v", filepath.Base(db.Dir()), held, size, bytes.Equal(text, want))
				}
			}
			for _, db := range []*xaeroflux.DB{a, copied} {
				if _, err := db.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
					t.Errorf("the author appends: %v", err)
				}
			}
			r := storetest.MustAppend(t, q, 7, "event %d of q, after the fork")
			storetest.MustSync(t, q, atP)
			if l, err := p.Log(r.Log); err != nil || l.Size() != 7 {
				t.Errorf("the log of q did not come to p: %v", err)
			}
			storetest.Undisturbed(t, p)
			storetest.Undisturbed(t, q)
		})
	}
}

// awaitFrozen waits for the proof of a fork. Peers that meet in the middle of it
// ask each other again after seconds, so this may take a while.
func awaitFrozen(t *testing.T, db *xaeroflux.DB, id xaeroflux.LogID) {
	t.Helper()
	var l *xaeroflux.Log
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var err error
		if l, err = db.Log(id); err == nil {
			if _, frozen := l.Frozen(); frozen {
				return
			}
		}
	}
	if l == nil {
		t.Fatalf("%s does not know the log", filepath.Base(db.Dir()))
	}
	t.Fatalf("%s has %d events of %d and is not frozen: %+v, %+v", filepath.Base(db.Dir()), l.Size(), l.Head().Size, db.Peers(), db.Actors())
}

// A frozen log stays frozen when the store is opened again, with a file of
// the proof, also if the row or the file was lost.
func TestForkIsKept(t *testing.T) {
	o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := storetest.SplitBrain(t, o, 2, 1, 1)
	p, atP := storetest.JoinedAt(t, a, o, "p")
	storetest.MustSync(t, a, atP)
	storetest.MustSync(t, copied, atP)
	id := a.Head().Log
	text, _ := storetest.FrozenSize(t, p, id)
	if _, err := copied.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("the copy appends: %v", err)
	}
	for _, db := range []*xaeroflux.DB{p, copied} {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(db.Dir(), "forks", id.String()+".fork")
		if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, text) {
			t.Errorf("%s: %v, want the proof", file, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		again := storetest.Open(t, db.Dir(), o)
		if got, _ := storetest.FrozenSize(t, again, id); !bytes.Equal(got, text) {
			t.Error("another proof")
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("the file is not there again: %v", err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	copied = storetest.Open(t, copied.Dir(), o)
	if _, err := copied.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("the copy appends after it was opened again: %v", err)
	}
	fresh, _ := storetest.JoinedAt(t, a, o, "fresh") // as after its AOF was made anew
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(fresh.Dir(), "forks"), os.DirFS(filepath.Join(p.Dir(), "forks"))); err != nil {
		t.Fatal(err)
	}
	storetest.FrozenSize(t, storetest.Open(t, fresh.Dir(), o), id)
}

// A peer that hears both histories at the same time stores one of them, or a
// part, and nothing that is no history at all.
func TestBothHistoriesAtOnce(t *testing.T) {
	for _, n := range []int{30, 4000, 15_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := storetest.OnMemory(transport.NewMemory(transport.MemoryOptions{}))
			a, copied := storetest.SplitBrain(t, o, n/100, n, n+n/2)
			id := a.Head().Log
			p, atP := storetest.JoinedAt(t, a, o, "p")
			q, atQ := storetest.JoinedAt(t, a, o, "q")
			storetest.MustSync(t, a, atP)
			storetest.MustSync(t, copied, atQ)
			m, _ := storetest.JoinedAt(t, a, o, "m")
			for _, at := range []string{atP, atQ} {
				if err := m.Connect(ctx, at); err != nil {
					t.Fatal(err)
				}
			}
			for _, db := range []*xaeroflux.DB{m, p, q} {
				awaitFrozen(t, db, id)
			}
			storetest.Undisturbed(t, m)
		})
	}
}
