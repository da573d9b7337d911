// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"slices"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A session is a source of the swarm.

// Peer returns who is at the other end.
func (s *session) Peer() identity.PeerID { return s.conn.Peer() }

// OpenStream opens a stream to the peer.
func (s *session) OpenStream(ctx context.Context) (transport.Stream, error) {
	return s.conn.OpenStream(ctx)
}

// Context ends with the connection.
func (s *session) Context() context.Context { return s.ctx }

// Brought counts what came and is stored.
func (s *session) Brought(events, pages uint64) {
	s.stats.eventsIn.Add(events)
	s.stats.pagesIn.Add(pages)
}

// Owes counts the answers that the peer owes.
func (s *session) Owes(answers int) { s.awaited.Add(int64(answers)) }

// Broke ends the session with a peer that broke a rule.
func (s *session) Broke(v *syncer.Violation) { s.tell(&lost{v}) }

// sharing returns the sessions that share a topic.
func (n *Node) sharing(topic identity.TopicID) (all []swarm.Source) {
	for _, s := range n.live() {
		if slices.Contains(s.topics(), topic) && s.conn.Err() == nil {
			all = append(all, s)
		}
	}
	return all
}

// FetchRange brings a part of a log from peers, as far as it is not held.
func (n *Node) FetchRange(ctx context.Context, want swarm.RangeFetch) (swarm.RangeReport, error) {
	if n.closing.Load() {
		return swarm.RangeReport{}, pipeline.ErrClosed
	}
	return n.swarm.FetchRange(ctx, want)
}
