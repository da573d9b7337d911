// SPDX-License-Identifier: MPL-2.0

package syncer

import "github.com/xaeroflux/xaeroflux/messages"

const (
	maxPings    = 8  // that wait for their answers
	pingPadding = 32 // bytes: with them a datagram is over 42, and a reset answers it
)

// ping asks the peer whether it is there.
func (s *Session) ping(nonce uint64) {
	if s.state != Meeting && s.state != Syncing || len(s.pings) == maxPings {
		return
	}
	s.pings = append(s.pings, nonce)
	s.send(&messages.Ping{Nonce: nonce, Padding: make([]byte, pingPadding)})
}

// ponged takes the answer to the oldest ping.
func (s *Session) ponged(m *messages.Pong) error {
	if len(s.pings) == 0 || s.pings[0] != m.Nonce {
		return violation(messages.CodeUnexpectedMessage, "a PONG that answers no PING")
	}
	s.pings = s.pings[1:]
	s.emit(Ponged{m.Nonce})
	return s.parted(m.Nonce)
}
