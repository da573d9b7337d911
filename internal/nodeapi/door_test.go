// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
)

func isBusy(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == Busy
}

// awaitCount polls until a count is as wanted: the node notices a little later who
// came and went.
func awaitCount(t *testing.T, what string, count func() int, want int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); count() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d %s, want %d", count(), what, want)
		}
	}
}

// A caller too many gets to hear so, until another has gone.
func TestBusyNode(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	status := func() error { _, err := c.Status(t.Context()); return err }
	if err := status(); err != nil { // the connection of Dial was taken in before
		t.Fatal(err)
	}
	c.Close()
	awaitCount(t, "callers", s.Callers, 0)
	var held []net.Conn
	for range testCallers {
		conn, err := net.Dial("unix", c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	awaitCount(t, "callers", s.Callers, testCallers)
	if err := status(); !isBusy(err) {
		t.Errorf("all places are taken: %v", err)
	}
	rw := &duplex{Reader: &net.Buffers{}, closed: make(chan struct{})}
	if _, err := c.SyncOver(t.Context(), rw, "there"); err == nil {
		t.Error("a pipe that is one too many")
	}
	held[0].Close()
	awaitCount(t, "callers", s.Callers, testCallers-1)
	if err := status(); err != nil {
		t.Errorf("one has gone: %v", err)
	}
}

// Those who follow leave room for others.
func TestFollowersLeaveRoom(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for range cap(s.follows) {
		all.Go(func() { c.Events(ctx, Query{Follow: true}, func(*Record) error { return nil }) })
	}
	awaitCount(t, "followers", func() int { return len(s.follows) }, cap(s.follows))
	if err := c.Events(ctx, Query{Follow: true}, func(*Record) error { return nil }); !isBusy(err) {
		t.Errorf("one more follows: %v", err)
	}
	if _, err := c.Append(t.Context(), "", []xaeroflux.Event{{Payload: []byte("x")}}); err != nil {
		t.Errorf("an append beside them: %v", err)
	}
}

// A caller that stops in the middle of an append keeps no other from appending.
func TestStoppedCaller(t *testing.T) {
	_, s, c := start(t, t.TempDir())
	for range maxAppends {
		conn, err := net.Dial("unix", c.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST /v1/append HTTP/1.1\r\nHost: node\r\nContent-Length: 100\r\n\r\n{")
	}
	awaitCount(t, "appends under way", func() int { return len(s.appends) }, maxAppends)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.Append(ctx, "", []xaeroflux.Event{{Payload: []byte("x")}}); err != nil {
		t.Errorf("an append beside them: %v", err)
	}
}

func TestCallersOf(t *testing.T) {
	for limit, want := range map[uint64]int{0: 256, 8: 4, 64: 16, 256: 64, 1024: 256, math.MaxUint64: 256} {
		if got := callersOf(limit); got != want {
			t.Errorf("of %d descriptors: %d callers, want %d", limit, got, want)
		}
	}
}
