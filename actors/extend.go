// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrNotConnected is returned for a call to a peer with which no topic is shared at
// the moment.
var ErrNotConnected = errors.New("not connected to that peer")

// Handle opens a door; see doors.Set.Register.
func (n *Node) Handle(name string, d doors.Door) (stop func(), err error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	return n.doors.Register(name, d)
}

// capabilities is what the greeting tells that this node speaks.
func (n *Node) capabilities() syncer.Capabilities {
	all := syncer.Capabilities(n.doors.Params())
	all[messages.CapRun] = n.run[:]
	if n.cfg.Doze {
		all[messages.CapDoze] = nil
	}
	return all
}

// Call begins a call at a connected peer.
func (n *Node) Call(ctx context.Context, peer identity.PeerID, name string, param []byte) (*doors.Call, error) {
	s := n.sessionWith(peer)
	if s == nil || !s.known.Load() { // before it is greeted, the first stream is the control stream
		return nil, fmt.Errorf("%w: %s", ErrNotConnected, peer.Short())
	}
	stream, err := s.conn.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	return doors.Open(ctx, stream, name, param, s.caller())
}

// caller is the peer of a session, as extensions know it.
func (s *session) caller() doors.Caller {
	return doors.Caller{Peer: s.conn.Peer(), Topics: s.topics()}
}

// A say makes a session send a word of a capability.
type say struct {
	topic      identity.TopicID
	capability string
	data       []byte
}

// Say sends a word to every connected peer of a topic, as far as they keep up, and
// returns how many those are.
func (n *Node) Say(topic identity.TopicID, capability string, data []byte) (peers int) {
	for _, s := range n.live() {
		if _, shared := s.Number(topic); shared {
			s.tell(&say{topic, capability, data})
			peers++
		}
	}
	return peers
}

func (s *session) say(m *say) {
	if number, shared := s.Number(m.topic); shared && s.core != nil {
		s.do(syncer.Send{Message: &messages.Presence{Topic: number, Capability: m.capability, Data: m.data}})
	}
}
