// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// One refusal, of whichever call, and nothing changes after it.
func TestTripwireChangesNothingAfterTrouble(t *testing.T) {
	for _, refused := range []Op{OpOpen, OpCreate, OpRead, OpWrite, OpSync, OpStat, OpMap, OpRename, OpMkdir} {
		dir := t.TempDir()
		name := filepath.Join(dir, "f")
		fail, tripped := false, false
		hook := func(op Op, name string) error {
			if tripped && op.Mutates() {
				t.Errorf("%s of %s after %s was refused", op, name, refused)
			}
			if fail && op == refused {
				return &os.PathError{Op: string(op), Path: name, Err: syscall.EMFILE}
			}
			return nil
		}
		wire := NewTripwire(NewFaulty(OS, hook))
		if err := wire.WriteFileAtomic(name, []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, wire, name)
		if err := f.Truncate(2); err != nil {
			t.Fatal(err)
		}
		if _, err := wire.Stat(name + "2"); !errors.Is(err, os.ErrNotExist) || wire.Trouble() != nil {
			t.Fatalf("a missing file is trouble: %v", err)
		}
		fail = true
		calls := []func() error{
			func() error { return openErr(wire, name, os.O_RDONLY) },
			func() error { return openErr(wire, name+"2", os.O_RDWR|os.O_CREATE) },
			func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
			func() error { _, err := f.WriteAt([]byte("x"), 0); return err },
			func() error { return f.Sync() },
			func() error { _, err := f.Size(); return err },
			func() error { return f.Map(func(*os.File) error { return nil }) },
			func() error { return wire.Rename(name, name) },
			func() error { return wire.MkdirAll(name+"3", 0o700) },
			func() error { return f.Truncate(1) },
			func() error { return f.Preallocate(9) },
			func() error { return wire.RemoveAll(name) },
			func() error { return wire.Remove(name) },
			func() error { return wire.SyncDir(dir) },
			func() error { return wire.WriteFileAtomic(name, nil, 0o600) },
		}
		for range 2 { // at the latest in the second round all comes after it
			for _, call := range calls {
				if err := call(); err != nil && TroubleOf(err) != Exhausted {
					t.Errorf("%s: %v", refused, err)
				}
				tripped = wire.Trouble() != nil
				if !tripped {
					continue
				}
			}
			if !tripped {
				t.Fatalf("%s was refused, and nothing was seen", refused)
			}
		}
	}
}
