// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNoNode(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "nothing")} {
		if _, err := Dial(d); !errors.Is(err, ErrNoNode) {
			t.Errorf("dial %s: %v", d, err)
		}
	}
}

func TestSocketIsTheOwnersAndGoesAway(t *testing.T) {
	dir := t.TempDir()
	_, s, _ := start(t, dir)
	st, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || st.Mode().Perm() != 0o600 || st.Mode().Type() != os.ModeSocket {
		t.Fatalf("socket: %v, %v", st.Mode(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestStaleSocketDoesNoHarm(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close() // as kill -9 leaves it
	if err := os.WriteFile(filepath.Join(dir, pathName), []byte("/nowhere/s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(dir); !errors.Is(err, ErrNoNode) {
		t.Errorf("dial a stale socket: %v", err)
	}
	_, _, c := start(t, dir)
	if _, err := c.Info(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestLongDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, s, c := start(t, dir)
	if _, err := c.Info(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, pathName))
	if err != nil {
		t.Fatal(err)
	}
	private := filepath.Dir(strings.TrimSpace(string(b)))
	if st, err := os.Stat(private); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("directory of the socket: %v, %v", st, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(private); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory of the socket stays: %v", err)
	}
	if _, err := Dial(dir); !errors.Is(err, ErrNoNode) {
		t.Errorf("dial after close: %v", err)
	}
}

// TestKilledNodesLeaveNothing: what a node leaves that was killed is gone when
// the next one runs, and what another store's node has is not touched.
func TestKilledNodesLeaveNothing(t *testing.T) {
	for _, length := range []int{1, 40} { // the socket is in the store's directory, and elsewhere
		tmp := t.TempDir()
		t.Setenv("TMPDIR", tmp)
		dir, other := filepath.Join(tmp, strings.Repeat("long", length)), filepath.Join(tmp, strings.Repeat("lung", length))
		for _, d := range []string{dir, other} {
			if err := os.MkdirAll(filepath.Join(d, ".node1"), 0o700); err != nil { // killed before its socket moved
				t.Fatal(err)
			}
		}
		alive, err := listen(other)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s, err := listen(dir)
			if err != nil {
				t.Fatal(err)
			}
			s.UnixListener.Close() // and nothing is removed
		}
		s, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		if path, err := find(other); err != nil {
			t.Error(err)
		} else if c, err := net.Dial("unix", path); err != nil {
			t.Errorf("the other node: %v", err)
		} else {
			c.Close()
		}
		if err := errors.Join(s.Close(), alive.Close()); err != nil {
			t.Error(err)
		}
		for _, in := range []string{tmp, dir, other} {
			if left, _ := filepath.Glob(filepath.Join(in, ".n*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

// lockedBuffer is a buffer that a timer may write to.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Len()
}

func TestLazyWriter(t *testing.T) {
	var b lockedBuffer
	flushed := make(chan struct{}, 10)
	w := NewLazyWriter(&b, func() error { flushed <- struct{}{}; return nil })
	io.WriteString(w, "one")
	wait(t, flushed, "nobody flushes")
	if b.len() != 3 {
		t.Errorf("%d bytes after a flush, want 3", b.len())
	}
	io.WriteString(w, "two")
	if err := w.Close(); err != nil || b.len() != 6 {
		t.Errorf("%d bytes after close, %v", b.len(), err)
	}
	if _, err := io.WriteString(w, "three"); err == nil {
		t.Error("written after close")
	}
	time.Sleep(2 * flushDelay)
	if b.len() != 6 {
		t.Error("flushed after close")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLazyWriterKeepsItsError(t *testing.T) {
	w := NewLazyWriter(brokenPipe{}, nil)
	io.WriteString(w, "x")
	time.Sleep(5 * flushDelay)
	if _, err := io.WriteString(w, "y"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after a failed flush: %v", err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("close after a failed flush: %v", err)
	}
}
