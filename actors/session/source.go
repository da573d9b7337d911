// SPDX-License-Identifier: MPL-2.0

package session

import (
	"context"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A session is a source of the swarm.

// Peer returns who is at the other end.
func (s *Session) Peer() identity.PeerID { return s.conn.Peer() }

// OpenStream opens a stream to the peer.
func (s *Session) OpenStream(ctx context.Context) (transport.Stream, error) {
	return s.conn.OpenStream(ctx)
}

// Context ends with the connection.
func (s *Session) Context() context.Context { return s.ctx }

// Brought counts what came and is stored.
func (s *Session) Brought(events, pages uint64) {
	s.stats.eventsIn.Add(events)
	s.stats.pagesIn.Add(pages)
	s.gave.Store(true)
}

// Gave reports whether the peer brought events that were not here.
func (s *Session) Gave() bool { return s.gave.Load() }

// Owes counts the answers that the peer owes.
func (s *Session) Owes(answers int) { s.awaited.Add(int64(answers)) }

// Broke ends the session with a peer that broke a rule.
func (s *Session) Broke(v *syncer.Violation) { s.tell(&lost{v}) }
