// SPDX-License-Identifier: MPL-2.0

// Package carriers is several carriers as one.
//
// Rule: what is above knows of places and of one carrier; which of them goes which
// way, and what else is tried, is decided here.
//
// Start with Set.
package carriers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Set is several carriers as one. An address that names a carrier
// ("tcp://host:port") goes to that one. One that names none is for those that
// share ports: Listen takes all of them at one number, and Dial tries the best,
// the next after a moment, and keeps the first on which the peer is proven.
type Set struct {
	o      Options
	shared []transport.Carrier // the best first
	named  []transport.Carrier // only by name

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // of gatherings

	mu         sync.Mutex // guards closed and gatherings
	closed     bool
	gatherings map[*multiListener]struct{}
}

// Options are times; the zero value works.
type Options struct {
	// HeadStart is how long a carrier is tried alone before the next one is
	// tried too. Default 300 ms: more than a handshake on most links.
	HeadStart time.Duration
	// LookEvery is how often a listener is asked whether its address is still there,
	// and how long it is waited at most until a place is bound again that was lost.
	// Default 15 s.
	LookEvery time.Duration
}

var (
	_ transport.Carrier = (*Set)(nil)
	_ transport.Mover   = (*Set)(nil)
)

// New returns carriers that share ports, the best first, with others
// that are used by name only.
func New(o Options, shared []transport.Carrier, named ...transport.Carrier) *Set {
	if o.HeadStart <= 0 {
		o.HeadStart = 300 * time.Millisecond
	}
	if o.LookEvery <= 0 {
		o.LookEvery = 15 * time.Second
	}
	c := &Set{o: o, shared: shared, named: named, gatherings: map[*multiListener]struct{}{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// A carried connection knows which carrier it came by.
type carried struct {
	transport.Conn
	path  transport.Path
	plain bool // its addresses need no name of a carrier
}

// By returns a connection that was made by a carrier of that name.
func By(carrier string, conn transport.Conn) transport.Conn {
	return &carried{Conn: conn, path: transport.Path{Carrier: carrier}}
}

// Path implements transport.Conn.
func (c *carried) Path() transport.Path { return c.path }

// RemoteAddr names the carrier too, unless it is the usual one.
func (c *carried) RemoteAddr() string {
	if c.plain {
		return c.Conn.RemoteAddr()
	}
	return identity.JoinScheme(c.path.Carrier, c.Conn.RemoteAddr())
}

// Name names the best one.
func (c *Set) Name() string { return c.shared[0].Name() }

func (c *Set) all() []transport.Carrier {
	return append(append([]transport.Carrier(nil), c.shared...), c.named...)
}

// find returns the carrier that host names, or nil for none, and the rest.
func (c *Set) find(host string) (transport.Carrier, string, error) {
	scheme, rest := identity.SplitScheme(host)
	if scheme == "" {
		return nil, host, nil
	}
	var names []string
	for _, one := range c.all() {
		if one.Name() == scheme {
			return one, rest, nil
		}
		names = append(names, one.Name())
	}
	return nil, "", fmt.Errorf("%w: carrier %q is not here; there are %s", identity.ErrAddress, scheme, strings.Join(names, ", "))
}

// Dial implements transport.Carrier.
func (c *Set) Dial(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	one, rest, err := c.find(addr.Host)
	if err != nil {
		return nil, err
	}
	if one == nil {
		return c.race(ctx, addr)
	}
	return c.dialBy(ctx, one, identity.Address{Peer: addr.Peer, Host: rest}, "")
}

func (c *Set) dialBy(ctx context.Context, one transport.Carrier, addr identity.Address, better string) (transport.Conn, error) {
	conn, err := one.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &carried{Conn: conn, path: transport.Path{Carrier: one.Name(), Better: better}, plain: one == c.shared[0]}, nil
}

// race dials by each shared carrier, the next when the ones before it have failed
// or had their head start.
func (c *Set) race(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	conn, _, err := Race(ctx, c.o.HeadStart, len(c.shared), func(ctx context.Context, i int) (transport.Conn, error) {
		better := ""
		if i > 0 {
			better = c.Name()
		}
		return c.dialBy(ctx, c.shared[i], addr, better)
	})
	return conn, err
}

// listenTries is how often another free port is tried if not all carriers
// have the number that was free for the first.
const listenTries = 16

// Listen implements transport.Carrier.
func (c *Set) Listen(ctx context.Context, hostport string) (transport.Listener, error) {
	one, rest, err := c.find(hostport)
	if err != nil {
		return nil, err
	}
	if one != nil {
		l, err := one.Listen(ctx, rest)
		if err != nil {
			return nil, err
		}
		return c.gather(one.Name(), rest, []transport.Carrier{one}, []transport.Listener{l})
	}
	for try := 1; ; try++ {
		all, err := c.listenShared(ctx, hostport)
		if err == nil {
			return c.gather("", hostport, c.shared, all)
		}
		if _, port, _ := net.SplitHostPort(hostport); port != "0" && hostport != "" || !errors.Is(err, syscall.EADDRINUSE) || try == listenTries {
			return nil, err
		}
	}
}

// listenShared listens by each shared carrier, at the port of the first.
func (c *Set) listenShared(ctx context.Context, hostport string) (all []transport.Listener, err error) {
	for i, one := range c.shared {
		l, err := one.Listen(ctx, hostport)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			if i > 0 {
				err = fmt.Errorf("%w; %s://%s listens by %s alone", err, c.shared[0].Name(), hostport, c.shared[0].Name())
			}
			return nil, err
		}
		all = append(all, l)
		if i == 0 {
			hostport = samePort(hostport, l.Addr().Host)
		}
	}
	return all, nil
}

// samePort returns hostport with the port of got; what has no ports is as it was
// asked for.
func samePort(hostport, got string) string {
	_, port, err := net.SplitHostPort(got)
	if err != nil {
		return hostport
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = ""
	}
	return net.JoinHostPort(host, port)
}

// Move implements transport.Mover for those of the carriers that can. Places where
// this node listens and whose address is gone, or back, are looked at.
func (c *Set) Move() {
	c.mu.Lock()
	for g := range c.gatherings {
		g.look()
	}
	c.mu.Unlock()
	for _, one := range c.all() {
		transport.Move(one)
	}
}

// Close implements transport.Carrier.
func (c *Set) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(c.all()))
	for i, one := range c.all() {
		wg.Go(func() { errs[i] = one.Close() })
	}
	wg.Wait()
	c.wg.Wait()
	return errors.Join(errs...)
}
