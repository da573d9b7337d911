// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestReadOnlyRefusesWhatChanges(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Everything that changes is refused above the hook, which sees only the rest.
	fsys := ReadOnly(NewFaulty(OS, func(op Op, name string) error {
		if op.Mutates() {
			t.Errorf("%s of %s got through", op, name)
		}
		return nil
	}))
	for op, err := range map[string]error{
		"append":    openErr(fsys, name, os.O_WRONLY|os.O_APPEND),
		"create":    openErr(fsys, name, os.O_RDONLY|os.O_CREATE),
		"write":     openErr(fsys, name, os.O_RDWR),
		"truncate":  openErr(fsys, name, os.O_RDONLY|os.O_TRUNC),
		"rename":    fsys.Rename(name, name+"2"),
		"remove":    fsys.Remove(name),
		"removeall": fsys.RemoveAll(name),
		"mkdir":     fsys.MkdirAll(name+"3", 0o700),
		"sync":      fsys.SyncDir(filepath.Dir(name)),
		"replace":   fsys.WriteFileAtomic(name, nil, 0o600),
	} {
		if !errors.Is(err, ErrOpenedReadOnly) || TroubleOf(err) != Denied {
			t.Errorf("%s: %v", op, err)
		}
	}
	if b, err := fsys.ReadFile(name); err != nil || string(b) != "abc" {
		t.Errorf("reads %q, %v", b, err)
	}
	if err := openErr(fsys, name, os.O_RDONLY); err != nil {
		t.Error(err)
	}
}

func openErr(fsys FS, name string, flag int) error {
	f, err := fsys.Open(name, flag, 0o600)
	if err == nil {
		f.Close()
	}
	return err
}
