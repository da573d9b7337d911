// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A seatedConn is what admission looks at.
type seatedConn struct {
	transport.Conn
	peer   identity.PeerID
	dialer bool
}

func (c *seatedConn) Peer() identity.PeerID { return c.peer }
func (c *seatedConn) Dialer() bool          { return c.dialer }

// How much a connection is wanted is the book's to say, then who made it, then
// what it showed.
func TestRanks(t *testing.T) {
	now := time.Now()
	book := peerbook.New(identity.PeerID{100})
	book.Keep(identity.Address{Peer: identity.PeerID{101}, Host: "1.2.3.4:5"})
	book.Proved(identity.Address{Peer: identity.PeerID{102}, Host: "1.2.3.4:6"}, now.Add(-peerbook.LongAgo))
	book.Proved(identity.Address{Peer: identity.PeerID{103}, Host: "1.2.3.4:7"}, now)
	for _, c := range []struct {
		peer          byte
		dialer, known bool
		want          peerbook.Rank
	}{
		{1, false, false, peerbook.ByName}, {1, true, true, peerbook.ByName},
		{2, false, false, peerbook.LongProven}, {2, true, false, peerbook.Dialed},
		{3, false, false, peerbook.Stranger}, {3, false, true, peerbook.Member}, {3, true, true, peerbook.Dialed},
		{4, false, false, peerbook.Stranger}, {4, false, true, peerbook.Member},
	} {
		conn := &seatedConn{peer: identity.PeerID{100 + c.peer}, dialer: c.dialer}
		if got := rankOf(book, conn, c.known, now); got != c.want {
			t.Errorf("%+v: rank %d", c, got)
		}
	}
}
