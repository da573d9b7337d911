// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// A Dir is a directory that is held by what was opened, and not by its name: if
// the process changes its own directory, or somebody renames this one or puts
// another in its place, it is still this one.
type Dir struct {
	path   string   // as it was named
	abs    string   // what that meant when it was opened
	root   *os.Root // what names in it are looked up in
	self   *os.File // the directory itself, which is what is locked
	unlock func() error
	note   *os.File // LOCK, if the lock is that it is open
}

// Hold opens a directory. It changes nothing.
func Hold(dir string) (*Dir, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	self, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Dir{path: filepath.Clean(dir), abs: abs, root: root, self: self}, nil
}

// Close gives the lock back, if it was taken, and the directory.
func (d *Dir) Close() error {
	return errors.Join(d.Unlock(), d.self.Close(), d.root.Close())
}
