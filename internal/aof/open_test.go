// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/PowerDNS/lmdb-go/lmdb"
)

func TestDoubleOpen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, dir + "/.", link} {
		if _, err := Open(path, Options{}); !errors.Is(err, ErrInUse) {
			t.Fatalf("second open of %s: %v", path, err)
		}
	}
	put(t, s, "k", "1")
	mustClose(t, s)
	mustClose(t, s)
	s = mustOpen(t, link, Options{})
	if got := get(t, s, "k"); got != "1" {
		t.Fatalf("read %q", got)
	}
}

func TestMustExist(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if _, err := Open(dir, Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the refused open made the directory")
	}
	mustClose(t, mustOpen(t, dir, Options{}))
	mustClose(t, mustOpen(t, dir, Options{MustExist: true}))
}

// A crash while a store is made leaves a half-made one beside its place.
func TestLeftoverOfCreation(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, newDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, newDir, dataFile), make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Options{})
	put(t, s, "k", "1")
	if _, err := os.Stat(filepath.Join(dir, newDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the leftover is still there: %v", err)
	}
}

func TestAfterClose(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	var view *View
	var txn *Txn
	if err := s.View(func(v *View) error { view = v; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(func(tx *Txn) error { txn = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	row := LogRow{PageBytes: 4096}
	_, _, errGet := view.Get(Meta, []byte("k"))
	_, _, errLog := view.Log(row.ID)
	for i, err := range []error{
		errGet, errLog,
		view.ForEachLog(nil), view.Events(1, 0, 1, nil), view.ForEach(Meta, nil, nil),
		txn.Put(Meta, []byte("k"), nil), txn.Delete(Meta, []byte("k")), txn.PutLog(&row),
		txn.AppendEvents(1, 0, nil, 1), txn.TrimEvents(1, 1), txn.DropEventsFrom(1, 1),
	} {
		if !errors.Is(err, ErrDone) {
			t.Errorf("call %d after its function returned: %v", i, err)
		}
	}
	mustClose(t, s)
	if err := s.View(func(*View) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("View: %v", err)
	}
	if err := s.Commit(func(*Txn) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := s.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("Stats: %v", err)
	}
}

// A row of a range may be long, and a database that is missing is damage.
func TestRangesAndMissingDatabase(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	put(t, s, "k", "1")
	drop := func(s *Store, db int) {
		t.Helper()
		err := s.env.Update(func(tx *lmdb.Txn) error { return tx.Drop(s.dbs[db], true) })
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
	}
	if got := get(t, s, "k"); got != "1" {
		t.Fatalf("read %q", got)
	}
	long := bytes.Repeat([]byte("x"), MaxRangeBytes)
	if err := s.Commit(func(tx *Txn) error { return tx.Put(Ranges, []byte("r"), long) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(func(tx *Txn) error { return tx.Put(Ranges, []byte("r"), append(long, 0)) }); !errors.Is(err, ErrInvalid) {
		t.Errorf("a row over the limit: %v", err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir, Options{})
	rows := 0
	err := s.View(func(v *View) error {
		return v.ForEachRaw(Ranges, nil, func(key, value []byte) error {
			if rows++; string(key) != "r" || !bytes.Equal(value, long) {
				t.Errorf("row %q of %d bytes", key, len(value))
			}
			return nil
		})
	})
	if err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	drop(s, dbPeers)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without peers: %v", err)
	}
}
