// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// LockName is the file in a locked directory that tells people who holds it.
const LockName = "LOCK"

// ErrLocked is what Lock returns, as a *LockedError, while another holds it.
var ErrLocked = errors.New("locked")

// A LockedError names the holder of a lock.
type LockedError struct {
	Path string
	PID  int // 0 if it is another process, of which LOCK does not tell
}

func (e *LockedError) Error() string {
	switch e.PID {
	case 0:
		return fmt.Sprintf("%s: locked by another process; one at a time may have it open", e.Path)
	case os.Getpid():
		return fmt.Sprintf("%s: locked by this process (pid %d), which has it open; close it there first", e.Path, e.PID)
	}
	return fmt.Sprintf("%s: locked by process %d; one at a time may have it open", e.Path, e.PID)
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
// changes nothing, LOCK neither, so that it can be had if nothing may be
// written. On a system without locks, or a file system without locks of directories
// on which no LOCK is, it only looks.
func (d *Dir) LockShared() error { return d.take(true) }

func (d *Dir) take(shared bool) error {
	unlock, err := d.lock(shared)
	if errors.Is(err, ErrLocked) {
		if lockedHere.holds(d) {
			return &LockedError{Path: d.path, PID: os.Getpid()}
		}
		return &LockedError{Path: d.path, PID: d.holder()}
	}
	if err != nil {
		return err
	}
	d.unlock, d.shared = unlock, shared
	lockedHere.add(d)
	return nil
}

// lockedHere is what this process has locked: LOCK does not tell of shared locks, and
// may be gone.
var lockedHere lockedDirs

type lockedDirs struct {
	mu  sync.Mutex // guards all
	all map[*Dir]struct{}
}

func (l *lockedDirs) add(d *Dir) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[*Dir]struct{}{}
	}
	l.all[d] = struct{}{}
}

func (l *lockedDirs) remove(d *Dir) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, d)
}

// holds reports whether this process has locked the directory that d is, under
// whatever name.
func (l *lockedDirs) holds(d *Dir) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	want, err := d.root.Stat(".")
	for other := range l.all {
		have, err2 := other.root.Stat(".")
		if err == nil && err2 == nil && os.SameFile(want, have) {
			return true
		}
	}
	return false
}

// Unlock gives the lock back. LOCK stays, empty.
func (d *Dir) Unlock() error {
	if d.unlock == nil {
		return nil
	}
	lockedHere.remove(d)
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
		f, err := openIn(d.root, LockName, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err == nil {
			_, _ = f.WriteString(text)
			_ = f.Close()
		}
	} else if d.note.Truncate(0) == nil {
		_, _ = d.note.WriteAt([]byte(text), 0)
	}
}

func (d *Dir) holder() int {
	return pidIn(openIn(d.root, LockName, os.O_RDONLY, 0))
}
