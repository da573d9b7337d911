// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"io/fs"
	"os"
	"sync"
)

// A Tripwire is a file system that changes nothing any more once the machine
// refused something. Code that decides by what can be read, and moves or rewrites what
// cannot, works on one: what could not be read for lack of descriptors is then never
// taken for damaged.
type Tripwire struct {
	fs   FS
	seen *tripped // shared by those over other file systems
}

type tripped struct {
	mu      sync.Mutex // guards trouble
	trouble error      // the first
}

// NewTripwire wraps fsys.
func NewTripwire(fsys FS) *Tripwire { return &Tripwire{fs: fsys, seen: &tripped{}} }

// Over returns the same tripwire over another file system.
func (t *Tripwire) Over(fsys FS) FS {
	if w, ok := t.fs.(wrapper); ok {
		fsys = w.Over(fsys)
	}
	return &Tripwire{fs: fsys, seen: t.seen}
}

// Trouble returns the first thing that the machine refused, or nil.
func (t *Tripwire) Trouble() error {
	t.seen.mu.Lock()
	defer t.seen.mu.Unlock()
	return t.seen.trouble
}

// Saw takes note of an error of a call that did not go through t, and returns it.
func (t *Tripwire) Saw(err error) error {
	if TroubleOf(err) != NoTrouble {
		t.seen.mu.Lock()
		defer t.seen.mu.Unlock()
		if t.seen.trouble == nil {
			t.seen.trouble = err
		}
	}
	return err
}

// change makes a call that changes something, if nothing was refused before.
func (t *Tripwire) change(call func() error) error {
	if err := t.Trouble(); err != nil {
		return err
	}
	return t.Saw(call())
}

// Open implements FS.
func (t *Tripwire) Open(name string, flag int, perm fs.FileMode) (f File, err error) {
	open := func() error {
		f, err = t.fs.Open(name, flag, perm)
		return err
	}
	if flag&os.O_CREATE != 0 {
		err = t.change(open)
	} else {
		err = t.Saw(open())
	}
	if err != nil {
		return nil, err
	}
	return &trippedFile{f, t}, nil
}

// Rename implements FS.
func (t *Tripwire) Rename(oldName, newName string) error {
	return t.change(func() error { return t.fs.Rename(oldName, newName) })
}

// Remove implements FS.
func (t *Tripwire) Remove(name string) error {
	return t.change(func() error { return t.fs.Remove(name) })
}

// RemoveAll implements FS.
func (t *Tripwire) RemoveAll(name string) error {
	return t.change(func() error { return t.fs.RemoveAll(name) })
}

// MkdirAll implements FS.
func (t *Tripwire) MkdirAll(name string, perm fs.FileMode) error {
	return t.change(func() error { return t.fs.MkdirAll(name, perm) })
}

// SyncDir implements FS.
func (t *Tripwire) SyncDir(name string) error {
	return t.change(func() error { return t.fs.SyncDir(name) })
}

// WriteFileAtomic implements FS.
func (t *Tripwire) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return t.change(func() error { return t.fs.WriteFileAtomic(name, data, perm) })
}

// ReadDir implements FS.
func (t *Tripwire) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := t.fs.ReadDir(name)
	return entries, t.Saw(err)
}

// ReadFile implements FS.
func (t *Tripwire) ReadFile(name string) ([]byte, error) {
	b, err := t.fs.ReadFile(name)
	return b, t.Saw(err)
}

// Stat implements FS.
func (t *Tripwire) Stat(name string) (fs.FileInfo, error) {
	info, err := t.fs.Stat(name)
	return info, t.Saw(err)
}

// Same implements FS.
func (t *Tripwire) Same(name string, held fs.FileInfo) (bool, error) {
	same, err := t.fs.Same(name, held)
	return same, t.Saw(err)
}

// SystemPath implements FS.
func (t *Tripwire) SystemPath(name string) string { return t.fs.SystemPath(name) }

// trippedFile is a file of a Tripwire.
type trippedFile struct {
	File
	t *Tripwire
}

func (f *trippedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	return n, f.t.Saw(err)
}

func (f *trippedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.t.change(func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *trippedFile) Sync() error { return f.t.change(f.File.Sync) }

func (f *trippedFile) Truncate(size int64) error {
	return f.t.change(func() error { return f.File.Truncate(size) })
}

func (f *trippedFile) Preallocate(size int64) error {
	return f.t.change(func() error { return f.File.Preallocate(size) })
}

func (f *trippedFile) Map(do func(*os.File) error) error { return f.t.Saw(f.File.Map(do)) }

func (f *trippedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, f.t.Saw(err)
}

func (f *trippedFile) Size() (int64, error) {
	n, err := f.File.Size()
	return n, f.t.Saw(err)
}
