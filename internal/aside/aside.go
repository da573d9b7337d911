// SPDX-License-Identifier: MPL-2.0

// Package aside keeps what a repair, or an opening, replaces in a store.
//
// Rule: it moves and copies files of one directory, and knows nothing of what is in
// them.
package aside

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// Files keeps what is replaced, under the name it had, in damaged/<time>.
type Files struct {
	FS  durable.FS
	Dir string // of the store
	Now time.Time

	used string
}

// Used is the directory, once something is in it, or "".
func (a *Files) Used() string { return a.used }

// Place makes room for a file, and returns "" if it is kept already.
func (a *Files) Place(name string) (string, error) {
	if a.used == "" {
		a.used = filepath.Join(a.Dir, layout.DamagedName, a.Now.UTC().Format("20060102T150405.000Z"))
	}
	to := filepath.Join(a.used, name)
	if _, err := a.FS.Stat(to); err == nil {
		return "", nil
	}
	return to, a.FS.MkdirAll(filepath.Dir(to), 0o700)
}

// Move moves a file or directory there, if it exists. Of a file that was kept before
// the earlier state stays, and this one goes.
func (a *Files) Move(name string) error {
	from := filepath.Join(a.Dir, name)
	info, err := a.FS.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	to, err := a.Place(name)
	if err != nil {
		return err
	}
	if to == "" && info.IsDir() {
		err = a.moveIn(name)
	}
	if err != nil {
		return err
	}
	if to == "" {
		return a.FS.Remove(from)
	}
	if err := a.FS.Rename(from, to); err != nil {
		return err
	}
	return errors.Join(a.FS.SyncDir(filepath.Dir(to)), a.FS.SyncDir(filepath.Dir(from)))
}

// moveIn moves what is in a directory of which something was kept before.
func (a *Files) moveIn(name string) error {
	entries, err := a.FS.ReadDir(filepath.Join(a.Dir, name))
	for _, e := range entries {
		err = errors.Join(err, a.Move(filepath.Join(name, e.Name())))
	}
	return err
}

// Write keeps what was no file of its own.
func (a *Files) Write(name string, b []byte) error {
	to, err := a.Place(name)
	if err != nil || to == "" {
		return err
	}
	return a.FS.WriteFileAtomic(to, b, 0o600)
}

// Copy keeps a file that is about to be written to.
func (a *Files) Copy(name string) error {
	from, err := a.FS.Open(filepath.Join(a.Dir, name), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := a.Place(name)
	if err != nil || to == "" {
		return err
	}
	f, err := a.FS.Open(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	size, err := from.Size()
	if err == nil {
		_, err = io.Copy(io.NewOffsetWriter(f, 0), io.NewSectionReader(from, 0, size))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), a.FS.SyncDir(filepath.Dir(to)))
}

// Note says in the directory why something is in it.
func (a *Files) Note(name, why string) error {
	f, err := os.OpenFile(filepath.Join(a.used, "WHY"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s: %s\n", name, why)
	return errors.Join(err, f.Sync(), f.Close())
}
