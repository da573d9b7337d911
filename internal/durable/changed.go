// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrChanged is what every *ChangedError is.
var ErrChanged = errors.New("changed while it was open")

// A ChangedError says that a name does not lead any more to what was opened under
// it. Nothing is wrong with the bytes that are held.
type ChangedError struct {
	Name   string
	How    string // Removed or Replaced
	Shared bool   // all of the store is behind it, and not one log alone
}

// Changes of a name.
const (
	Removed  = "was removed"
	Replaced = "is another file than the one in use"
)

// Error says what happened and what to do.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s %s: what is held can be read until it is closed, and nothing more is written; put back what was there, then open again", e.Name, e.How)
}

// Is reports whether target is ErrChanged.
func (e *ChangedError) Is(target error) bool { return target == ErrChanged }

// Unwrap returns what a system says of a file that is gone, so that it counts
// as an error of the file system and not as a file that was never there.
func (e *ChangedError) Unwrap() error {
	return &fs.PathError{Op: "find", Path: e.Name, Err: syscall.ESTALE}
}

// Same returns nil if name leads to the file that is open as f, else a
// *ChangedError or what kept it from looking.
func Same(fsys FS, name string, f interface{ Stat() (fs.FileInfo, error) }) error {
	held, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := fsys.Stat(name)
	return compare(name, held, there, err)
}

// SameInfo is Same for what Stat returned of the open file.
func SameInfo(fsys FS, name string, held fs.FileInfo) error {
	same, err := fsys.Same(name, held)
	return changed(name, same, err)
}

func compare(name string, held, there fs.FileInfo, err error) error {
	return changed(name, err == nil && os.SameFile(held, there), err)
}

func changed(name string, same bool, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ChangedError{Name: name, How: Removed}
	case err != nil:
		return err
	case !same:
		return &ChangedError{Name: name, How: Replaced}
	}
	return nil
}

// Check returns a *ChangedError if a name in the directory does not lead any more
// to the part that is held, or is gone. The directory's own name may change.
func (d *Dir) Check(names ...string) error {
	for _, name := range names {
		there, err := d.root.Lstat(name)
		held := there
		for i := range d.parts {
			if d.parts[i].name == name {
				held = d.parts[i].entry
			}
		}
		if err := compare(filepath.Join(d.path, name), held, there, err); err != nil {
			if changed, ok := err.(*ChangedError); ok {
				changed.Shared = true
			}
			return err
		}
	}
	return nil
}
