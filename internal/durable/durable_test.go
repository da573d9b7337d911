// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPreallocateReadsAsZerosAndNeverShrinks(t *testing.T) {
	f := open(t, OS, filepath.Join(t.TempDir(), "a"))
	if _, err := f.WriteAt([]byte("abc"), 0); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{3 << 20, 1} {
		if err := f.Preallocate(size); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := f.Size(); err != nil || n != 3<<20 {
		t.Fatalf("size %d, %v; want %d", n, err, 3<<20)
	}
	got := make([]byte, 3<<20)
	if _, err := f.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	want := append([]byte("abc"), make([]byte, 3<<20-3)...)
	if !bytes.Equal(got, want) {
		t.Fatal("preallocated space is not zero after the written bytes")
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func TestZeroFillIsTheSame(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := zeroFill(f, 0, 2<<20+7); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(b, make([]byte, 2<<20+7)) {
		t.Fatalf("%d bytes, %v; want %d zeros", len(b), err, 2<<20+7)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 { // the second finds it there
		if err := OS.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "f")
	if err := OS.WriteFileAtomic(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := OS.MkdirAll(file, 0o700); err == nil {
		t.Fatal("a file passed for a directory")
	}
}

// After a crash at any step the file holds the old content or the new, whole,
// and a later write succeeds over what the crash left.
func TestWriteFileAtomicCrashes(t *testing.T) {
	old, next := []byte("old content"), []byte("the new content")
	for short := range 3 {
		for n := 0; ; n++ {
			name := filepath.Join(t.TempDir(), "f")
			if err := OS.WriteFileAtomic(name, old, 0o600); err != nil {
				t.Fatal(err)
			}
			err := NewFaulty(OS, CrashAt(n, short*7)).WriteFileAtomic(name, next, 0o600)
			got, readErr := os.ReadFile(name)
			if readErr != nil || !bytes.Equal(got, old) && !bytes.Equal(got, next) {
				t.Fatalf("crash at %d: %q, %v", n, got, readErr)
			}
			if err == nil {
				if n < 4 || !bytes.Equal(got, next) {
					t.Fatalf("done in %d steps with %q", n, got)
				}
				break
			}
			if !errors.Is(err, ErrCrashed) {
				t.Fatalf("crash at %d: %v", n, err)
			}
			if err := OS.WriteFileAtomic(name, next, 0o600); err != nil {
				t.Fatalf("after a crash at %d: %v", n, err)
			}
		}
	}
}

func TestFaultyFailsEachCall(t *testing.T) {
	boom := &os.PathError{Op: "x", Path: "y", Err: syscall.ENOSPC}
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	var fail Op
	fsys := NewFaulty(OS, func(op Op, _ string) error {
		if op == fail {
			return boom
		}
		return nil
	})
	f := open(t, fsys, name)
	calls := map[Op]func() error{
		OpOpen:        func() error { _, err := fsys.Open(name, os.O_RDONLY, 0); return err },
		OpCreate:      func() error { _, err := fsys.Open(name, os.O_RDWR|os.O_CREATE, 0o600); return err },
		OpRead:        func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err },
		OpWrite:       func() error { _, err := f.WriteAt([]byte("a"), 0); return err },
		OpSync:        func() error { return f.Sync() },
		OpTruncate:    func() error { return f.Truncate(9) },
		OpPreallocate: func() error { return f.Preallocate(99) },
		OpRename:      func() error { return fsys.Rename(name, name+"2") },
		OpRemove:      func() error { return fsys.Remove(name) },
		OpMkdir:       func() error { return fsys.MkdirAll(filepath.Join(dir, "d"), 0o700) },
		OpSyncDir:     func() error { return fsys.SyncDir(dir) },
		OpMap:         func() error { return f.Map(func(*os.File) error { return nil }) },
		OpStat:        func() error { _, err := f.Size(); return err },
		OpFault: func() error { // another file is mapped
			return f.Map(func(of *os.File) error {
				if of.Name() == name {
					return nil
				}
				return boom
			})
		},
	}
	for op, call := range calls {
		fail = op
		if err := call(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v, want ENOSPC", op, err)
		}
	}
	fail = OpRead
	if _, err := fsys.ReadFile(name); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("ReadFile: %v", err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != 0 {
		t.Fatalf("a failed call changed the file: %v, %v", info, err)
	}
}

func TestShortWrite(t *testing.T) {
	fsys := NewFaulty(OS, func(op Op, _ string) error {
		if op == OpWrite {
			return &ShortWrite{N: 3, Err: syscall.EIO}
		}
		return nil
	})
	f := open(t, fsys, filepath.Join(t.TempDir(), "f"))
	n, err := f.WriteAt([]byte("abcdef"), 0)
	if n != 3 || !errors.Is(err, syscall.EIO) {
		t.Fatalf("wrote %d, %v; want 3, EIO", n, err)
	}
	if b, _ := fsys.ReadFile(f.Name()); string(b) != "abc" {
		t.Fatalf("file holds %q", b)
	}
}

func open(t *testing.T, fsys FS, name string) File {
	t.Helper()
	f, err := fsys.Open(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
