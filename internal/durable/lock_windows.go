// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

const errSharingViolation = syscall.Errno(32)

// lock opens LOCK so that no other may open it for writing, nor remove or
// rename it; the system drops that when the process ends. Others can still read
// the holder's id, which is written here: nobody may open the file to do it.
func (d *Dir) lock() (unlock func() error, err error) {
	path := filepath.Join(d.abs, LockName)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE,
		syscall.FILE_SHARE_READ, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == nil:
		d.note = os.NewFile(uintptr(h), path)
		return d.note.Close, nil
	case errors.Is(err, errSharingViolation):
		return nil, ErrLocked
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
