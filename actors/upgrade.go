// SPDX-License-Identifier: MPL-2.0

package actors

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/peerbook"
	"github.com/xaeroflux/xaeroflux/transport"
)

// fellBack reports whether a connection came by another carrier than the best.
func fellBack(conn transport.Conn) bool {
	c, ok := conn.(*carried)
	return ok && !c.best
}

// upgrade tries, while a session lasts that had to fall back, to reach the peer
// by the best carrier after all. The session is replaced only by a connection
// on which the peer has proven itself, and only while both sides rest.
func (n *Node) upgrade(s *session, a identity.Address) {
	c, ok := n.cfg.Carrier.(*Carriers)
	if !ok || !fellBack(s.conn) {
		return
	}
	n.goroutine(func() {
		for attempt := 0; n.waitUpgrade(s, c.o.pause(attempt)); {
			if !s.status().InSync {
				continue
			}
			if n.tryUpgrade(c, s, a) {
				return
			}
			attempt++
		}
	})
}

// pause is how long to wait before an attempt.
func (o CarriersOptions) pause(attempt int) time.Duration {
	d := o.UpgradeMax
	if attempt < 10 {
		d = min(o.UpgradeMin<<attempt, o.UpgradeMax)
	}
	return d - time.Duration(jitter()*0.3*float64(d))
}

// waitUpgrade waits, and reports whether the session is still there.
func (n *Node) waitUpgrade(s *session, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return s.conn.Err() == nil
	case <-s.conn.Done():
	case <-n.ctx.Done():
	}
	return false
}

// tryUpgrade dials once and reports whether there is nothing left to do.
func (n *Node) tryUpgrade(c *Carriers, s *session, a identity.Address) bool {
	ctx, cancel := context.WithTimeout(n.ctx, peerbook.SlotTime)
	defer cancel()
	conn, err := c.DialBest(ctx, a)
	if err != nil {
		return false
	}
	if s.conn.Err() != nil { // it ended meanwhile: who keeps the peer dials anew
		conn.CloseWithError(0, "not needed any more")
		return true
	}
	if _, err := n.adopt(conn); err != nil {
		conn.CloseWithError(0, err.Error())
		return false
	}
	n.cfg.Logger.Info("moved to a better carrier", zap.String("peer", s.conn.Peer().Short()),
		zap.String("from", carrierOf(s.conn)), zap.String("to", carrierOf(conn)))
	return true
}
