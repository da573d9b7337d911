// SPDX-License-Identifier: MPL-2.0

package aof

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// An unsettled Open changes no byte; Settle does what it left, and then Commit works.
func TestUnsettledChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	put(t, s, "k", "before")
	mustClose(t, s)
	failed := filepath.Join(dir, failedFile)
	if err := os.WriteFile(failed, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, dataFile))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := read()
	s = mustOpen(t, dir, Options{Unsettled: true})
	if got := get(t, s, "k"); got != "before" {
		t.Errorf("read %q", got)
	}
	if _, err := os.Stat(failed); err != nil || !bytes.Equal(read(), before) {
		t.Errorf("something was changed: %v", err)
	}
	if err := s.Settle(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(failed); !os.IsNotExist(err) {
		t.Errorf("what a failed commit left is there still: %v", err)
	}
	put(t, s, "k", "after")
	mustClose(t, s)
	s = mustOpen(t, dir, Options{})
	defer mustClose(t, s)
	if got := get(t, s, "k"); got != "after" {
		t.Errorf("read %q", got)
	}
}
