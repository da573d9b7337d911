// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux/internal/sabotage"
)

// heldFS is what is below a Dir. Names are paths that begin with the directory's
// as it was named, so that people can read them; what follows is looked up in
// what is held. A symbolic link below it that leads out of it is refused, but
// for the parts that are held themselves.
type heldFS struct{ d *Dir }

// A wrapper is a file system that looks at each call before another one gets it.
type wrapper interface {
	// Over returns the same over another file system.
	Over(FS) FS
}

// FS returns the file system below the directory; fsys is OS or a wrapper of
// it, which is put over what is returned.
func (d *Dir) FS(fsys FS) FS {
	if w, ok := fsys.(wrapper); ok {
		return w.Over(heldFS{d})
	}
	if fsys != OS {
		panic(fmt.Sprintf("durable: a %T cannot be put over a directory", fsys)) // it would look at nothing
	}
	return heldFS{d}
}

var errOutside = errors.New("is not in the directory that is held")

// rel returns a name below the directory.
func (d *Dir) rel(name string) (string, error) {
	name = filepath.Clean(name)
	switch rest, below := strings.CutPrefix(name, d.path); {
	case d.path == "." && filepath.IsLocal(name):
		return name, nil
	case name == d.path:
		return ".", nil
	case below && os.IsPathSeparator(d.path[len(d.path)-1]):
		return rest, nil
	case below && os.IsPathSeparator(rest[0]):
		return rest[1:], nil
	}
	return "", &fs.PathError{Op: "find", Path: name, Err: errOutside}
}

// at returns where a name is looked up, and as what: that of a part itself in the
// part if it is to be entered, else as a name of the directory.
func (d *Dir) at(name string, enter bool) (*os.Root, string, error) {
	rel, err := d.rel(name)
	if err != nil {
		return nil, "", err
	}
	first, rest, deeper := strings.Cut(filepath.ToSlash(rel), "/")
	for i := range d.parts {
		switch p := &d.parts[i]; {
		case p.name != first:
		case deeper:
			return p.root, filepath.FromSlash(rest), nil
		case enter:
			return p.root, ".", nil
		}
	}
	return d.root, rel, nil
}

// do calls one function of a Root with a name, which errors give in full.
func (h heldFS) do(name string, enter bool, call func(*os.Root, string) error) error {
	root, rel, err := h.d.at(name, enter)
	if err != nil {
		return err
	}
	err = call(root, rel)
	if e, ok := err.(*fs.PathError); ok {
		err = &fs.PathError{Op: strings.TrimSuffix(e.Op, "at"), Path: name, Err: e.Err}
	}
	return err
}

func (h heldFS) Open(name string, flag int, perm fs.FileMode) (file File, err error) {
	err = h.do(name, true, func(r *os.Root, rel string) error {
		f, err := openIn(r, rel, flag, perm)
		if err == nil {
			file = osFile{f}
		}
		return err
	})
	return file, err
}

func (h heldFS) Rename(oldName, newName string) error {
	from, oldRel, err := h.d.at(oldName, false)
	if err != nil {
		return err
	}
	to, newRel, err := h.d.at(newName, false)
	if err != nil {
		return err
	}
	if from != to { // from one part to another: by their names in the directory
		from = h.d.root
		oldRel, _ = h.d.rel(oldName)
		newRel, _ = h.d.rel(newName)
	}
	err = from.Rename(oldRel, newRel)
	if e, ok := err.(*os.LinkError); ok {
		err = &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: e.Err}
	}
	return err
}

func (h heldFS) Remove(name string) error    { return h.do(name, false, (*os.Root).Remove) }
func (h heldFS) RemoveAll(name string) error { return h.do(name, false, (*os.Root).RemoveAll) }

func (h heldFS) MkdirAll(name string, perm fs.FileMode) error {
	return MkdirAll(h, func(name string, perm fs.FileMode) error {
		return h.do(name, false, func(r *os.Root, rel string) error { return r.Mkdir(rel, perm) })
	}, name, perm)
}

func (h heldFS) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return WriteFileAtomic(h, name, data, perm)
}

func (h heldFS) SyncDir(name string) error {
	if sabotage.NoSync {
		return nil
	}
	return h.inside(name, syncDir)
}

// inside opens a directory for fn.
func (h heldFS) inside(name string, fn func(*os.File) error) error {
	return h.do(name, true, func(r *os.Root, rel string) error {
		f, err := r.Open(rel)
		if err != nil {
			return err
		}
		return errors.Join(fn(f), f.Close())
	})
}

func (h heldFS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = h.inside(name, func(f *os.File) (err error) {
		entries, err = f.ReadDir(-1)
		return err
	})
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (h heldFS) ReadFile(name string) ([]byte, error) { return ReadAll(h.Open(name, os.O_RDONLY, 0)) }

func (h heldFS) Stat(name string) (info fs.FileInfo, err error) {
	err = h.do(name, true, func(r *os.Root, rel string) (err error) {
		info, err = r.Stat(rel)
		return err
	})
	return info, err
}

func (h heldFS) Same(name string, held fs.FileInfo) (bool, error) {
	root, rel, err := h.d.at(name, true)
	if err != nil {
		return false, err
	}
	dir := h.d.self
	for i := range h.d.parts {
		if h.d.parts[i].root == root {
			dir = h.d.parts[i].self
		}
	}
	same, err := sameAt(dir, rel, held)
	return orStat(h, name, held, same, err)
}

func (h heldFS) SystemPath(name string) string { return h.d.SystemPath(name) }
