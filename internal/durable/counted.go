// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Counted is a file system that knows how long all files below a directory are
// together: it walks them once, and then counts what each call adds and takes.
// A file grows by one writer at a time. Files that a library writes by itself, in the
// directory apart, are looked at with each question.
type Counted struct {
	FS
	dir   string
	apart string // a directory in dir, of a few files
	total atomic.Int64
}

// NewCounted counts the files in dir; Walk must be called before Bytes.
func NewCounted(fsys FS, dir, apart string) *Counted {
	return &Counted{FS: fsys, dir: dir, apart: filepath.Join(dir, apart)}
}

// Walk looks at all files. Nobody may change any meanwhile.
func (c *Counted) Walk() error {
	all, err := c.below(c.dir)
	if err != nil {
		return err
	}
	apart, err := c.below(c.apart)
	c.total.Store(all - apart)
	return err
}

// Bytes returns the length of all files.
func (c *Counted) Bytes() (int64, error) {
	apart, err := c.below(c.apart)
	return c.total.Load() + apart, err
}

// below returns the length of a file, or of all in a directory. One that is not there,
// goes meanwhile, or may not be looked at has none.
func (c *Counted) below(name string) (total int64, err error) {
	info, err := c.FS.Stat(name)
	if err != nil {
		return 0, passed(err)
	}
	if !info.IsDir() {
		return regular(info), nil
	}
	entries, err := c.FS.ReadDir(name)
	if err != nil {
		return 0, passed(err)
	}
	for _, e := range entries {
		n, err := c.entry(name, e)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// entry is below for an entry of a directory. A link that leads nowhere that is
// ours is nothing.
func (c *Counted) entry(dir string, e fs.DirEntry) (int64, error) {
	if e.Type().IsRegular() {
		info, err := e.Info()
		if err != nil {
			return 0, passed(err)
		}
		return info.Size(), nil
	}
	n, err := c.below(filepath.Join(dir, e.Name()))
	if e.Type()&fs.ModeSymlink != 0 && err != nil {
		return 0, nil
	}
	return n, err
}

func passed(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return ignoreMissing(err)
}

func regular(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// counts reports whether a name counts by itself: it is not in the part that is
// looked at.
func (c *Counted) counts(name string) bool {
	rel, err := filepath.Rel(c.apart, name)
	return err != nil || !filepath.IsLocal(rel)
}

// instead does what replaces name by something, or by nothing; by is what is
// put there.
func (c *Counted) instead(name string, by int64, do func() error) error {
	was := int64(0)
	if c.counts(name) {
		n, err := c.below(name)
		if err != nil {
			return err
		}
		was = n
	} else {
		by = 0
	}
	err := do()
	if err == nil {
		c.total.Add(by - was)
	}
	return err
}

// Open opens a file.
func (c *Counted) Open(name string, flag int, perm fs.FileMode) (f File, err error) {
	open := func() error {
		f, err = c.FS.Open(name, flag, perm)
		return err
	}
	if flag&os.O_TRUNC != 0 {
		err = c.instead(name, 0, open)
	} else {
		err = open()
	}
	if err != nil || flag&(os.O_WRONLY|os.O_RDWR) == 0 || !c.counts(name) {
		return f, err
	}
	return &countedFile{File: f, c: c}, nil
}

// Rename replaces newName.
func (c *Counted) Rename(oldName, newName string) error {
	if filepath.Clean(oldName) == filepath.Clean(newName) {
		return c.FS.Rename(oldName, newName)
	}
	from, err := c.below(oldName)
	if err != nil {
		return err
	}
	return c.instead(newName, from, func() error {
		err := c.FS.Rename(oldName, newName)
		if err == nil && c.counts(oldName) {
			c.total.Add(-from)
		}
		return err
	})
}

// Remove removes a file or an empty directory.
func (c *Counted) Remove(name string) error {
	return c.instead(name, 0, func() error { return c.FS.Remove(name) })
}

// RemoveAll removes name and all below it. If it fails, what is left is looked at.
func (c *Counted) RemoveAll(name string) error {
	was, err := c.below(name)
	if err != nil {
		return err
	}
	err = c.FS.RemoveAll(name)
	left, lookErr := c.below(name)
	if c.counts(name) && lookErr == nil {
		c.total.Add(left - was)
	}
	return err
}

// WriteFileAtomic replaces a whole file.
func (c *Counted) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return WriteFileAtomic(c, name, data, perm)
}

// countedFile is a file that is written.
type countedFile struct {
	File
	c    *Counted
	size atomic.Int64 // that it has at least, unless it is cut
}

// resize does what may change the length of the file.
func (f *countedFile) resize(do func() error) error {
	was, err := f.File.Size()
	if err != nil {
		return err
	}
	err = do()
	is, sizeErr := f.File.Size()
	if sizeErr == nil {
		f.size.Store(is)
		f.c.total.Add(is - was)
	}
	return err
}

func (f *countedFile) WriteAt(p []byte, off int64) (n int, err error) {
	if off+int64(len(p)) <= f.size.Load() {
		return f.File.WriteAt(p, off)
	}
	err = f.resize(func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *countedFile) Truncate(size int64) error {
	return f.resize(func() error { return f.File.Truncate(size) })
}

func (f *countedFile) Preallocate(size int64) error {
	return f.resize(func() error { return f.File.Preallocate(size) })
}
