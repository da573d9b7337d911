// SPDX-License-Identifier: MPL-2.0

// Package tcpnet is the TCP carrier, for networks that let no UDP through: TLS
// 1.3 between two nodes that prove their peer keys to each other, and streams
// by package muxnet (docs/xsp.md, "Carriers and streams").
//
// Start with New; what connections and listeners do is in muxnet.
package tcpnet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/muxnet"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Options are muxnet's.
type Options = muxnet.Options

// noKeepAlive leaves it to whoever uses a connection to ask whether the peer is
// there (transport.Conn, Probe).
const noKeepAlive = -1

// maxHosts is how many addresses of a name are tried.
const maxHosts = 4

// A Carrier dials and listens with one peer key.
type Carrier struct {
	node *muxnet.Node
	net  net.ListenConfig
}

var _ transport.Carrier = (*Carrier)(nil)

// New returns a carrier for the node with this peer key. It opens nothing yet.
func New(key ed25519.PrivateKey, o Options) (*Carrier, error) {
	node, err := muxnet.NewKnocking(identity.SchemeTCP, key, o)
	if err != nil {
		return nil, fmt.Errorf("TCP: %w", err)
	}
	return &Carrier{node: node, net: net.ListenConfig{KeepAlive: noKeepAlive}}, nil
}

// Name is "tcp".
func (c *Carrier) Name() string { return identity.SchemeTCP }

// Peer returns the peer id of the carrier's key.
func (c *Carrier) Peer() identity.PeerID { return c.node.Peer() }

// Dial connects to addr, trying each address that its host name has.
func (c *Carrier) Dial(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	inner, leave, err := c.node.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	conn, err := c.dialAny(inner, addr)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(context.Cause(inner), transport.ErrClosed):
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	return nil, muxnet.DialError(ctx, addr, "the address and that its TCP port is open", err)
}

func (c *Carrier) dialAny(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr.Host)
	if err != nil {
		return nil, err
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, host := range hosts[:min(len(hosts), maxHosts)] {
		conn, err := c.dialOne(ctx, net.JoinHostPort(host, port), addr.Peer, len(hosts[i:]))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// dialOne tries one address; others come after it and want their part of the
// time.
func (c *Carrier) dialOne(ctx context.Context, hostport string, want identity.PeerID, left int) (transport.Conn, error) {
	d := net.Dialer{KeepAlive: noKeepAlive}
	if left > 1 {
		d.Timeout = 5 * time.Second
	}
	raw, err := d.DialContext(ctx, "tcp", hostport)
	if err != nil {
		return nil, err
	}
	return c.node.Connect(ctx, raw, want, hostport)
}

// Listen takes connections at hostport; empty means every address and a free
// port.
func (c *Carrier) Listen(ctx context.Context, hostport string) (transport.Listener, error) {
	inner, leave, err := c.node.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if hostport == "" {
		hostport = ":0"
	}
	raw, err := c.net.Listen(inner, "tcp", hostport)
	if err != nil {
		return nil, fmt.Errorf("listen %s: TCP: %w", hostport, err)
	}
	l, err := c.node.Listen(raw, raw.Addr().String(), muxnet.ListenOptions{Place: net.Addr.String, Lost: lost(raw.Addr())})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// lost asks whether the address of a listener is gone.
func lost(at net.Addr) func() error {
	ip := at.(*net.TCPAddr).AddrPort().Addr()
	return func() error {
		if transport.HasAddress(ip) {
			return nil
		}
		return transport.ErrNoAddress
	}
}

// Close tells every peer goodbye and closes the ports.
func (c *Carrier) Close() error { return c.node.Close() }
