// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// A stream counts bytes and speaks transport's errors.
type stream struct {
	conn   *conn
	s      *quic.Stream
	closed atomic.Bool // CloseWrite was called
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.s.Read(b)
	s.conn.in.Add(uint64(n))
	return n, s.conn.streamError(err)
}

func (s *stream) Write(b []byte) (int, error) {
	n, err := s.s.Write(b)
	s.conn.out.Add(uint64(n))
	return n, s.conn.streamError(err)
}

func (s *stream) CloseWrite() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := s.s.Close(); err != nil {
		// A canceled stream: Write has the typed reason.
		_, err = s.s.Write(nil)
		return s.conn.streamError(err)
	}
	return nil
}

// Cancel leaves alone what CloseWrite finished: quic-go goes on delivering it.
func (s *stream) Cancel(code uint64) {
	s.s.CancelRead(quic.StreamErrorCode(min(code, maxCode)))
	if !s.closed.Load() {
		s.s.CancelWrite(quic.StreamErrorCode(min(code, maxCode)))
	}
}

func (s *stream) SetReadDeadline(t time.Time) error  { return s.s.SetReadDeadline(t) }
func (s *stream) SetWriteDeadline(t time.Time) error { return s.s.SetWriteDeadline(t) }
