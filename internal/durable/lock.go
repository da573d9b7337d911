// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ErrLocked is what Lock returns, as a *LockedError, while another holds it.
var ErrLocked = errors.New("locked")

// A LockedError names the holder of a lock.
type LockedError struct {
	Path string
	PID  int // 0 where the file does not tell
}

func (e *LockedError) Error() string {
	switch e.PID {
	case 0:
		return fmt.Sprintf("%s: locked by another process", e.Path)
	case os.Getpid():
		return fmt.Sprintf("%s: locked by this process (pid %d)", e.Path, e.PID)
	}
	return fmt.Sprintf("%s: locked by process %d", e.Path, e.PID)
}

// Is reports whether target is ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// A FileLock is a lock file held by this process until Release or its end.
type FileLock struct{ f *os.File }

// Lock takes the lock file at path, which it creates where missing, and writes
// this process's id into it. While it is held, by this process or another, the
// error is a *LockedError.
func Lock(path string) (*FileLock, error) {
	f, err := lockFile(path)
	if err != nil {
		if errors.Is(err, ErrLocked) {
			return nil, &LockedError{Path: path, PID: holder(path)}
		}
		return nil, err
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(err, unlockFile(f))
	}
	return &FileLock{f}, nil
}

// Release gives the lock back. The file stays where locks of the system guard
// it: removing it would let two holders lock two files of the same name.
func (l *FileLock) Release() error {
	if l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return errors.Join(f.Truncate(0), unlockFile(f))
}

// writePID is for people and error texts; the lock does not depend on it.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
