// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/xaeroflux/xaeroflux/transport"
)

// A stream is a yamux stream that keeps to transport's contract. A reset of
// yamux leaves alone the direction that was ended before it, which makes it
// both of Cancel's meanings.
type stream struct {
	c   *conn
	ys  *yamux.Stream
	own bool // holds a slot of the connection

	mu       sync.Mutex // guards all that follows
	closed   bool       // CloseWrite was called
	ended    bool       // the peer's end was read
	wasReset bool       // by the peer
	canceled *transport.StreamError
	until    [2]time.Time // deadlines of reading and writing
	over     bool         // forgotten by the connection
}

const (
	reading = iota
	writing
)

var past = time.Unix(1, 0)

// wake makes calls that wait return; they find out why by themselves.
func (s *stream) wake() {
	s.ys.SetReadDeadline(past)
	s.ys.SetWriteDeadline(past)
}

func (s *stream) Read(b []byte) (int, error) {
	if err := s.check(reading); err != nil || len(b) == 0 {
		return 0, err
	}
	n, err := s.ys.Read(b)
	s.c.in.Add(uint64(n))
	s.c.gate.read(n)
	if n > 0 {
		return n, nil // an error comes again
	}
	return 0, s.failed(err)
}

func (s *stream) Write(b []byte) (int, error) {
	if err := s.check(writing); err != nil || len(b) == 0 {
		return 0, err
	}
	n, err := s.ys.Write(b)
	s.c.out.Add(uint64(n))
	if err != nil {
		err = s.failed(err)
	}
	return n, err
}

// check returns what a call of that direction fails with before it begins.
func (s *stream) check(direction int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case direction == reading && s.ended:
		return io.EOF
	case direction == writing && s.closed:
		return fmt.Errorf("%w: stream's write side", transport.ErrClosed)
	case s.c.Err() != nil:
		return s.c.err
	case s.canceled != nil:
		return s.canceled
	case !s.until[direction].IsZero() && !time.Now().Before(s.until[direction]):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// failed turns what yamux returned into transport's errors.
func (s *stream) failed(err error) error {
	if known := s.known(err); known != nil {
		return known
	}
	<-s.c.done // the session is ending, and hear says why
	return s.c.err
}

// known is failed, or nil for what only the end of the session explains.
func (s *stream) known(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var reset *yamux.StreamError
	switch {
	case err == io.EOF:
		s.ended = true
		s.settle()
		return io.EOF
	case s.c.Err() != nil:
		return s.c.err
	case s.canceled != nil:
		return s.canceled
	case errors.Is(err, yamux.ErrTimeout):
		return os.ErrDeadlineExceeded
	case err == yamux.ErrStreamClosed:
		return fmt.Errorf("%w: stream's write side", transport.ErrClosed)
	case errors.As(err, &reset):
		s.wasReset = true // yamux says so again of what it ended, and still hands out what came before
		s.settle()
		return &transport.StreamError{Code: uint64(reset.ErrorCode), Remote: reset.Remote}
	case err == yamux.ErrStreamReset:
		s.wasReset = true
		s.settle()
		return &transport.StreamError{Remote: true}
	}
	return nil
}

// settle forgets the stream when nothing more can come of it; mu is held.
func (s *stream) settle() {
	if !s.over && (s.canceled != nil || s.wasReset || s.closed && s.ended) {
		s.over = true
		s.c.forget(s)
	}
}

func (s *stream) CloseWrite() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	if s.canceled != nil {
		defer s.mu.Unlock()
		return s.canceled
	}
	s.mu.Unlock()
	if err := s.ys.CloseWrite(); err != nil {
		return s.failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.settle()
	return nil
}

// Cancel may wait as long as Write does if the link takes no bytes. An answer
// that was ended is drained before anything is reset.
func (s *stream) Cancel(code uint64) {
	s.mu.Lock()
	if s.canceled != nil || s.closed && s.ended {
		s.mu.Unlock()
		return
	}
	code = min(code, math.MaxUint32)
	s.canceled = &transport.StreamError{Code: code}
	answered := s.closed && !s.own
	s.mu.Unlock()
	s.wake()
	if answered && s.c.spawn(func() { s.drain(uint32(code)) }) {
		return
	}
	s.reset(uint32(code))
}

func (s *stream) reset(code uint32) {
	s.ys.ResetWithError(code)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

func (s *stream) SetReadDeadline(t time.Time) error { return s.setDeadline(reading, t) }

func (s *stream) SetWriteDeadline(t time.Time) error { return s.setDeadline(writing, t) }

func (s *stream) setDeadline(direction int, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[direction] = t
	if s.canceled != nil || s.c.Err() != nil {
		return nil // those that waited have been woken
	}
	if direction == reading {
		return s.ys.SetReadDeadline(t)
	}
	return s.ys.SetWriteDeadline(t)
}
