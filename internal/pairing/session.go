// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/identity"
)

// Setup is what a session begins with.
type Setup struct {
	Role       Role
	Code       Code               // of Codes.Take
	Binding    [BindingBytes]byte // channel binding of the connection
	Self, Peer identity.PeerID    // as the connection proved them
	Rand       io.Reader          // crypto/rand's Reader outside of tests
}

// check returns why there can be no session with u.
func (u *Setup) check() error {
	switch {
	case u.Role != Initiator && u.Role != Responder:
		return fmt.Errorf("%w (role %d)", ErrSetup, u.Role)
	case u.Code.IsZero():
		return fmt.Errorf("%w (no code)", ErrSetup)
	case u.Self == identity.PeerID{} || u.Peer == identity.PeerID{}:
		return fmt.Errorf("%w (no peer id)", ErrSetup)
	case u.Self == u.Peer:
		return fmt.Errorf("%w (both ends have peer id %v)", ErrSetup, u.Self)
	case u.Rand == nil:
		return fmt.Errorf("%w (no randomness)", ErrSetup)
	}
	return nil
}

func (u *Setup) channel() channel {
	c := channel{u.Binding, u.Self, u.Peer}
	if u.Role == Responder {
		c.initiator, c.responder = u.Peer, u.Self
	}
	return c
}

// A Session is one attempt to pair, one end of it:
//
//	initiator                         responder
//	AwaitReply    SHARE →             AwaitShare
//	              ← REPLY             AwaitConfirm
//	Confirmed     CONFIRM →           Confirmed
//	              ← PAYLOAD →         Received, each for itself
//
// Either end seals its payload once it is Confirmed, or Received. An end whose check
// of a tag fails sends REFUSE, so that both know that their codes differ. A
// session is for one goroutine.
type Session struct {
	state   State
	role    Role
	channel channel
	scalar  scalar
	share   share
	secrets *secrets // nil before both shares are known, and after a failure
	sealed  bool     // our payload was sealed
}

// Begin begins a session and returns what is to be sent first: SHARE of an
// initiator, nil of a responder. The error is ErrSetup or ErrRandom.
func Begin(u Setup) (s *Session, send []byte, err error) {
	if err := u.check(); err != nil {
		return nil, nil, err
	}
	y, err := sampleScalar(u.Rand)
	if err != nil {
		return nil, nil, err
	}
	s = &Session{state: AwaitShare, role: u.Role, channel: u.channel(), scalar: y}
	g := s.channel.generator(u.Code)
	s.share = scalarMult(&y, &g)
	if u.Role == Responder {
		return s, nil, nil
	}
	s.state = AwaitReply
	return s, encode(typeShare, s.share[:]), nil
}

// State returns where the session is.
func (s *Session) State() State { return s.state }

// String hides all but the state, so that no log shows a secret.
func (s *Session) String() string { return "an attempt to pair, " + s.state.String() }

// Body returns how many bytes the peer's next message has behind its header, which
// is HeaderBytes long. If the error is not nil the session is over: ErrMessage, or
// ErrUnexpected for a message that the state does not allow.
func (s *Session) Body(header []byte) (int, error) {
	t, n, err := decodeHeader(header)
	if err == nil {
		_, err = s.move(t)
	}
	if err != nil {
		s.fail()
		return 0, err
	}
	return n, nil
}

// A Result is what comes of a message.
type Result struct {
	Send    []byte // to be sent, also if there is an error
	Payload []byte // the peer's payload: not nil once, when the state becomes Received
}

// Step takes the peer's next message, whole. If the error is not nil the session is
// over: ErrCodesDiffer, ErrShare, ErrPayload, or one of Body.
func (s *Session) Step(message []byte) (r Result, err error) {
	t, body, err := decode(message)
	if err != nil {
		s.fail()
		return Result{}, err
	}
	m, err := s.move(t)
	if err == nil {
		r, err = m.take(s, body)
	}
	if err != nil {
		s.fail()
		return r, err
	}
	s.state = m.to
	return r, nil
}

// Seal returns the message with our payload for the peer. It can be had once, from
// Confirmed on. The error is ErrNotConfirmed, ErrSealedBefore or ErrTooLarge, and
// leaves the session as it was.
func (s *Session) Seal(payload []byte) ([]byte, error) {
	switch {
	case s.state != Confirmed && s.state != Received:
		return nil, fmt.Errorf("%w (%v)", ErrNotConfirmed, s.state)
	case s.sealed:
		return nil, ErrSealedBefore
	case len(payload) > MaxPayload:
		return nil, fmt.Errorf("%w (%d bytes, want at most %d)", ErrTooLarge, len(payload), MaxPayload)
	}
	s.sealed = true
	return s.secrets.seal(payload), nil
}

// fail ends the session, and lets go of its secrets.
func (s *Session) fail() { *s = Session{state: Failed} }
