// SPDX-License-Identifier: MPL-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package durable

import (
	"errors"
	"os"
	"syscall"
)

// cannotLock are the answers of file systems that lock no directories, as NFS.
var cannotLock = []error{syscall.EBADF, syscall.EINVAL, syscall.ENOLCK, syscall.ENOSYS, syscall.ENOTSUP, syscall.EOPNOTSUPP}

// lock uses flock, which belongs to what was opened: a second opening conflicts
// too, in this process or another, and the system drops the lock when the
// process ends. On file systems that cannot lock a directory it locks LOCK.
func (d *Dir) lock(shared bool) (unlock func() error, err error) {
	how := syscall.LOCK_EX | syscall.LOCK_NB
	if shared {
		how = syscall.LOCK_SH | syscall.LOCK_NB
	}
	err = flock(d.self, how)
	for _, target := range cannotLock {
		if errors.Is(err, target) {
			return d.lockFile(shared, how)
		}
	}
	return func() error { return flock(d.self, syscall.LOCK_UN) }, err
}

func (d *Dir) lockFile(shared bool, how int) (unlock func() error, err error) {
	flag := os.O_RDWR | os.O_CREATE
	if shared {
		flag = os.O_RDONLY
	}
	f, err := openIn(d.root, LockName, flag, 0o600)
	if shared && errors.Is(err, os.ErrNotExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f, how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if lockErr = syscall.Flock(int(fd), how); lockErr != syscall.EINTR {
				return
			}
		}
	})
	switch {
	case err != nil:
		return err
	case lockErr == nil:
		return nil
	case errors.Is(lockErr, syscall.EWOULDBLOCK):
		return ErrLocked
	}
	return &os.PathError{Op: "flock", Path: f.Name(), Err: lockErr}
}
