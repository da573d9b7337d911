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

// confirmNonces are those of pings that part what the peer stated before a confirmation
// was asked for, and may be on its way, from what it states since.
const confirmNonces = 1 << 63

// part sends such a ping, and reports whether there was room for it; if not, the
// confirmation is asked for again once there is.
func (s *Session) part() bool {
	s.confirms++
	if s.unasked = len(s.pings) == maxPings; !s.unasked {
		s.ping(confirmNonces | s.confirms)
	}
	return !s.unasked
}

// parted takes the answer to a ping: behind the last of part's, statements count again.
func (s *Session) parted(nonce uint64) error {
	if s.unasked {
		return s.nudge(true)
	}
	if nonce == confirmNonces|s.confirms {
		for _, t := range s.topics {
			t.doubted = false
		}
	}
	return nil
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
