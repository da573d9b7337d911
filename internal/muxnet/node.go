// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"github.com/libp2p/go-yamux/v5"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Node makes connections with one peer key and owns them: it is what the
// carriers that stand on this package have in common.
type Node struct {
	carrier string // its name
	peer    identity.PeerID
	cert    tls.Certificate
	door    *peertls.Door // of listeners, at which dialers knock; nil: there is none
	o       Options

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // calls under way, listeners and open connections

	mu        sync.Mutex // guards closed, conns and listeners
	closed    bool
	conns     map[*conn]struct{}
	listeners map[*Listener]struct{}
}

// reasonClosed is what peers are told by Close.
const reasonClosed = "carrier closed"

// New returns a node with this peer key, for a carrier of that name. It opens
// nothing.
func New(carrier string, key ed25519.PrivateKey, o Options) (*Node, error) {
	cert, err := peertls.Certificate(key)
	if err != nil {
		return nil, fmt.Errorf("a certificate of this peer: %w", err)
	}
	n := &Node{
		carrier: carrier,
		peer:    identity.PeerID(key.Public().(ed25519.PublicKey)), cert: cert, o: o.withDefaults(),
		conns: map[*conn]struct{}{}, listeners: map[*Listener]struct{}{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

// NewKnocking is New for a carrier whose listeners anybody may reach: they answer those
// who know their peer id.
func NewKnocking(carrier string, key ed25519.PrivateKey, o Options) (*Node, error) {
	n, err := New(carrier, key, o)
	if err != nil {
		return nil, err
	}
	n.door, err = peertls.NewDoor(key, carrier)
	return n, err
}

// Peer returns the peer id of the node's key.
func (n *Node) Peer() identity.PeerID { return n.peer }

// Enter counts a call that Close waits for, unless the node is closed. The
// context it returns ends with the caller's and with Close.
func (n *Node) Enter(ctx context.Context) (context.Context, func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	n.wg.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(n.ctx, func() { cancel(transport.ErrClosed) })
	return ctx, func() { stop(); cancel(nil); n.wg.Done() }, nil
}

// Connect makes a connection over raw, which this end opened, and proves that
// want is at the other. The zero want takes whoever is there: only if
// the way to the peer is trusted or what follows proves enough. remote is the
// place, for people. raw is closed with the connection, and if this fails.
// The caller is inside Enter, with ctx from there.
func (n *Node) Connect(ctx context.Context, raw net.Conn, want identity.PeerID, remote string) (transport.Conn, error) {
	conf, err := n.dialing(want)
	if err != nil {
		raw.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, n.o.HandshakeTimeout)
	defer cancel()
	under := &counted{Conn: raw}
	c, err := n.shake(ctx, under, tls.Client(under, conf), remote, true, nil)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// dialing is TLS's configuration for a dialer that wants a peer, or whoever is there.
func (n *Node) dialing(want identity.PeerID) (*tls.Config, error) {
	switch {
	case want == identity.PeerID{}:
		return peertls.Config(n.cert, peertls.Anyone), nil
	case n.door != nil:
		return peertls.Dial(n.cert, n.carrier, want)
	}
	return peertls.Config(n.cert, peertls.Only(want)), nil
}

// listening is TLS's configuration for the end that was called.
func (n *Node) listening() *tls.Config {
	if n.door != nil {
		return n.door.Listen(n.cert)
	}
	return peertls.Config(n.cert, peertls.Anyone)
}

// Accept is Connect for the end that was called.
func (n *Node) Accept(ctx context.Context, raw net.Conn, remote string) (transport.Conn, error) {
	c, err := n.accept(ctx, raw, remote, nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// accept is Accept for a stranger that has a place, which the connection takes
// over if there comes to be one.
func (n *Node) accept(ctx context.Context, raw net.Conn, remote string, place *transport.Place) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.o.HandshakeTimeout)
	defer cancel()
	under := &counted{Conn: raw}
	c, err := n.shake(ctx, under, tls.Server(under, n.listening()), remote, false, place)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

// shake runs the handshake and begins a connection.
func (n *Node) shake(ctx context.Context, under *counted, tc *tls.Conn, remote string, dialer bool, place *transport.Place) (*conn, error) {
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	peer, err := peertls.PeerOf(tc.ConnectionState())
	if err != nil {
		return nil, err
	}
	binding, err := peertls.Binding(tc.ConnectionState())
	if err != nil {
		return nil, err
	}
	c := newConn(n, peer, binding, dialer, remote)
	c.place = place
	c.under = under
	if err := c.begin(ctx, &hardClose{Conn: tc, raw: under}); err != nil {
		return nil, err
	}
	if !n.adopt(c) {
		c.session.Close()
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	return c, nil
}

// begin starts yamux and its first stream.
func (c *conn) begin(ctx context.Context, under net.Conn) (err error) {
	b := &budget{left: c.node.o.MaxConnWindow}
	start, first, streams := yamux.Server, (*yamux.Session).AcceptStream, 2 // the carrier's and the control stream
	if c.dialer {
		start, streams = yamux.Client, 0
		first = func(s *yamux.Session) (*yamux.Stream, error) { return s.OpenStream(ctx) }
	}
	c.gate = newGate(under, streams)
	if c.session, err = start(c.gate, c.node.o.yamuxConfig(), b.span); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.session.Close() })
	c.words, err = first(c.session)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.session.Close()
	}
	return err
}

// A hardClose closes what is under TLS at once: TLS's own goodbye can wait for
// seconds on a peer that is gone, and ours was said before.
type hardClose struct {
	net.Conn
	raw net.Conn
}

// Close implements net.Conn.
func (h *hardClose) Close() error { return h.raw.Close() }

// adopt puts a connection into the node's care until it has ended.
func (n *Node) adopt(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.conns[c] = struct{}{}
	n.wg.Go(func() {
		c.run()
		n.mu.Lock()
		delete(n.conns, c)
		n.mu.Unlock()
	})
	return true
}

// Close tells every peer goodbye and closes the listeners. It waits until all
// calls have returned and no goroutine is left.
func (n *Node) Close() error {
	n.mu.Lock()
	n.closed = true
	var conns []*conn
	for c := range n.conns {
		conns = append(conns, c)
	}
	var listeners []*Listener
	for l := range n.listeners {
		listeners = append(listeners, l)
	}
	n.mu.Unlock()
	n.cancel()
	for _, l := range listeners {
		l.shut()
	}
	for _, c := range conns {
		c.CloseWithError(0, reasonClosed)
	}
	n.wg.Wait()
	return nil
}
