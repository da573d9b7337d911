// SPDX-License-Identifier: MPL-2.0

// Package durable is the one place where files are written, synced and locked.
//
// It wraps the few calls a store needs behind two small interfaces, so that a
// test can fail or cut any of them (Faulty), and so that the rules of durable
// files live together: data is synced with fdatasync, a new name is durable
// once its directory is synced, a whole file is replaced by write, sync,
// rename, sync of the directory.
package durable

import (
	"io"
	"io/fs"
	"os"
)

// A File is an open file. Reads and writes are positioned, so a File may be
// used by several goroutines at once.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes the written data durable, and the size if it grew. The name
	// of a new file is durable only after FS.SyncDir of its directory.
	Sync() error
	// Truncate cuts or extends the file. Never cut a file that is mapped.
	Truncate(size int64) error
	Size() (int64, error)
	Stat() (fs.FileInfo, error)
	// Preallocate makes the file at least size bytes long with disk space behind
	// what it adds, which reads as zeros. It never shortens the file.
	Preallocate(size int64) error
	// Map hands do what is open, to map it; the map outlives the File.
	Map(do func(*os.File) error) error
	Close() error
	Name() string
}

// An FS opens, names and removes files. Names are paths as for package os.
type FS interface {
	// Open opens a file with the os.O_ flags given.
	Open(name string, flag int, perm fs.FileMode) (File, error)
	// Rename replaces newName; SyncDir of the directory makes it durable.
	Rename(oldName, newName string) error
	Remove(name string) error
	// RemoveAll removes name and all below it; one that is not there is no error.
	RemoveAll(name string) error
	// MkdirAll makes a directory and its missing parents, each of them durable.
	MkdirAll(name string, perm fs.FileMode) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadFile(name string) ([]byte, error)
	// WriteFileAtomic replaces a whole file: after a crash it holds the old
	// content or the new. One writer per name.
	WriteFileAtomic(name string, data []byte, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// Same reports whether name leads to the file that Stat returned held of. It is
	// for those who look often: see sameAt.
	Same(name string, held fs.FileInfo) (bool, error)
	// SystemPath returns a path for a library that opens files by itself. Compare
	// what it opened with Stat.
	SystemPath(name string) string
}

// OS is the operating system's file system.
var OS FS = osFS{}
