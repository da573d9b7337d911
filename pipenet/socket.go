// SPDX-License-Identifier: MPL-2.0

package pipenet

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// A socket is a listening unix socket, and the file to remove with it.
type socket struct {
	*net.UnixListener
	path string
	file fs.FileInfo
	once sync.Once
}

// maxPath is what the address of a unix socket, 107 bytes at most, leaves with the
// directory in which it is made.
const maxPath = 90

// errTaken is returned if somebody listens already.
var errTaken = errors.New("another process listens there; choose another path or stop it")

// listen makes a socket at path that only this user can connect to. It takes
// the place of one that a process left behind which was killed.
func listen(path string) (*socket, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("path of %d bytes, limit %d; choose a shorter one", len(path), maxPath)
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	// Made where nobody else can enter and moved when its mode is set: nobody
	// can connect before.
	private, err := os.MkdirTemp(filepath.Dir(path), ".")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it moves
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &socket{UnixListener: l, path: path}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

// lost returns why nobody finds the socket: something else is at its path, or
// nothing.
func (s *socket) lost() error {
	st, err := os.Lstat(s.path)
	if err == nil && !os.SameFile(st, s.file) {
		err = fmt.Errorf("%w: another file is in the place of the socket", fs.ErrExist)
	}
	return err
}

// vacant returns an error unless path is free or holds a socket at which nobody
// listens any more.
func vacant(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: it is no socket; choose another path", fs.ErrExist)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return errTaken
	}
	return nil
}

// Close stops listening and removes the file, if it is still its own.
func (s *socket) Close() error {
	err := s.UnixListener.Close()
	s.once.Do(func() {
		if s.lost() == nil {
			err = errors.Join(err, os.Remove(s.path))
		}
	})
	return err
}
