// SPDX-License-Identifier: MPL-2.0

package tests

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/transport"
)

// onMemory are options for a store on a network in memory.
func onMemory(m *transport.Memory) *xaeroflux.Options {
	o := small()
	o.NewCarrier = func(key ed25519.PrivateKey) (transport.Carrier, error) { return m.NodeOf(key), nil }
	return o
}

// splitBrain makes two copies of a store with common events in them, and
// appends to both.
func splitBrain(t *testing.T, o *xaeroflux.Options, common, one, other int) (a, copied *xaeroflux.DB) {
	t.Helper()
	a = open(t, filepath.Join(t.TempDir(), "a"), o)
	for done := 0; done < common; done += 1000 {
		mustAppend(t, a, min(1000, common-done), "event %d, before the copy was made")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(a.Dir())); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "identity.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	adopted := *o
	adopted.Adopt = true // against what it says, as both are used
	a, copied = open(t, a.Dir(), o), open(t, dir, &adopted)
	for done := 0; done < one; done += 1000 {
		mustAppend(t, a, min(1000, one-done), "event %d of the first copy")
	}
	for done := 0; done < other; done += 1000 {
		mustAppend(t, copied, min(1000, other-done), "event %d of the second copy, which is another one")
	}
	return a, copied
}

// joinedAt opens a further store in a's topic that listens.
func joinedAt(t *testing.T, a *xaeroflux.DB, o *xaeroflux.Options, name string) (*xaeroflux.DB, string) {
	t.Helper()
	with := *o
	with.Invite = invited(a)
	db := open(t, filepath.Join(t.TempDir(), name), &with)
	addr, err := db.Listen(ctx, name+":0")
	if err != nil {
		t.Fatal(err)
	}
	return db, addr.String()
}

func frozenSize(t *testing.T, db *xaeroflux.DB, id xaeroflux.LogID) (text []byte, size uint64) {
	t.Helper()
	l, err := db.Log(id)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := l.Frozen()
	if !ok {
		t.Fatalf("log %s is not frozen", id.Short())
	}
	p, err := proof.ParseFork(f.Text)
	if err == nil {
		err = p.Verify()
	}
	if err != nil || f.Log != id || f.Log != xaeroflux.LogID(p.Log()) {
		t.Errorf("a proof of log %s, want %s: %v", f.Log.Short(), id.Short(), err)
	}
	return f.Text, l.Size()
}

// An author whose store was copied appends in both copies. Peers that met one
// copy or the other end with the same proof, keep what they held, and go on
// with everything else; the author hears of it in both copies.
func TestAuthorForksItself(t *testing.T) {
	for _, c := range []struct{ common, one, other int }{{0, 3, 3}, {10, 1, 5}, {1000, 9000, 20}, {10, 12_000, 8000}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
			a, copied := splitBrain(t, o, c.common, c.one, c.other)
			id := a.Head().Log
			p, atP := joinedAt(t, a, o, "p")
			q, atQ := joinedAt(t, a, o, "q")
			mustAppend(t, p, 5, "event %d of p")
			mustSync(t, a, atP)
			mustSync(t, copied, atQ)
			mustSync(t, q, atP)
			mustSync(t, a, atP)
			mustSync(t, copied, atQ)
			late, _ := joinedAt(t, a, o, "late")
			mustSync(t, late, atQ)

			want, _ := frozenSize(t, p, id)
			for db, size := range map[*xaeroflux.DB]int{
				a: c.common + c.one, p: c.common + c.one, copied: c.common + c.other, q: c.common + c.other, late: 0,
			} {
				text, held := frozenSize(t, db, id)
				if !bytes.Equal(text, want) || held != uint64(size) {
					t.Errorf("%s holds %d events, want %d, and the same proof: %v", filepath.Base(db.Dir()), held, size, bytes.Equal(text, want))
				}
			}
			for _, db := range []*xaeroflux.DB{a, copied} {
				if _, err := db.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
					t.Errorf("the author appends: %v", err)
				}
			}
			r := mustAppend(t, q, 7, "event %d of q, after the fork")
			mustSync(t, q, atP)
			if l, err := p.Log(r.Log); err != nil || l.Size() != 7 {
				t.Errorf("the log of q did not come to p: %v", err)
			}
			undisturbed(t, p)
			undisturbed(t, q)
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
	o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
	a, copied := splitBrain(t, o, 2, 1, 1)
	p, atP := joinedAt(t, a, o, "p")
	mustSync(t, a, atP)
	mustSync(t, copied, atP)
	id := a.Head().Log
	text, _ := frozenSize(t, p, id)
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
		again := open(t, db.Dir(), o)
		if got, _ := frozenSize(t, again, id); !bytes.Equal(got, text) {
			t.Error("another proof")
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("the file is not there again: %v", err)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	copied = open(t, copied.Dir(), o)
	if _, err := copied.Append(ctx, xaeroflux.Event{}); !errors.Is(err, xaeroflux.ErrFrozen) {
		t.Errorf("the copy appends after it was opened again: %v", err)
	}
	fresh, _ := joinedAt(t, a, o, "fresh") // as after its AOF was made anew
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(fresh.Dir(), "forks"), os.DirFS(filepath.Join(p.Dir(), "forks"))); err != nil {
		t.Fatal(err)
	}
	frozenSize(t, open(t, fresh.Dir(), o), id)
}

// A peer that hears both histories at the same time stores one of them, or a
// part, and nothing that is no history at all.
func TestBothHistoriesAtOnce(t *testing.T) {
	for _, n := range []int{30, 4000, 15_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := onMemory(transport.NewMemory(transport.MemoryOptions{}))
			a, copied := splitBrain(t, o, n/100, n, n+n/2)
			id := a.Head().Log
			p, atP := joinedAt(t, a, o, "p")
			q, atQ := joinedAt(t, a, o, "q")
			mustSync(t, a, atP)
			mustSync(t, copied, atQ)
			m, _ := joinedAt(t, a, o, "m")
			for _, at := range []string{atP, atQ} {
				if err := m.Connect(ctx, at); err != nil {
					t.Fatal(err)
				}
			}
			for _, db := range []*xaeroflux.DB{m, p, q} {
				awaitFrozen(t, db, id)
			}
			undisturbed(t, m)
		})
	}
}
