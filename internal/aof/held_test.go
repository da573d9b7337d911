// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// elsewhere leads LMDB, which opens by path, into another directory.
type elsewhere struct {
	durable.FS
	dir string
}

func (e elsewhere) SystemPath(string) string { return e.dir }

func TestLMDBOpenedAnotherFile(t *testing.T) {
	here, there := filepath.Join(t.TempDir(), "aof"), filepath.Join(t.TempDir(), "aof")
	for _, dir := range []string{here, there} {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(here, Options{FS: elsewhere{durable.OS, there}}); !errors.Is(err, durable.ErrChanged) {
		t.Fatal(err)
	}
}

// A commit whose file is not under its name any more is not acknowledged, and
// what was acknowledged before is still read.
func TestDataFileRemovedOrReplaced(t *testing.T) {
	for how, change := range map[string]func(path string) error{
		durable.Removed:  os.Remove,
		durable.Replaced: func(path string) error { return errors.Join(os.Rename(path, path+"2"), os.WriteFile(path, nil, 0o600)) },
	} {
		dir := t.TempDir()
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		put := func(key string) error {
			return s.Commit(func(t *Txn) error { return t.Put(Meta, []byte(key), []byte("value")) })
		}
		if err := errors.Join(put("a"), change(filepath.Join(dir, dataFile))); err != nil {
			t.Fatal(err)
		}
		var e *durable.ChangedError
		if err := put("b"); !errors.Is(err, ErrLatched) || !errors.As(err, &e) || e.How != how {
			t.Errorf("%s: %v", how, err)
		}
		if err := put("c"); !errors.Is(err, ErrLatched) {
			t.Errorf("%s, again: %v", how, err)
		}
		err = s.View(func(v *View) error {
			if _, found, err := v.Get(Meta, []byte("a")); err != nil || !found {
				t.Errorf("%s: what was acknowledged: %v, %v", how, found, err)
			}
			return nil
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Error(err)
		}
	}
}
