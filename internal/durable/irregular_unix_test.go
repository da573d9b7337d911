// SPDX-License-Identifier: MPL-2.0

//go:build unix

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe under the name of a file is reported, and nobody waits for its other end.
func TestPipeInThePlaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"FORMAT", LockName} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, fsys := range []FS{OS, d.FS(OS)} {
		if _, err := fsys.ReadFile(filepath.Join(dir, "FORMAT")); !errors.Is(err, ErrIrregular) {
			t.Errorf("read: %v", err)
		}
		if _, err := fsys.Open(filepath.Join(dir, "FORMAT"), os.O_RDWR, 0); !errors.Is(err, ErrIrregular) {
			t.Errorf("open: %v", err)
		}
	}
	if err := d.Lock(); err != nil { // LOCK only says who it is
		t.Error(err)
	}
	if pid := Holder(dir); pid != 0 {
		t.Errorf("process %d holds it", pid)
	}
}
