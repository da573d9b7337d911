// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Where the socket is: <dir>/node.sock. The path of a unix socket has room for
// about 100 bytes; if the store's is longer, the socket is in a directory of
// its own under the system's temporary one, and node.sock.path names it. A link
// beside it says of which directory it is: a copy of the store has a copy of
// node.sock.path too.
const (
	socketName = "node.sock"
	pathName   = "node.sock.path"
	linkName   = "store"

	privatePrefix = ".node" // of directories of our own, and then a number
	maxSocketPath = 100
)

// A socket is a listening socket and the files to remove with it.
type socket struct {
	*net.UnixListener
	remove []string
}

// listen makes the socket of a store. The caller holds the store's lock, so
// that whatever is there was left by a node that was killed.
func listen(dir string) (*socket, error) {
	s := &socket{}
	sweep(dir)
	path := filepath.Join(dir, socketName)
	for _, stale := range []string{path, filepath.Join(dir, pathName)} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	// The socket is made in a directory nobody else can enter and moved when
	// its mode is set: nobody can connect before.
	private, err := privateDir(dir)
	if err != nil {
		return nil, err
	}
	far := filepath.Dir(private) != filepath.Clean(dir)
	if far {
		err = linkBack(dir, private)
	}
	if err == nil {
		s.UnixListener, err = bind(filepath.Join(private, "s"))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(private))
	}
	if far {
		s.remove = []string{private, filepath.Join(dir, pathName)}
		err = writeWhole(filepath.Join(dir, pathName), filepath.Join(private, "s")+"\n")
	} else {
		s.remove = []string{path}
		err = errors.Join(os.Rename(filepath.Join(private, "s"), path), os.Remove(private))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(), os.RemoveAll(private))
	}
	return s, nil
}

// privateDir makes a directory of mode 0700 in which a socket named "s" has
// room: in dir, or else in a temporary one.
func privateDir(dir string) (string, error) {
	for _, in := range places(dir) {
		if len(in)+len("/.node1234567890/s") > maxSocketPath {
			continue
		}
		return os.MkdirTemp(in, privatePrefix)
	}
	return "", fmt.Errorf("socket of %s: no directory with a short enough name; set TMPDIR to one", dir)
}

// places are where a private directory may be.
func places(dir string) []string { return []string{filepath.Clean(dir), os.TempDir(), "/tmp"} }

// sweep removes the private directories of this store that nodes left behind
// which were killed. The caller holds the store's lock, so nobody alive has one.
func sweep(dir string) {
	for i, in := range places(dir) {
		all, _ := os.ReadDir(in) // what cannot be listed is as it was
		for _, e := range all {
			private := filepath.Join(in, e.Name())
			if strings.HasPrefix(e.Name(), privatePrefix) && (i == 0 || linksBack(dir, filepath.Join(private, "s"))) {
				os.RemoveAll(private) // somebody else's is not ours to remove, the system says
			}
		}
	}
}

func bind(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it moves; close removes it
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// writeWhole writes a file that is never seen half written.
func writeWhole(path, text string) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Close stops listening and removes the files.
func (s *socket) Close() error {
	errs := []error{ignoreClosed(s.UnixListener.Close())}
	for _, f := range s.remove {
		errs = append(errs, os.RemoveAll(f))
	}
	s.remove = nil
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// find returns the path of a store's socket, or ErrNoNode.
func find(dir string) (string, error) {
	path := filepath.Join(dir, socketName)
	if _, err := os.Lstat(path); err == nil {
		return path, nil
	}
	b, err := os.ReadFile(filepath.Join(dir, pathName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", ErrNoNode
	}
	path = strings.TrimSpace(string(b))
	if err == nil && !linksBack(dir, path) {
		return "", ErrNoNode
	}
	return path, err
}

func linkBack(dir, private string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	return os.Symlink(abs, filepath.Join(private, linkName))
}

// linksBack reports whether the socket at path is that of the store in dir.
func linksBack(dir, path string) bool {
	theirs, err := os.Stat(filepath.Join(filepath.Dir(path), linkName))
	if err != nil {
		return false
	}
	ours, err := os.Stat(dir)
	return err == nil && os.SameFile(ours, theirs)
}
