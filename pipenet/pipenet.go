// SPDX-License-Identifier: MPL-2.0

// Package pipenet carries sessions over what one machine has between two
// processes: unix sockets, and the two pipes of a command, which may lead
// anywhere (`ssh host xaeroflux serve --stdio`). All that is inside is the same as
// over TCP (docs/xsp.md, "Carriers and streams").
//
// A dialer here may leave the peer unnamed, because the way there is the
// caller's own. The peer that answers still proves a key, and a session begins only after
// both sides proved a topic's key.
//
// Start with New for unix sockets, Carrier.Connect and Carrier.Accept for any
// pair of pipes, and Start for those of a command.
package pipenet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/muxnet"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Options are muxnet's, but for HandshakeTimeout, which is 2 minutes by
// default: a command may first ask its user for a password.
type Options = muxnet.Options

// A Carrier dials and listens at unix sockets, whose paths are the hosts of its
// addresses, and makes connections of pipes.
type Carrier struct{ node *muxnet.Node }

var _ transport.Carrier = (*Carrier)(nil)

// New returns a carrier for the node with this peer key. It opens nothing yet.
func New(key ed25519.PrivateKey, o Options) (*Carrier, error) {
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 2 * time.Minute
	}
	node, err := muxnet.New(identity.SchemeUnix, key, o)
	if err != nil {
		return nil, fmt.Errorf("pipes: %w", err)
	}
	return &Carrier{node: node}, nil
}

// Name is "unix".
func (c *Carrier) Name() string { return identity.SchemeUnix }

// Dial connects to the socket at addr.Host. The zero peer takes whoever listens.
func (c *Carrier) Dial(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	return c.enter(ctx, addr, "the path, and that the node there is running", func(ctx context.Context) (transport.Conn, error) {
		var d net.Dialer
		raw, err := d.DialContext(ctx, "unix", addr.Host)
		if err != nil {
			return nil, err
		}
		return c.node.Connect(ctx, raw, addr.Peer, addr.Host)
	})
}

// Connect makes a connection over pipes of which this end is the dialer. The
// zero want takes whoever is there. place is for people. rw is closed with the
// connection, and if this fails.
func (c *Carrier) Connect(ctx context.Context, rw io.ReadWriteCloser, want identity.PeerID, place string) (transport.Conn, error) {
	return c.enter(ctx, identity.Address{Peer: want, Host: place}, "what is at the other end", func(ctx context.Context) (transport.Conn, error) {
		return c.node.Connect(ctx, asConn(rw), want, place)
	})
}

// Accept is Connect for the end that was called.
func (c *Carrier) Accept(ctx context.Context, rw io.ReadWriteCloser, place string) (transport.Conn, error) {
	return c.enter(ctx, identity.Address{Host: place}, "what is at the other end", func(ctx context.Context) (transport.Conn, error) {
		return c.node.Accept(ctx, asConn(rw), place)
	})
}

// enter makes a connection in the node's care.
func (c *Carrier) enter(ctx context.Context, at identity.Address, check string, connect func(context.Context) (transport.Conn, error)) (transport.Conn, error) {
	inner, leave, err := c.node.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := connect(inner)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(context.Cause(inner), transport.ErrClosed):
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	return nil, muxnet.DialError(ctx, at, check, err)
}

// Listen takes connections at a path, from processes of this user.
func (c *Carrier) Listen(ctx context.Context, path string) (transport.Listener, error) {
	_, leave, err := c.node.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	raw, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", path, err)
	}
	l, err := c.node.Listen(raw, path, muxnet.ListenOptions{Place: func(net.Addr) string { return path }, Lost: raw.lost})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Close tells every peer goodbye and removes the sockets.
func (c *Carrier) Close() error { return c.node.Close() }
