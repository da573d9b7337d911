// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"net/netip"
	"sync/atomic"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// maxCode is the largest code that QUIC can carry.
const maxCode = 1<<62 - 1

// A conn is a quic-go connection with its peer proven.
type conn struct {
	qc      *quic.Conn
	carrier *Carrier
	peer    identity.PeerID
	binding []byte
	dialer  bool
	remote  netip.AddrPort         // if it was dialed
	socket  atomic.Pointer[socket] // that it sends from
	moving  atomic.Bool

	in, out atomic.Uint64
}

// newConn wraps a connection whose handshake is complete.
func (c *Carrier) newConn(qc *quic.Conn, dialer bool) (*conn, error) {
	state := qc.ConnectionState().TLS
	peer, err := peertls.PeerOf(state)
	if err != nil {
		return nil, err
	}
	binding, err := peertls.Binding(state)
	if err != nil {
		return nil, err
	}
	return &conn{qc: qc, carrier: c, peer: peer, binding: binding, dialer: dialer}, nil
}

func (c *conn) Peer() identity.PeerID { return c.peer }

func (c *conn) Binding() []byte { return append([]byte(nil), c.binding...) }

func (c *conn) Dialer() bool { return c.dialer }

// Admit implements transport.Conn.
func (c *conn) Admit() {
	if _, twice := c.carrier.admitted.Swap(c.qc, true); twice {
		return
	}
	context.AfterFunc(c.qc.Context(), func() { c.carrier.admitted.Delete(c.qc) })
	if place := placeOf(c.qc.Context()); place != nil {
		place.Leave()
	}
}

func (c *conn) Path() transport.Path { return transport.Path{Carrier: identity.SchemeQUIC} }

// RemoteAddr does not ask quic-go of what was dialed, which stays where it is and may
// be moving here.
func (c *conn) RemoteAddr() string {
	if c.dialer {
		return c.remote.String()
	}
	return c.qc.RemoteAddr().String()
}

func (c *conn) Done() <-chan struct{} { return c.qc.Context().Done() }

func (c *conn) Err() error {
	if err := context.Cause(c.qc.Context()); err != nil {
		return closedError(err)
	}
	return nil
}

func (c *conn) Stats() (bytesIn, bytesOut uint64) { return c.in.Load(), c.out.Load() }

// Signs counts packets.
func (c *conn) Signs() (heard, asked uint64) {
	st := c.qc.ConnectionStats()
	return st.PacketsReceived, st.PacketsSent
}

// Probe does nothing: QUIC acknowledges what goes out, and repeats what is not
// acknowledged, whatever waits on streams.
func (c *conn) Probe() {}

func (c *conn) CloseWithError(code uint64, reason string) error {
	return c.qc.CloseWithError(quic.ApplicationErrorCode(min(code, maxCode)), transport.CutReason(reason))
}

func (c *conn) OpenStream(ctx context.Context) (transport.Stream, error) {
	s, err := c.qc.OpenStreamSync(ctx)
	if err != nil {
		return nil, c.openError(err)
	}
	return &stream{conn: c, s: s}, nil
}

func (c *conn) AcceptStream(ctx context.Context) (transport.Stream, error) {
	s, err := c.qc.AcceptStream(ctx)
	if err != nil {
		return nil, c.openError(err)
	}
	return &stream{conn: c, s: s}, nil
}
