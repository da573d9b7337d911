// SPDX-License-Identifier: MPL-2.0

package store

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

// damagedName is where what a repair replaces is kept.
const damagedName = layout.DamagedName

// aside keeps what is replaced, under the name it had, in damaged/<time>.
type aside struct {
	fs   durable.FS
	dir  string // of the store
	now  time.Time
	used string // the directory, once something is in it
}

// place makes room for a file, and returns "" if it is kept already.
func (a *aside) place(name string) (string, error) {
	if a.used == "" {
		a.used = filepath.Join(a.dir, damagedName, a.now.UTC().Format("20060102T150405.000Z"))
	}
	to := filepath.Join(a.used, name)
	if _, err := a.fs.Stat(to); err == nil {
		return "", nil
	}
	return to, a.fs.MkdirAll(filepath.Dir(to), 0o700)
}

// move moves a file or directory there, if it exists.
func (a *aside) move(name string) error {
	from := filepath.Join(a.dir, name)
	if _, err := a.fs.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	to, err := a.place(name)
	if err != nil {
		return err
	}
	if to == "" { // an earlier state of it is there, which is the one to keep
		return a.fs.Remove(from)
	}
	if err := a.fs.Rename(from, to); err != nil {
		return err
	}
	return errors.Join(a.fs.SyncDir(filepath.Dir(to)), a.fs.SyncDir(filepath.Dir(from)))
}

// write keeps what was no file of its own.
func (a *aside) write(name string, b []byte) error {
	to, err := a.place(name)
	if err != nil || to == "" {
		return err
	}
	return a.fs.WriteFileAtomic(to, b, 0o600)
}

// copy keeps a file that is about to be written to.
func (a *aside) copy(name string) error {
	from, err := a.fs.Open(filepath.Join(a.dir, name), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := a.place(name)
	if err != nil || to == "" {
		return err
	}
	f, err := a.fs.Open(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
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
	return errors.Join(err, f.Close(), a.fs.SyncDir(filepath.Dir(to)))
}

// note says in the directory why something is in it.
func (a *aside) note(name, why string) error {
	f, err := os.OpenFile(filepath.Join(a.used, "WHY"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s: %s\n", name, why)
	return errors.Join(err, f.Sync(), f.Close())
}
