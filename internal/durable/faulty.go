// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
)

// An Op names a call that a Faulty file system can fail.
type Op string

// The calls. WriteFileAtomic and MkdirAll are made of the others, step by step.
const (
	OpOpen        Op = "open"
	OpCreate      Op = "create" // an open with os.O_CREATE
	OpRead        Op = "read"
	OpWrite       Op = "write"
	OpSync        Op = "sync"
	OpTruncate    Op = "truncate"
	OpPreallocate Op = "preallocate"
	OpRename      Op = "rename" // named by the new name
	OpRemove      Op = "remove"
	OpMkdir       Op = "mkdir"
	OpSyncDir     Op = "syncdir"
	OpStat        Op = "stat"
	OpMap         Op = "map"
	OpFault       Op = "fault" // the reading of what is mapped: asked once, when it is mapped
)

// Mutates reports whether the call changes what is on disk; an open that
// creates does.
func (o Op) Mutates() bool {
	return o != OpOpen && o != OpRead && o != OpStat && o != OpMap && o != OpFault
}

// ErrCrashed is what every call returns after the crash of CrashAt.
var ErrCrashed = errors.New("crashed (injected)")

// ShortWrite is an injected error: a write stores its first N bytes, at most
// all of them, and then fails with Err. Other calls just fail with Err.
type ShortWrite struct {
	N   int
	Err error
}

func (e *ShortWrite) Error() string { return "short write: " + e.Err.Error() }

// Unwrap returns Err.
func (e *ShortWrite) Unwrap() error { return e.Err }

// Faulty is a file system for tests that asks a hook before every call.
type Faulty struct {
	fs   FS
	hook func(op Op, name string) error
}

// NewFaulty wraps fsys. The hook runs before each call and fails it by returning
// an error; it must be safe for concurrent use.
func NewFaulty(fsys FS, hook func(op Op, name string) error) *Faulty {
	return &Faulty{fs: fsys, hook: hook}
}

// CrashAt returns a hook that lets n changing calls through, then fails all
// calls, so that the disk stays as the crash left it. A write that crashes
// stores the first short bytes.
func CrashAt(n, short int) func(Op, string) error {
	var calls atomic.Int64
	return func(op Op, _ string) error {
		done := calls.Load()
		if op.Mutates() {
			done = calls.Add(1) - 1
		}
		switch {
		case done < int64(n):
			return nil
		case done == int64(n) && op == OpWrite:
			return &ShortWrite{N: short, Err: ErrCrashed}
		case done == int64(n) && !op.Mutates():
			return nil
		}
		return ErrCrashed
	}
}

// Over returns the same over another file system.
func (f *Faulty) Over(fsys FS) FS { return &Faulty{fs: fsys, hook: f.hook} }

// SystemPath asks nobody.
func (f *Faulty) SystemPath(name string) string { return f.fs.SystemPath(name) }

// Open asks the hook for OpCreate or OpOpen.
func (f *Faulty) Open(name string, flag int, perm fs.FileMode) (File, error) {
	op := OpOpen
	if flag&os.O_CREATE != 0 {
		op = OpCreate
	}
	if err := f.hook(op, name); err != nil {
		return nil, err
	}
	file, err := f.fs.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f}, nil
}

// Rename asks the hook for OpRename.
func (f *Faulty) Rename(oldName, newName string) error {
	if err := f.hook(OpRename, newName); err != nil {
		return err
	}
	return f.fs.Rename(oldName, newName)
}

// Remove asks the hook for OpRemove.
func (f *Faulty) Remove(name string) error {
	if err := f.hook(OpRemove, name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// RemoveAll asks the hook for OpRemove.
func (f *Faulty) RemoveAll(name string) error {
	if err := f.hook(OpRemove, name); err != nil {
		return err
	}
	return f.fs.RemoveAll(name)
}

// MkdirAll asks the hook for OpMkdir and OpSyncDir of each directory it makes.
func (f *Faulty) MkdirAll(name string, perm fs.FileMode) error {
	mkdir := func(name string, perm fs.FileMode) error {
		if err := f.hook(OpMkdir, name); err != nil {
			return err
		}
		return f.fs.MkdirAll(name, perm) // one level: its parent exists
	}
	return MkdirAll(f, mkdir, name, perm)
}

// SyncDir asks the hook for OpSyncDir.
func (f *Faulty) SyncDir(name string) error {
	if err := f.hook(OpSyncDir, name); err != nil {
		return err
	}
	return f.fs.SyncDir(name)
}

// ReadDir asks the hook for OpRead.
func (f *Faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.hook(OpRead, name); err != nil {
		return nil, err
	}
	return f.fs.ReadDir(name)
}

// ReadFile asks the hook for OpRead.
func (f *Faulty) ReadFile(name string) ([]byte, error) {
	if err := f.hook(OpRead, name); err != nil {
		return nil, err
	}
	return f.fs.ReadFile(name)
}

// WriteFileAtomic asks the hook for each step, the temporary file's too.
func (f *Faulty) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return WriteFileAtomic(f, name, data, perm)
}

// Same asks the hook for OpStat.
func (f *Faulty) Same(name string, held fs.FileInfo) (bool, error) {
	if err := f.hook(OpStat, name); err != nil {
		return false, err
	}
	return f.fs.Same(name, held)
}

// Stat asks the hook for OpStat.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.hook(OpStat, name); err != nil {
		return nil, err
	}
	return f.fs.Stat(name)
}
