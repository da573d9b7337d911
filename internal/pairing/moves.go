// SPDX-License-Identifier: MPL-2.0

package pairing

import "fmt"

// A State says what a session waits for.
type State uint8

// The states of a session, in their order.
const (
	AwaitShare   State = 1 + iota // a responder, until SHARE
	AwaitReply                    // an initiator, until REPLY
	AwaitConfirm                  // a responder that sent REPLY, until CONFIRM
	Confirmed                     // the peer has the code; its payload may come
	Received                      // its payload came, and nothing else will
	Failed                        // ended by an error
)

func (s State) String() string {
	names := [...]string{"no state", "awaits SHARE", "awaits REPLY", "awaits CONFIRM", "confirmed", "payload received", "failed"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// A move is what a message does in a state, and the state that follows unless
// there is an error.
type move struct {
	take func(s *Session, body []byte) (Result, error)
	to   State
}

// legal has every move there is: any other message in a state is ErrUnexpected.
var legal = map[State]map[messageType]move{
	AwaitShare:   {typeShare: {takeShare, AwaitConfirm}},
	AwaitReply:   {typeReply: {takeReply, Confirmed}, typeRefuse: {takeRefusal, Failed}},
	AwaitConfirm: {typeConfirm: {takeConfirm, Confirmed}, typeRefuse: {takeRefusal, Failed}},
	Confirmed:    {typePayload: {takePayload, Received}, typeRefuse: {takeRefusal, Failed}},
}

// move returns what a message of type t does now.
func (s *Session) move(t messageType) (move, error) {
	m, ok := legal[s.state][t]
	if !ok {
		return move{}, fmt.Errorf("%w (%v, the session: %v)", ErrUnexpected, t, s.state)
	}
	return m, nil
}

// agree derives the secrets from the peer's share, and lets go of the scalar.
func (s *Session) agree(peer share) (err error) {
	s.secrets, err = agree(&s.channel, s.role, &s.scalar, s.share, peer)
	s.scalar = scalar{}
	return err
}

// takeShare answers an initiator's share by ours and the tag over it.
func takeShare(s *Session, body []byte) (Result, error) {
	if err := s.agree(share(body)); err != nil {
		return Result{}, err
	}
	return Result{Send: encode(typeReply, s.share[:], s.secrets.tag[:])}, nil
}

// takeReply checks the responder's tag before it shows ours.
func takeReply(s *Session, body []byte) (Result, error) {
	if err := s.agree(share(body[:shareBytes])); err != nil {
		return Result{}, err
	}
	if !s.secrets.confirms(body[shareBytes:]) {
		return Result{Send: Refusal()}, ErrCodesDiffer
	}
	return Result{Send: encode(typeConfirm, s.secrets.tag[:])}, nil
}

func takeConfirm(s *Session, body []byte) (Result, error) {
	if !s.secrets.confirms(body) {
		return Result{Send: Refusal()}, ErrCodesDiffer
	}
	return Result{}, nil
}

func takeRefusal(*Session, []byte) (Result, error) {
	return Result{}, fmt.Errorf("%w (the other device says so)", ErrCodesDiffer)
}

func takePayload(s *Session, body []byte) (Result, error) {
	p, err := s.secrets.open(body)
	if err != nil {
		return Result{}, err
	}
	if p == nil {
		p = []byte{}
	}
	return Result{Payload: p}, nil
}
