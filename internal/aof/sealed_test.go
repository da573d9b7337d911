// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

var (
	testKey  = identity.Seed{1}.StoreKey()
	otherKey = identity.Seed{2}.StoreKey()
)

// marked is a secret that a search of files finds.
func marked(i int) []byte { return fmt.Appendf(nil, "the secret of number %d", i) }

// secretRows are keys of rows that are sealed, and of one that is not.
var (
	secretRows = []struct {
		b   Bucket
		key string
	}{{Topics, "\x00\x00\x00\x01"}, {Meta, "kem of a topic"}, {Meta, "epoch of a topic"}, {Meta, "generation"}}
	plainKey = "place"
)

func putSecrets(t testing.TB, s *Store, from int) {
	t.Helper()
	err := s.Commit(func(txn *Txn) error {
		err := txn.Put(Meta, []byte(plainKey), []byte("for all to see"))
		for i, r := range secretRows {
			err = errors.Join(err, txn.Put(r.b, []byte(r.key), marked(from+i)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantSecrets(t testing.TB, s *Store, from int) {
	t.Helper()
	err := s.View(func(v *View) error {
		if got, _, err := v.Get(Meta, []byte(plainKey)); err != nil || string(got) != "for all to see" {
			t.Errorf("the row in the clear is %q, %v", got, err)
		}
		for i, r := range secretRows {
			if got, found, err := v.Get(r.b, []byte(r.key)); err != nil || !found || !bytes.Equal(got, marked(from+i)) {
				t.Errorf("%q: %q, %v, want %q", r.key, got, err, marked(from+i))
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// wantHidden searches every file for secrets.
func wantHidden(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if at := bytes.Index(b, []byte("the secret of")); at >= 0 {
			t.Errorf("%s shows at %d: %q", path, at, b[at:min(at+30, len(b))])
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Rows of secrets are read as they were written, and no byte of them is in the file, also
// where they were overwritten.
func TestSealedRows(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{Key: testKey})
	for from := range 20 {
		putSecrets(t, s, from)
	}
	wantSecrets(t, s, 19)
	mustClose(t, s)
	wantHidden(t, dir)
	s = mustOpen(t, dir, Options{Key: testKey, ReadOnly: true})
	wantSecrets(t, s, 19)
	mustClose(t, s)

	if _, err := Open(dir, Options{Key: otherKey}); !errors.Is(err, ErrKey) || errors.Is(err, ErrCorrupt) {
		t.Errorf("with another key: %v", err)
	}
	s = mustOpen(t, dir, Options{})
	err := s.Commit(func(txn *Txn) error {
		if got, _, err := txn.Get(Meta, []byte(plainKey)); err != nil || string(got) != "for all to see" {
			t.Errorf("without a key: %q, %v", got, err)
		}
		for _, r := range secretRows {
			if got, _, err := txn.Get(r.b, []byte(r.key)); !errors.Is(err, ErrNoKey) {
				t.Errorf("without a key: %q, %v", got, err)
			}
			if err := txn.Put(r.b, []byte(r.key), marked(1)); !errors.Is(err, ErrNoKey) {
				t.Errorf("written without a key: %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A sealed row that is moved to another key is damage of that row.
func TestSealedRowMoved(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{Key: testKey})
	putSecrets(t, s, 0)
	from, to := []byte(secretRows[1].key), []byte(secretRows[2].key)
	err := s.Commit(func(txn *Txn) error {
		raw, _, err := txn.get(dbMeta, from)
		if err != nil {
			return err
		}
		lies, err := openRow(Meta, from, raw)
		if err != nil {
			return err
		}
		return txn.fail(txn.tx.Put(s.dbs[dbMeta], to, sealRow(dbMeta, to, lies), 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(func(v *View) error {
		_, _, err := v.Get(Meta, to)
		return err
	})
	if !errors.Is(err, ErrCorrupt) || !errors.Is(err, identity.ErrSealed) {
		t.Errorf("%v", err)
	}
}

func idOf(i int) []byte {
	id := named(fmt.Sprint("id", i))
	return id[:]
}

// rows is what a file holds beside its secrets.
type rows struct {
	logs   []LogRow
	events [][][]byte // of each log
}

// fillClear makes a file of version 2, with secrets of which some were overwritten and
// some deleted, so that their bytes are still in it.
func fillClear(t testing.TB, dir string, r *rows) {
	t.Helper()
	s := mustOpen(t, dir, Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	commit := func(fn func(txn *Txn) error) {
		t.Helper()
		if err := s.Commit(fn); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		records := randomRecords(rng, 20, 200)
		row := LogRow{ID: named(fmt.Sprint(i)), PageBytes: 4096, Own: true, Size: 20}
		commit(func(txn *Txn) error {
			return errors.Join(txn.PutLog(&row), txn.AppendEvents(row.Num, 0, bytes.Join(records, nil), 20),
				txn.Put(Ranges, fmt.Appendf(nil, "range %d", i), bytes.Repeat([]byte{byte(i)}, 9000)),
				txn.Put(IDs, idOf(i), []byte{byte(i)}))
		})
		r.logs, r.events = append(r.logs, row), append(r.events, records)
	}
	for from := range 9 {
		putSecrets(t, s, from)
	}
	for _, change := range []func(txn *Txn, key []byte, i int) error{
		func(txn *Txn, key []byte, i int) error { return txn.Put(Meta, key, marked(i)) },
		func(txn *Txn, key []byte, _ int) error { return txn.Delete(Meta, key) },
	} {
		commit(func(txn *Txn) (err error) {
			for i := range 50 {
				err = errors.Join(err, change(txn, fmt.Appendf(nil, "epoch %d", i), i))
			}
			return err
		})
	}
	mustClose(t, s)
	if b, err := os.ReadFile(filepath.Join(dir, dataFile)); err != nil || bytes.Count(b, []byte("the secret of")) < 30 {
		t.Fatalf("the file does not show what was deleted, so that the test shows nothing: %v", err)
	}
}

// want holds a file against what it is to hold.
func (r *rows) want(t testing.TB, s *Store) {
	t.Helper()
	err := s.View(func(v *View) error {
		for i, want := range r.logs {
			if got, _, err := v.Log(want.ID); err != nil || !sameRow(got, want) {
				t.Errorf("log %d: %+v, %v", i, got, err)
			}
			var got []byte
			err := v.Events(want.Num, 0, want.Size, func(_ uint64, _ int, records []byte) error {
				got = append(got, records...)
				return nil
			})
			if err != nil || !bytes.Equal(got, bytes.Join(r.events[i], nil)) {
				t.Errorf("events of log %d: %v", i, err)
			}
			if b, _, err := v.Get(Ranges, fmt.Appendf(nil, "range %d", i)); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, 9000)) {
				t.Errorf("range %d: %d bytes, %v", i, len(b), err)
			}
			if b, _, err := v.Get(IDs, idOf(i)); err != nil || !bytes.Equal(b, []byte{byte(i)}) {
				t.Errorf("id %d: %x, %v", i, b, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A file of version 2 that is opened with a key holds the same rows, and no byte of a
// secret, not even in pages that were freed. To be read, it stays as it is.
func TestRewrite(t *testing.T) {
	dir, held := t.TempDir(), &rows{}
	fillClear(t, dir, held)
	s := mustOpen(t, dir, Options{Key: testKey, ReadOnly: true})
	held.want(t, s)
	if s.Sealed() {
		t.Error("a reader sealed it")
	}
	mustClose(t, s)
	s = mustOpen(t, dir, Options{Key: testKey, Unsettled: true})
	held.want(t, s)
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	held.want(t, s)
	wantSecrets(t, s, 8)
	if !s.Sealed() {
		t.Error("it is not sealed")
	}
	putSecrets(t, s, 30)
	mustClose(t, s)
	wantHidden(t, dir)
	if err := Check(dir); err != nil {
		t.Error(err)
	}
	s = mustOpen(t, dir, Options{Key: testKey})
	held.want(t, s)
	wantSecrets(t, s, 30)
}

// A crash at any step of it leaves the old file or the new one.
func TestRewriteCrashes(t *testing.T) {
	sealed := 0
	for step := range 40 {
		dir, held := t.TempDir(), &rows{}
		fillClear(t, dir, held)
		s, err := Open(dir, Options{Key: testKey, FS: durable.NewFaulty(durable.OS, durable.CrashAt(step, 0))})
		if err == nil {
			mustClose(t, s)
			sealed++
		}
		s = mustOpen(t, dir, Options{Key: testKey})
		held.want(t, s)
		wantSecrets(t, s, 8)
		if !s.Sealed() {
			t.Errorf("step %d: it is not sealed", step)
		}
		mustClose(t, s)
		wantHidden(t, dir)
		if sealed > 1 {
			return
		}
	}
	t.Error("it never came through")
}
