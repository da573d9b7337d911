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
// the holder's id, which is written here: nobody may open the file to do it. Who
// shares the lock opens it to read, which goes together and not with a writer.
func (d *Dir) lock(shared bool) (unlock func() error, err error) {
	path := filepath.Join(d.abs, LockName)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	access, create := uint32(syscall.GENERIC_READ|syscall.GENERIC_WRITE), uint32(syscall.OPEN_ALWAYS)
	if shared {
		access, create = syscall.GENERIC_READ, syscall.OPEN_EXISTING
	}
	h, err := syscall.CreateFile(name, access, syscall.FILE_SHARE_READ, nil, create, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case shared && errors.Is(err, os.ErrNotExist):
		return func() error { return nil }, nil
	case err == nil && shared:
		return os.NewFile(uintptr(h), path).Close, nil
	case err == nil:
		d.note = os.NewFile(uintptr(h), path)
		return d.note.Close, nil
	case errors.Is(err, errSharingViolation):
		return nil, ErrLocked
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
