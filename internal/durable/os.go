// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/sabotage"
)

type osFS struct{}

func (osFS) Open(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(oldName, newName string) error       { return os.Rename(oldName, newName) }
func (osFS) Remove(name string) error                   { return os.Remove(name) }
func (osFS) RemoveAll(name string) error                { return os.RemoveAll(name) }
func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (f osFS) ReadFile(name string) ([]byte, error)     { return ReadAll(f.Open(name, os.O_RDONLY, 0)) }
func (osFS) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }

func (f osFS) Same(name string, held fs.FileInfo) (bool, error) {
	same, err := sameAt(nil, name, held)
	return orStat(f, name, held, same, err)
}

// orStat is what sameAt found out, or what Stat says where it cannot be asked.
func orStat(f FS, name string, held fs.FileInfo, same bool, err error) (bool, error) {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		there, err := f.Stat(name)
		return err == nil && os.SameFile(held, there), err
	}
	return same, err
}

func (f osFS) MkdirAll(name string, perm fs.FileMode) error {
	return MkdirAll(f, os.Mkdir, name, perm)
}

func (f osFS) WriteFileAtomic(name string, data []byte, perm fs.FileMode) error {
	return WriteFileAtomic(f, name, data, perm)
}

func (osFS) SyncDir(name string) error {
	if sabotage.NoSync {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

func (osFS) SystemPath(name string) string { return name }

// MkdirAll is FS.MkdirAll over the other calls of fsys, for a file system of
// tests that looks at each step; mkdir makes one directory.
func MkdirAll(fsys FS, mkdir func(string, fs.FileMode) error, name string, perm fs.FileMode) error {
	if info, err := fsys.Stat(name); err == nil {
		if info.IsDir() {
			return nil
		}
		return &fs.PathError{Op: "mkdir", Path: name, Err: errors.New("exists and is not a directory")}
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := MkdirAll(fsys, mkdir, parent, perm); err != nil {
			return err
		}
	}
	if err := mkdir(name, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// WriteFileAtomic is FS.WriteFileAtomic over the other calls of fsys; see
// MkdirAll.
func WriteFileAtomic(fsys FS, name string, data []byte, perm fs.FileMode) error {
	tmp := name + ".tmp"
	// A temporary file left by a crash may have another mode: start anew.
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSynced(fsys, tmp, data, perm); err != nil {
		return errors.Join(err, ignoreMissing(fsys.Remove(tmp)))
	}
	if err := fsys.Rename(tmp, name); err != nil {
		return errors.Join(err, ignoreMissing(fsys.Remove(tmp)))
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeSynced(fsys FS, name string, data []byte, perm fs.FileMode) error {
	f, err := fsys.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type osFile struct{ *os.File }

func (f osFile) Sync() error {
	if sabotage.NoSync {
		return nil
	}
	return datasync(f.File)
}

func (f osFile) Map(do func(*os.File) error) error { return do(f.File) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Preallocate(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return preallocate(f.File, have, size)
}

// zeroFill is Preallocate if the system has no call for it.
func zeroFill(f *os.File, from, to int64) error {
	zeros := make([]byte, min(to-from, 1<<20))
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
