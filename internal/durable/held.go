// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"cmp"
	"errors"
	"io/fs"
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
	parts  []part   // directories in it that are held as well
	unlock func() error
	shared bool     // the lock is LockShared's
	note   *os.File // LOCK, if the lock is that it is open
}

// A part is a directory in a Dir, which may be a symbolic link to elsewhere.
type part struct {
	name  string
	root  *os.Root
	self  *os.File
	entry fs.FileInfo // of the name when the part was opened
	lock  *Dir        // if the part lies elsewhere, and so may be one of another directory too
}

// Hold opens a directory. It changes nothing.
func Hold(dir string) (*Dir, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	self, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Dir{path: filepath.Clean(dir), abs: abs, root: root, self: self}, nil
}

// HoldParts holds directories in the directory as well. One that is not there is
// left out.
func (d *Dir) HoldParts(names ...string) error {
	for _, name := range names {
		entry, err := d.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		root, err := d.openPart(name, entry)
		if err != nil {
			return err
		}
		p := part{name: name, root: root, entry: entry}
		if p.self, err = root.Open("."); err != nil {
			return errors.Join(err, root.Close())
		}
		if entry.Mode()&fs.ModeSymlink != 0 {
			p.lock, err = d.lockElsewhere(name)
		}
		if d.parts = append(d.parts, p); err != nil {
			return err
		}
	}
	return nil
}

// Linked returns the parts that are symbolic links.
func (d *Dir) Linked() (names []string) {
	for _, p := range d.parts {
		if p.entry.Mode()&fs.ModeSymlink != 0 {
			names = append(names, p.name)
		}
	}
	return names
}

// lockElsewhere locks what a symbolic link leads to as the directory is locked: a
// copy of the directory has the same link.
func (d *Dir) lockElsewhere(name string) (*Dir, error) {
	there, err := Hold(filepath.Join(d.path, name))
	if err != nil {
		return nil, err
	}
	if err := there.take(d.shared); err != nil {
		return nil, errors.Join(err, there.Close())
	}
	return there, nil
}

// openPart opens a part by its path, so that files in it are named by theirs, and
// follows a symbolic link.
func (d *Dir) openPart(name string, entry fs.FileInfo) (*os.Root, error) {
	path := filepath.Join(d.path, name)
	root, err := os.OpenRoot(path)
	if err != nil || entry.Mode()&fs.ModeSymlink != 0 {
		return root, err
	}
	info, err := root.Stat(".")
	if err == nil && !os.SameFile(info, entry) {
		err = &ChangedError{Name: path, How: Replaced}
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// SystemPath returns a path to something in the directory for a library that
// opens files by itself. It leads there whatever becomes of the directory's
// name, if the system has such paths.
func (d *Dir) SystemPath(name string) string {
	rel, err := d.rel(name)
	if err != nil {
		return name
	}
	if rel == "." {
		return d.systemPath()
	}
	return filepath.Join(d.systemPath(), rel)
}

func (d *Dir) systemPath() string {
	return cmp.Or(procPath(d.self), d.abs)
}

// Close gives the lock back, if it was taken, and all that is held.
func (d *Dir) Close() error {
	var errs []error
	for _, p := range d.parts {
		errs = append(errs, p.self.Close(), p.root.Close())
		if p.lock != nil {
			errs = append(errs, p.lock.release())
		}
	}
	return errors.Join(append(errs, d.Unlock(), d.self.Close(), d.root.Close())...)
}

// release closes what was held for its lock alone: no LOCK in it says anything.
func (d *Dir) release() error {
	d.shared = true
	return d.Close()
}
