// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Times of a client in a hurry.
const (
	hurry   = 5 * time.Millisecond
	noHurry = 20 * time.Second
)

// mute makes the socket of a node that takes nothing in.
func mute(t *testing.T) (dir string, l net.Listener) {
	t.Helper()
	dir = t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return dir, l
}

// A call to a node that does not answer ends, with its name, as unanswered.
func TestSilentNode(t *testing.T) {
	dir, _ := mute(t)
	if err := os.WriteFile(filepath.Join(dir, durable.LockName), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := dialAsking(dir, hurry, hurry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rw := &duplex{Reader: bytes.NewReader(nil), closed: make(chan struct{})}
	for what, call := range map[string]func() error{
		"append": func() error { _, err := c.Append(t.Context(), "", []xaeroflux.Event{{}}); return err },
		"follow": func() error { return c.Events(t.Context(), Query{Follow: true}, func(*Record) error { return nil }) },
		"pipe":   func() error { _, err := c.SyncOver(t.Context(), rw, "there"); return err },
	} {
		var silent *SilentError
		err := call()
		if !errors.As(err, &silent) || !errors.As(err, new(*UnansweredError)) || silent.Socket != c.path || silent.PID != 1 {
			t.Errorf("%s: %v", what, err)
		}
		if !strings.Contains(err.Error(), "process 1") {
			t.Errorf("%s: %v does not name the process", what, err)
		}
	}
}

// A call may be quiet for as long as it takes while the node answers otherwise; one
// of an older version answers that it does not know the question.
func TestQuietCallGoesOn(t *testing.T) {
	dir, l := mute(t)
	asked := make(chan struct{})
	var asks atomic.Int32
	old := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/sync" {
			if asks.Add(1) == 3 {
				close(asked)
			}
			http.NotFound(w, r)
			return
		}
		<-asked
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, `{"item":{"events_in":7}}`+"\n"+`{"done":true}`+"\n")
	})}
	var served sync.WaitGroup
	served.Go(func() { old.Serve(l) })
	defer served.Wait()
	defer old.Close()
	c, err := dialAsking(dir, hurry, noHurry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r, err := c.Sync(t.Context(), "peer"); err != nil || r.EventsIn != 7 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A command that takes its time with what it got is not waiting for the node.
func TestSlowReaderIsNotWaiting(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	c.askAfter, c.askPeriod = noHurry, hurry
	if _, err := c.Append(t.Context(), "", []xaeroflux.Event{{Payload: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := net.Listen("unix", c.path); err != nil { // which takes nobody in
		t.Fatal(err)
	}
	c.askAfter = hurry
	ctx, w := c.watched(t.Context())
	w.since.Store(0) // as when yield is called
	defer w.end()
	select {
	case <-ctx.Done():
		t.Error("ended while it did not wait")
	case <-time.After(10 * hurry):
	}
}

// A socket on which as many wait as it takes is one of a node that does not answer,
// not of none.
func TestFullBacklog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, socketName)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 1)); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			_, err := dialAsking(dir, hurry, hurry)
			if !errors.Is(err, ErrSilent) {
				t.Errorf("full: %v", err)
			}
			return
		}
		if err != nil {
			t.Skip(err) // not how this system says it
		}
		defer conn.Close()
	}
	t.Skip("the system takes in any number")
}

// A caller that gives up is not told of silence.
func TestGivenUpIsNotSilence(t *testing.T) {
	dir, _ := mute(t)
	c, err := dialAsking(dir, noHurry, noHurry)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Status(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, ErrSilent) {
		t.Errorf("%v", err)
	}
}
