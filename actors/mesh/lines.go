// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"log/slog"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
)

// What the log says of peers: a line when one is connected and a line when that ends,
// with the reason. Of a peer that is not reached, or with which no topic is shared, only
// the first line since it was connected last: it is tried again and again.

// maxFailing bounds the peers of which it is remembered that the log has such a line. With
// more of them all are forgotten, and each has another line.
const maxFailing = 1024

// firstFailure reports whether this is the first failure with a peer since it was
// connected; mu is held.
func (d *directory) firstFailure(p identity.PeerID) bool {
	if d.failing[p] {
		return false
	}
	if d.failing == nil || len(d.failing) >= maxFailing {
		d.failing = map[identity.PeerID]bool{}
	}
	d.failing[p] = true
	return true
}

// sayConnected writes the line of a session that shares a topic; mu is held.
func (n *Mesh) sayConnected(s *session.Session) {
	delete(n.dir.failing, s.Conn().Peer())
	n.Logger.Info("connected", ofSession(s)...)
}

// sayEnded writes the line of a session that ended.
func (n *Mesh) sayEnded(s *session.Session) {
	attrs := append(ofSession(s), slog.Duration("after", time.Since(s.Since()).Round(time.Millisecond)), slog.Any("why", s.Ended()))
	if s.Known() {
		n.Logger.Info("disconnected", attrs...)
		return
	}
	n.dir.mu.Lock()
	first := n.dir.firstFailure(s.Conn().Peer())
	n.dir.mu.Unlock()
	if first {
		n.Logger.Info("a session ended that shared no topic; later ones of this peer are not told", attrs...)
	}
}

func ofSession(s *session.Session) []any {
	c := s.Conn()
	return []any{slog.String("peer", c.Peer().Short()), slog.String("carrier", c.Path().Carrier), slog.String("address", c.RemoteAddr())}
}
