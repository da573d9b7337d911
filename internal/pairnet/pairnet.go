// SPDX-License-Identifier: MPL-2.0

// Package pairnet carries one attempt to pair two devices (package pairing,
// docs/xsp.md, "Pairing") over any flow of bytes: TLS 1.3 between two keys that are
// drawn for this connection, so that neither end shows who it is, and in it the
// messages of a pairing.Session.
//
// Rule: it knows connections and sessions, and nothing of topics, stores and
// invites: what is handed over is bytes.
//
// Start with Give, of the device that shows the code, and Take, of the one that it is
// typed on.
package pairnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/pairing"
)

// patience is how long an attempt may take: a person has typed the code before it begins.
const patience = 15 * time.Second

// Take shows over c, whose other end runs Give, that it has the code, and returns what
// that device hands over. It closes c. The error is one of package
// pairing, ctx's, or the connection's.
func Take(ctx context.Context, c net.Conn, code pairing.Code) ([]byte, error) {
	s, err := secure(ctx, c, pairing.Initiator)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.begin(code); err != nil {
		return nil, s.reason(err)
	}
	for s.session.State() != pairing.Confirmed {
		if _, err := s.step(); err != nil {
			return nil, s.reason(err)
		}
	}
	if err := s.seal(nil); err != nil {
		return nil, s.reason(err)
	}
	got, err := s.step()
	return got, s.reason(err)
}

// Give serves one attempt over c, whose other end runs Take, and hands over payload if
// the other end has the code. take burns the code and returns it; it is called once the
// other end has sent its share, so that a connection which says nothing burns nothing.
// It closes c. It returns nil once the other end has everything. The error is one of
// package pairing, ctx's, or the connection's.
func Give(ctx context.Context, c net.Conn, take func() (pairing.Code, error), payload []byte) error {
	s, err := secure(ctx, c, pairing.Responder)
	if err != nil {
		return err
	}
	defer s.close()
	return s.reason(s.give(take, payload))
}

func (s *stream) give(take func() (pairing.Code, error), payload []byte) error {
	first := make([]byte, pairing.FirstBytes)
	if _, err := io.ReadFull(s.tls, first); err != nil {
		return err
	}
	code, err := take()
	if err != nil {
		_, _ = s.tls.Write(pairing.Refusal()) // the attempt is over, whatever comes of this
		return err
	}
	if err := s.begin(code); err != nil {
		return err
	}
	if _, err := s.take(first); err != nil {
		return err
	}
	for s.session.State() != pairing.Received {
		if _, err := s.step(); err != nil {
			return err
		}
	}
	if err := s.seal(payload); err != nil {
		return err
	}
	if _, err := s.tls.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the other device went before it said that it has everything: ask there whether it does (%w)", err)
	}
	return nil
}

// begin begins the session with a code.
func (s *stream) begin(code pairing.Code) (err error) {
	u := s.setup
	u.Code, u.Rand = code, rand.Reader
	session, send, err := pairing.Begin(u)
	if err != nil {
		return err
	}
	s.session = session
	return s.write(send)
}

// seal hands over this end's payload.
func (s *stream) seal(payload []byte) error {
	m, err := s.session.Seal(payload)
	if err != nil {
		return err
	}
	return s.write(m)
}

// step takes the next message of the other end, and returns its payload if it is that.
func (s *stream) step() ([]byte, error) {
	m, err := s.message()
	if err != nil {
		return nil, err
	}
	return s.take(m)
}

// take hands a message to the session and sends what it says.
func (s *stream) take(m []byte) ([]byte, error) {
	r, err := s.session.Step(m)
	if len(r.Send) > 0 {
		err = errors.Join(err, s.write(r.Send))
	}
	return r.Payload, err
}

// message reads the next message, whole.
func (s *stream) message() ([]byte, error) {
	m := make([]byte, pairing.HeaderBytes)
	if _, err := io.ReadFull(s.tls, m); err != nil {
		return nil, err
	}
	n, err := s.session.Body(m)
	if err != nil {
		return nil, err
	}
	m = append(m, make([]byte, n)...)
	_, err = io.ReadFull(s.tls, m[pairing.HeaderBytes:])
	return m, err
}

func (s *stream) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	_, err := s.tls.Write(b)
	return err
}
