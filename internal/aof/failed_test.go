// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// A meta page that half a failed commit is in is believed only where it was
// written down that this commit failed.
func TestHalfACommitInTheOlderMetaPage(t *testing.T) {
	for _, noted := range []bool{false, true} {
		dir := t.TempDir()
		s := mustOpen(t, dir, Options{})
		for i := range 5 {
			put(t, s, "k", strconv.Itoa(i))
		}
		st, err := s.Stats()
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
		halve(t, filepath.Join(dir, dataFile), st.LastTxn)
		if noted {
			text := strconv.FormatUint(st.LastTxn, 10)
			if err := os.WriteFile(filepath.Join(dir, failedFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err = Open(dir, Options{})
		if !noted {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("not written down: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, "k"); got != "3" {
			t.Errorf("read %q, want what was there before the commit that failed", got)
		}
		mustClose(t, s)
		if _, err := os.Stat(filepath.Join(dir, failedFile)); err == nil {
			t.Error("the file is there after a commit that succeeded")
		}
		mustClose(t, mustOpen(t, dir, Options{}))
	}
}

// halve leaves the newest meta page as LMDB does when it could not write it: with
// the number of two transactions before.
func halve(t *testing.T, path string, txn uint64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := int(txn%2)*os.Getpagesize() + pageHeader + 128
	if got := native.Uint64(b[at:]); got != txn {
		t.Fatalf("meta page %d is of transaction %d, want %d", txn%2, got, txn)
	}
	native.PutUint64(b[at:], txn-2)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
