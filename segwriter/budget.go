// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"os"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

const (
	maxDefaultOpen = 128
	minDefaultOpen = 8
)

// DefaultMaxOpen is a quarter of the descriptors that the process may have, but
// at most 128: sockets, the AOF, the application and another store take some
// too.
func DefaultMaxOpen() int {
	limit := durable.DescriptorLimit()
	if limit == 0 {
		return maxDefaultOpen
	}
	return int(max(min(limit/4, maxDefaultOpen), minDefaultOpen))
}

// sparing is a file system for which the files of a cache are given back, those
// first that were not used for longest, while the system has no descriptor or
// no memory for what is asked. With none left to give, the error is the
// caller's: durable.TroubleOf says Exhausted of it, and nothing was done.
type sparing struct {
	durable.FS
	cache *cache
}

func (s sparing) try(do func() error) error {
	for {
		err := do()
		if durable.TroubleOf(err) != durable.Exhausted || !s.cache.shrink() {
			return err
		}
	}
}

func (s sparing) Open(name string, flag int, perm os.FileMode) (f durable.File, err error) {
	err = s.try(func() error { f, err = s.FS.Open(name, flag, perm); return err })
	if err != nil {
		return nil, err
	}
	return sparingFile{f, s}, nil
}

func (s sparing) Stat(name string) (info os.FileInfo, err error) {
	err = s.try(func() error { info, err = s.FS.Stat(name); return err })
	return info, err
}

func (s sparing) MkdirAll(name string, perm os.FileMode) error {
	return s.try(func() error { return s.FS.MkdirAll(name, perm) })
}

func (s sparing) SyncDir(name string) error {
	return s.try(func() error { return s.FS.SyncDir(name) })
}

func (s sparing) ReadDir(name string) (entries []os.DirEntry, err error) {
	err = s.try(func() error { entries, err = s.FS.ReadDir(name); return err })
	return entries, err
}

func (s sparing) ReadFile(name string) (b []byte, err error) {
	err = s.try(func() error { b, err = s.FS.ReadFile(name); return err })
	return b, err
}

func (s sparing) WriteFileAtomic(name string, data []byte, perm os.FileMode) error {
	return s.try(func() error { return s.FS.WriteFileAtomic(name, data, perm) })
}

// sparingFile is a file of a sparing file system.
type sparingFile struct {
	durable.File
	s sparing
}

func (f sparingFile) Map(do func(*os.File) error) error {
	return f.s.try(func() error { return f.File.Map(do) })
}
