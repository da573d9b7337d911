// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io/fs"
	"os"
)

// faultyFile is a file of a Faulty file system. Close always goes through, so
// that a crashed test leaks no descriptor.
type faultyFile struct {
	File
	fs *Faulty
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.hook(OpRead, f.Name()); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.fs.hook(OpWrite, f.Name())
	if err == nil {
		return f.File.WriteAt(p, off)
	}
	var short *ShortWrite
	if !errors.As(err, &short) || short.N <= 0 {
		return 0, err
	}
	n, writeErr := f.File.WriteAt(p[:min(short.N, len(p))], off)
	if writeErr != nil {
		return n, writeErr
	}
	return n, err
}

func (f *faultyFile) Sync() error {
	if err := f.fs.hook(OpSync, f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.hook(OpTruncate, f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Preallocate(size int64) error {
	if err := f.fs.hook(OpPreallocate, f.Name()); err != nil {
		return err
	}
	return f.File.Preallocate(size)
}

func (f *faultyFile) Size() (int64, error) {
	if err := f.fs.hook(OpStat, f.Name()); err != nil {
		return 0, err
	}
	return f.File.Size()
}

func (f *faultyFile) Stat() (fs.FileInfo, error) {
	if err := f.fs.hook(OpStat, f.Name()); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

func (f *faultyFile) Map(do func(*os.File) error) error {
	if err := f.fs.hook(OpMap, f.Name()); err != nil {
		return err
	}
	if err := f.fs.hook(OpFault, f.Name()); err != nil {
		return mapNothing(do)
	}
	return f.File.Map(do)
}

// mapNothing hands do a file without a byte: whatever is mapped of it faults, as it
// does on a disk that cannot be read.
func mapNothing(do func(*os.File) error) error {
	f, err := os.CreateTemp("", "fault")
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close(), os.Remove(f.Name()))
}
