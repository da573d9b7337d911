// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ErrIrregular is returned for a name that is to be a file, and is a pipe, a socket or a
// device. To open one of these could wait for ever, for somebody at its other end.
var ErrIrregular = errors.New("is no file, but a pipe, a socket or a device: put the file back that was here")

// OpenFile is os.OpenFile for a file or a directory. Of anything else the error is
// ErrIrregular; it waits for nobody.
func OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag|noWait, perm)
	if err != nil {
		return nil, err
	}
	return onlyFile(f)
}

// openIn is OpenFile for a name in a held directory.
func openIn(r *os.Root, name string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := r.OpenFile(name, flag|noWait, perm)
	if err != nil {
		return nil, err
	}
	return onlyFile(f)
}

// onlyFile returns f, if it is a file or a directory, or else closes it.
func onlyFile(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: ErrIrregular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadAll reads a file that was opened, from its beginning, and closes it.
func ReadAll(f File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, max(size, 0)))
	return b, errors.Join(err, f.Close())
}
