// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// When the addresses of this machine change, a connection goes on. A port that is
// bound to no address needs nothing for it: the system sends from the address that
// there is, and the peer, which finds packets of a connection come from another place,
// asks there and follows. A port that is bound to an address which is gone sends
// nothing any more: a connection dialed from it is moved to another port. One that came
// in there cannot be, since QUIC lets only dialers move.

var _ transport.Mover = (*Carrier)(nil)

// moveTime is how long it is tried to reach a peer from another port.
const moveTime = 5 * time.Second

// Move implements transport.Mover.
func (c *Carrier) Move() {
	for _, s := range c.all() {
		if c.stays(s.addr().Addr()) {
			continue
		}
		for _, one := range s.dialed() {
			c.move(one)
		}
	}
}

// move moves a connection, and does not wait for it.
func (c *Carrier) move(one *conn) {
	ctx, leave, err := c.enter(one.qc.Context())
	if err != nil {
		return // closed
	}
	if !one.moving.CompareAndSwap(false, true) {
		leave()
		return
	}
	go func() {
		defer leave()
		defer one.moving.Store(false)
		ctx, cancel := context.WithTimeout(ctx, moveTime)
		defer cancel()
		one.move(ctx)
	}()
}

// move finds a port from which the peer is reached and sends from there, or leaves
// everything as it was.
func (c *conn) move(ctx context.Context) {
	to, err := c.carrier.socketFor(c.remote.Addr())
	if err != nil {
		return
	}
	path, err := c.qc.AddPath(to.tr)
	if err != nil {
		to.release()
		return
	}
	to.adopt(c) // until it ends, as its first socket does: quic-go knows it there
	if path.Probe(ctx) != nil || path.Switch() != nil {
		path.Close()
		return
	}
	c.socket.Store(to)
}

// all returns the open sockets.
func (c *Carrier) all() []*socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*socket(nil), c.sockets...)
}

// dialed returns the connections that this end dialed and that send from s.
func (s *socket) dialed() (all []*conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.dialer && c.socket.Load() == s {
			all = append(all, c)
		}
	}
	return all
}
