// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"os"
	"strconv"
)

// LockName is the file in a locked directory that tells people who holds it.
const LockName = "LOCK"

// ErrLocked is what Lock returns, as a *LockedError, while another holds it.
var ErrLocked = errors.New("locked")

// A LockedError names the holder of a lock.
type LockedError struct {
	Path string
	PID  int // 0 if LOCK does not tell
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

// Lock takes the lock of the directory, which this process holds until Unlock,
// Close or its end. While it is held, by this process or another, and under
// whatever name, the error is a *LockedError. The lock is one of the directory
// itself if the system has such locks: to remove or replace LOCK lets nobody in.
func (d *Dir) Lock() error {
	if err := d.take(false); err != nil {
		return err
	}
	d.notePID(strconv.Itoa(os.Getpid()) + "\n")
	return nil
}

// LockShared takes the lock together with others who do, and keeps Lock out. It
// changes nothing, LOCK neither, so that it can be had where nothing may be
// written. On a system without locks, or a file system without locks of directories
// on which no LOCK is, it only looks.
func (d *Dir) LockShared() error { return d.take(true) }

func (d *Dir) take(shared bool) error {
	unlock, err := d.lock(shared)
	if errors.Is(err, ErrLocked) {
		return &LockedError{Path: d.path, PID: d.holder()}
	}
	if err != nil {
		return err
	}
	d.unlock, d.shared = unlock, shared
	return nil
}

// Unlock gives the lock back. LOCK stays, empty.
func (d *Dir) Unlock() error {
	if d.unlock == nil {
		return nil
	}
	unlock := d.unlock
	d.unlock = nil
	if !d.shared {
		d.notePID("")
	}
	return unlock()
}

// notePID is for people and error texts; the lock does not depend on it, and a
// full disk does not keep it from being taken.
func (d *Dir) notePID(text string) {
	if d.note == nil {
		_ = d.root.WriteFile(LockName, []byte(text), 0o600)
	} else if d.note.Truncate(0) == nil {
		_, _ = d.note.WriteAt([]byte(text), 0)
	}
}

func (d *Dir) holder() int {
	b, err := d.root.ReadFile(LockName)
	if err != nil {
		return 0
	}
	return parsePID(b)
}
