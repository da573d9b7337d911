// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/durable/still"
)

// A reader leaves as it is all that opening for writing would put in order: a commit
// that failed, a file worth compacting, half a creation, no lock file of LMDB.
func TestReadOnlyChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"as closed":    func(string) error { return nil },
		"without lock": func(dir string) error { return os.Remove(filepath.Join(dir, "lock.mdb")) },
		"failed commit": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, failedFile), []byte("9999"), 0o600)
		},
		"worth compacting": func(dir string) error { return os.Truncate(filepath.Join(dir, dataFile), 2*compactBytes) },
		"half a creation":  func(dir string) error { return os.Mkdir(filepath.Join(dir, newDir), 0o700) },
	} {
		dir := t.TempDir()
		s := mustOpen(t, dir, Options{})
		for i := range 5 {
			put(t, s, "k", strconv.Itoa(i))
		}
		mustClose(t, s)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		before := picture(t, dir)
		s = mustOpen(t, dir, Options{ReadOnly: true})
		second := mustOpen(t, dir, Options{ReadOnly: true}) // readers go together
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
			t.Errorf("%s: a writer beside readers: %v", name, err)
		}
		if got := get(t, s, "k"); got != "4" {
			t.Errorf("%s: read %q", name, got)
		}
		err := s.Commit(func(*Txn) error { t.Error("a transaction began"); return nil })
		if !errors.Is(err, ErrReadOnly) || !errors.Is(err, durable.ErrOpenedReadOnly) {
			t.Errorf("%s: commit: %v", name, err)
		}
		mustClose(t, s)
		if got := get(t, second, "k"); got != "4" {
			t.Errorf("%s: read %q after another reader closed", name, got)
		}
		mustClose(t, second)
		if diff := before.Compare(picture(t, dir)); len(diff) > 0 {
			t.Errorf("%s: %q", name, diff)
		}
		mustClose(t, mustOpen(t, dir, Options{}))
	}
	if _, err := Open(t.TempDir(), Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
}

func picture(t *testing.T, dir string) still.Picture {
	t.Helper()
	p, err := still.Of(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
