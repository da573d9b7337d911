// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
)

// ErrOpenedReadOnly is the reason why a store takes nothing that was opened only
// to be read.
var ErrOpenedReadOnly = errors.New("opened read-only")

// ReadOnly returns fsys without its changing calls: each of them fails with
// ErrOpenedReadOnly. Code that is given it cannot change a byte, a name or a time.
func ReadOnly(fsys FS) FS { return readOnly{fsys} }

type readOnly struct{ FS }

// Over returns the same over another file system.
func (r readOnly) Over(fsys FS) FS {
	if w, ok := r.FS.(wrapper); ok {
		fsys = w.Over(fsys)
	}
	return readOnly{fsys}
}

func refused(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: ErrOpenedReadOnly}
}

func (r readOnly) Open(name string, flag int, perm fs.FileMode) (File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, refused("open", name)
	}
	return r.FS.Open(name, flag, perm)
}

func (readOnly) Rename(_, newName string) error            { return refused("rename", newName) }
func (readOnly) Remove(name string) error                  { return refused("remove", name) }
func (readOnly) RemoveAll(name string) error               { return refused("remove", name) }
func (readOnly) MkdirAll(name string, _ fs.FileMode) error { return refused("mkdir", name) }
func (readOnly) SyncDir(name string) error                 { return refused("sync", name) }
func (readOnly) WriteFileAtomic(name string, _ []byte, _ fs.FileMode) error {
	return refused("write", name)
}
