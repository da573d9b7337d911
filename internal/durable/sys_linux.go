// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"os"
	"syscall"
)

// datasync flushes data and what is needed to read it back, not the times.
func datasync(f *os.File) error {
	return control(f, "fdatasync", syscall.Fdatasync)
}

func preallocate(f *os.File, from, to int64) error {
	err := control(f, "fallocate", func(fd int) error {
		return syscall.Fallocate(fd, 0, from, to-from)
	})
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return zeroFill(f, from, to)
	}
	return err
}

// control runs a call on the descriptor, again when a signal interrupts it.
func control(f *os.File, op string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if callErr = call(int(fd)); callErr != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && callErr != nil {
		err = &os.PathError{Op: op, Path: f.Name(), Err: callErr}
	}
	return err
}
