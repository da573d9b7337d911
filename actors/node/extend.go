// SPDX-License-Identifier: MPL-2.0

package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
)

// ErrNotConnected is returned for a call to a peer with which no topic is shared at
// the moment.
var ErrNotConnected = errors.New("not connected to that peer; connect, or wait until it is")

// Handle opens a door; see doors.Set.Register.
func (n *Node) Handle(name string, d doors.Door) (stop func(), err error) {
	if n.closing.Load() {
		return nil, pipeline.ErrClosed
	}
	return n.doors.Register(name, d)
}

// Call begins a call at a connected peer.
func (n *Node) Call(ctx context.Context, peer identity.PeerID, name string, param []byte) (*doors.Call, error) {
	s := n.mesh.With(peer)
	if s == nil || !s.Known() { // before it is greeted, the first stream is the control stream
		return nil, fmt.Errorf("%w: %s", ErrNotConnected, peer.Short())
	}
	stream, err := s.OpenStream(ctx)
	if err != nil {
		return nil, err
	}
	return doors.Open(ctx, stream, name, param, s.Caller())
}

// Say sends a word to every connected peer of a topic, as far as they keep up, and
// returns how many those are.
func (n *Node) Say(topic identity.TopicID, capability string, data []byte) (peers int) {
	for _, s := range n.mesh.Live() {
		if s.Say(topic, capability, data) {
			peers++
		}
	}
	return peers
}
