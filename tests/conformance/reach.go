// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/tcpnet"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A reach is where the program under test is.
type reach struct {
	tcp, unix, quic string
	peer            string // that TCP and QUIC are to find
	command         []string
	stderr          io.Writer
}

func (r reach) check() error {
	n := 0
	for _, s := range []string{r.tcp, r.unix, r.quic, strings.Join(r.command, " ")} {
		if s != "" {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("want one of -tcp HOST:PORT, -unix PATH, -quic HOST:PORT and -- COMMAND")
	case r.quic+r.tcp != "" && r.peer == "":
		return errors.New("-tcp and -quic want -peer, the peer id of the program: it answers nobody else")
	}
	return nil
}

// dial connects as a device. The function it returns last is to be called at the end. The
// program is no stranger to the suite: it may open streams from the start.
func (r reach) dial(ctx context.Context, as identity.Device) (transport.Conn, func(), error) {
	conn, end, err := r.connect(ctx, as)
	if err == nil {
		conn.Admit()
	}
	return conn, end, err
}

func (r reach) connect(ctx context.Context, as identity.Device) (transport.Conn, func(), error) {
	if r.quic+r.tcp != "" {
		return r.knock(ctx, as)
	}
	c, err := pipenet.New(as.PeerKey(), pipenet.Options{})
	if err != nil {
		return nil, nil, err
	}
	raw, err := r.raw(ctx)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	end := func() {
		c.Close()
		if cmd, ok := raw.(*pipenet.Command); ok {
			cmd.Close()
			cmd.Wait() // how it ended says nothing: it may have been killed
		}
	}
	conn, err := c.Connect(ctx, raw, identity.PeerID{}, "the program")
	if err != nil {
		end()
		return nil, nil, err
	}
	return conn, end, nil
}

// raw is the bytes below TLS.
func (r reach) raw(ctx context.Context) (io.ReadWriteCloser, error) {
	if r.unix != "" {
		var d net.Dialer
		return d.DialContext(ctx, "unix", r.unix)
	}
	return pipenet.Start(strings.Join(r.command, " "), r.stderr)
}

// carrier is one that others than this user reach.
func (r reach) carrier(as identity.Device) (transport.Carrier, error) {
	if r.quic != "" {
		return quicnet.New(as.PeerKey(), quicnet.Options{})
	}
	return tcpnet.New(as.PeerKey(), tcpnet.Options{})
}

// knock dials the program where it answers those who know it.
func (r reach) knock(ctx context.Context, as identity.Device) (transport.Conn, func(), error) {
	peer, err := identity.ParsePeerID(r.peer)
	if err != nil {
		return nil, nil, err
	}
	c, err := r.carrier(as)
	if err != nil {
		return nil, nil, err
	}
	conn, err := c.Dial(ctx, identity.Address{Peer: peer, Host: r.quic + r.tcp})
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return conn, func() { c.Close() }, nil
}
