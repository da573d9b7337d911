// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/peerbook"
	"github.com/xaeroflux/xaeroflux/transport"
)

// open connects to a place, and returns where it found the peer.
func (n *Node) open(ctx context.Context, t peerbook.Target) (transport.Conn, identity.Address, error) {
	conn, err := n.cfg.Carrier.Dial(ctx, t.Address)
	return conn, t.Address, err
}
