// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
)

// upgrade tries, while a session lasts that had to fall back, to reach the peer
// at the same place by the better carrier after all. The session is replaced only by a connection
// on which the peer has proven itself, and only while both sides rest.
func (n *Mesh) upgrade(s *session.Session, a identity.Address) {
	better := s.Conn().Path().Better
	if better == "" {
		return
	}
	a.Host = identity.JoinScheme(better, a.Host)
	n.Go(func() {
		for attempt := 0; n.waitUpgrade(s, n.upgradePause(attempt)); {
			if !s.Status().InSync {
				continue
			}
			if n.tryUpgrade(s, a) {
				return
			}
			attempt++
		}
	})
}

// upgradePause is how long to wait before an attempt.
func (c *Config) upgradePause(attempt int) time.Duration {
	least := c.RetryBetter
	if least <= 0 {
		least = time.Minute
	}
	d := 5 * least
	if attempt < 10 {
		d = min(least<<attempt, d)
	}
	return d - time.Duration(jitter()*0.3*float64(d))
}

// waitUpgrade waits, and reports whether the session is still there.
func (n *Mesh) waitUpgrade(s *session.Session, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return s.Conn().Err() == nil
	case <-s.Conn().Done():
	case <-n.Context.Done():
	}
	return false
}

// tryUpgrade dials once and reports whether there is nothing left to do.
func (n *Mesh) tryUpgrade(s *session.Session, a identity.Address) bool {
	ctx, cancel := context.WithTimeout(n.Context, peerbook.SlotTime)
	defer cancel()
	conn, err := n.Carrier.Dial(ctx, a)
	if err != nil {
		return false
	}
	if s.Conn().Err() != nil { // it ended meanwhile: who keeps the peer dials anew
		conn.CloseWithError(0, "not needed any more")
		return true
	}
	named := false
	n.placeOf(s, func(p *place) { named = p.named })
	if _, err := n.adopt(conn, named); err != nil {
		conn.CloseWithError(0, err.Error())
		return false
	}
	n.Logger.Info("moved to a better carrier", slog.String("peer", s.Conn().Peer().Short()),
		slog.String("from", s.Conn().Path().Carrier), slog.String("to", conn.Path().Carrier))
	return true
}
