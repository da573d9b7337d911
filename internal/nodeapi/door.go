// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Bounds of a door.
const (
	leastCallers = 4
	mostCallers  = 256
	refusals     = 4 // that are under way at once

	refuseTimeout  = 5 * time.Second // for one who is told that the node is busy
	acceptPause    = 50 * time.Millisecond
	reserveTimeout = 20 * time.Millisecond // to find a caller to use the reserve for
	warnEvery      = time.Minute
)

// callersOf is how many callers a process takes in that may have so many descriptors.
func callersOf(limit uint64) int {
	if limit == 0 {
		return mostCallers
	}
	return int(min(max(limit/4, leastCallers), mostCallers))
}

// A door lets callers in: so many at once, and a few more who are told that the
// node is busy. If the process is out of descriptors, one that is kept in reserve
// serves to tell them. Only closing it ends Accept.
type door struct {
	*net.UnixListener
	places chan struct{} // one for each caller inside
	excess chan struct{} // and for each who is told to go
	warn   func(text string)
	ended  chan struct{} // by Close
	once   sync.Once

	mu      sync.Mutex // guards what follows
	reserve *os.File   // nil while it is in use, or not to be had
	warned  time.Time
}

func newDoor(l *net.UnixListener, callers int, warn func(string)) *door {
	d := &door{
		UnixListener: l, places: make(chan struct{}, callers), excess: make(chan struct{}, refusals),
		warn: warn, ended: make(chan struct{}),
	}
	d.restock()
	return d
}

// A caller is a connection of the door.
type caller struct {
	net.Conn
	busy  bool // it is told so, and nothing else
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *caller) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.UnixListener.Accept()
		if err == nil {
			d.restock()
			return d.admit(conn)
		}
		if durable.TroubleOf(err) != durable.Exhausted {
			return nil, err
		}
		d.tell(err)
		if conn := d.acceptOnReserve(); conn != nil {
			return d.refuse(conn, d.restock)
		}
		select {
		case <-time.After(acceptPause):
		case <-d.ended:
			return nil, net.ErrClosed
		}
	}
}

// admit gives a caller a place, if there is one.
func (d *door) admit(conn net.Conn) (net.Conn, error) {
	select {
	case d.places <- struct{}{}:
		return &caller{Conn: conn, leave: func() { <-d.places }}, nil
	default:
		return d.refuse(conn, func() {})
	}
}

// refuse lets in a caller who is told that the node is busy, for a short time.
func (d *door) refuse(conn net.Conn, left func()) (net.Conn, error) {
	select {
	case d.excess <- struct{}{}:
	case <-d.ended:
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	c := &caller{Conn: conn, busy: true}
	timer := time.AfterFunc(refuseTimeout, func() { conn.Close() })
	c.leave = func() {
		timer.Stop()
		<-d.excess
		left()
	}
	return c, nil
}

// acceptOnReserve takes in a caller with the descriptor that is kept for it.
func (d *door) acceptOnReserve() net.Conn {
	d.mu.Lock()
	f := d.reserve
	d.reserve = nil
	d.mu.Unlock()
	if f == nil {
		d.restock()
		return nil
	}
	f.Close()
	d.SetDeadline(time.Now().Add(reserveTimeout))
	conn, err := d.UnixListener.Accept()
	d.SetDeadline(time.Time{})
	if err != nil {
		d.restock()
		return nil
	}
	return conn
}

// restock opens the reserve, if it is not there and the door is not closed.
func (d *door) restock() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.ended:
		return
	default:
	}
	if d.reserve == nil {
		d.reserve, _ = os.Open(os.DevNull) // or else with the next caller
	}
}

// tell warns of a shortage, but not of each caller that meets it.
func (d *door) tell(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.warned) < warnEvery {
		return
	}
	d.warned = time.Now()
	d.warn(fmt.Sprintf("commands are told that the node is busy until it has descriptors again: %v", err))
}

// Close ends Accept.
func (d *door) Close() error {
	err := d.UnixListener.Close()
	d.once.Do(func() {
		close(d.ended)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.reserve != nil {
			d.reserve.Close()
		}
	})
	return err
}

// Callers returns how many callers the node has.
func (s *Server) Callers() int { return len(s.door.places) }

type busyKey struct{}

// markBusy marks the context of a connection that gets one answer only.
func markBusy(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*caller); ok && c.busy {
		return context.WithValue(ctx, busyKey{}, true)
	}
	return ctx
}

// errBusy is the error of a caller for whom there is no place.
func (s *Server) errBusy() *Error {
	return &Error{Kind: Busy, Text: fmt.Sprintf("the node is busy: it has %d callers and takes %d, fewer if it is out of descriptors", s.Callers(), cap(s.door.places))}
}

// orBusy answers callers for whom there is no place, and leaves others to h.
func (s *Server) orBusy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(busyKey{}) == nil {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		s.serve(w, r, func(context.Context, *request, func(any) error) error { return s.errBusy() })
	})
}
