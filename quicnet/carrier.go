// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Carrier dials and listens with one peer key. It dials out of the
// port it listens on, if it listens, so that a NAT opens that port.
type Carrier struct {
	peer     identity.PeerID
	cert     tls.Certificate
	door     *peertls.Door          // of all listeners
	resetKey quic.StatelessResetKey // the same after a restart: tells old peers at once
	o        Options
	bind     func(*net.UDPAddr) (datagrams, error) // opens a port
	stays    func(netip.Addr) bool                 // whether this machine has an address

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // calls under way and open connections

	admitted sync.Map // connections whose peer is no stranger, as *quic.Conn

	mu      sync.Mutex // guards all below
	closed  bool
	sockets []*socket
}

var _ transport.Carrier = (*Carrier)(nil)

const resetKeyLabel = "xaeroflux quic stateless reset v1"

// New returns a carrier for the node with this peer key. It opens nothing yet.
func New(key ed25519.PrivateKey, o Options) (*Carrier, error) {
	cert, err := peertls.Certificate(key)
	if err != nil {
		return nil, fmt.Errorf("QUIC: %w", err)
	}
	door, err := peertls.NewDoor(key, identity.SchemeQUIC)
	if err != nil {
		return nil, fmt.Errorf("QUIC: %w", err)
	}
	c := &Carrier{
		peer:     identity.PeerID(key.Public().(ed25519.PublicKey)),
		cert:     cert,
		door:     door,
		resetKey: quic.StatelessResetKey(digest.Tagged(resetKeyLabel, key.Seed())),
		o:        o.withDefaults(),
		bind:     listenUDP,
		stays:    transport.HasAddress,
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// initialPacket is what RFC 9000 wants of every path: one that carries no more, and says
// so to nobody, would lose all that is larger. What a path carries beyond is found out.
const initialPacket = 1200

// Name is "quic".
func (c *Carrier) Name() string { return identity.SchemeQUIC }

// Peer returns the peer id of the carrier's key.
func (c *Carrier) Peer() identity.PeerID { return c.peer }

// quicConfig is of connections whose windows begin with so many bytes for a stream
// and for all of them. They grow once the peer is admitted:
// quic-go doubles them as fast as the link is found to be.
func (c *Carrier) quicConfig(stream, all uint64) *quic.Config {
	return &quic.Config{
		InitialPacketSize:              initialPacket,
		HandshakeIdleTimeout:           c.o.HandshakeTimeout,
		MaxIdleTimeout:                 c.o.IdleTimeout,
		InitialStreamReceiveWindow:     min(stream, c.o.MaxStreamWindow),
		MaxStreamReceiveWindow:         c.o.MaxStreamWindow,
		InitialConnectionReceiveWindow: min(all, c.o.MaxConnWindow),
		MaxConnectionReceiveWindow:     c.o.MaxConnWindow,
		MaxIncomingStreams:             c.o.MaxIncomingStreams,
		MaxIncomingUniStreams:          -1, // not used
		AllowConnectionWindowIncrease: func(qc *quic.Conn, _ uint64) bool {
			_, ok := c.admitted.Load(qc)
			return ok
		},
	}
}

// Bytes that a peer may send ahead of us on a stream at first. A peer that comes is a
// stranger, and may send twice as many on all streams together. Whom we dial we
// chose, and what a peer lacks is on its way in one round trip: that one may send
// half more.
const (
	strangerWindow = 32 << 10
	dialedWindow   = 512 << 10
)

// enter counts a call that Close waits for, unless the carrier is closed. The
// context it returns ends with the caller's and with Close.
func (c *Carrier) enter(ctx context.Context) (context.Context, func(), error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	c.wg.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { cancel(transport.ErrClosed) })
	return ctx, func() { stop(); cancel(nil); c.wg.Done() }, nil
}

// Dial connects to addr, trying each address that its host name has.
func (c *Carrier) Dial(ctx context.Context, addr identity.Address) (transport.Conn, error) {
	inner, leave, err := c.enter(ctx)
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
	return nil, dialError(ctx, addr.Peer, addr.Host, err)
}

func (c *Carrier) dialAny(ctx context.Context, addr identity.Address) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hosts, err := resolve(ctx, addr.Host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, host := range hosts {
		conn, err := c.dialOne(ctx, host, addr.Peer)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (c *Carrier) dialOne(ctx context.Context, host netip.AddrPort, want identity.PeerID) (*conn, error) {
	s, err := c.socketFor(host.Addr())
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, host, want)
	if err != nil {
		s.release()
		return nil, err
	}
	s.adopt(conn)
	return conn, nil
}

// resolve returns the addresses of hostport, at most four.
func resolve(ctx context.Context, hostport string) ([]netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(hostport); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}, nil
	}
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	for _, ip := range ips[:min(len(ips), 4)] {
		out = append(out, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return out, nil
}

// socketFor returns a socket that can send to ip, with a hold on it: one that
// listens before one that only dials, before a new one.
func (c *Carrier) socketFor(ip netip.Addr) (*socket, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, listens := range []bool{true, false} {
		for _, s := range c.sockets {
			if s.reaches(ip) && s.listens() == listens && s.hold() {
				return s, nil
			}
		}
	}
	return c.open(":0")
}

// open binds a new socket; the caller holds mu and gets the first hold.
func (c *Carrier) open(hostport string) (*socket, error) {
	if c.closed {
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	s, err := openSocket(c, hostport)
	if err != nil {
		return nil, err
	}
	c.sockets = append(c.sockets, s)
	return s, nil
}

// forget drops a socket that is closed.
func (c *Carrier) forget(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sockets {
		if c.sockets[i] == s {
			c.sockets = append(c.sockets[:i:i], c.sockets[i+1:]...)
			return
		}
	}
}

// Close tells every peer goodbye and closes the ports. It waits until all
// calls have returned.
func (c *Carrier) Close() error {
	c.mu.Lock()
	c.closed = true
	sockets := c.sockets
	c.mu.Unlock()
	c.cancel()
	for _, s := range sockets {
		s.close()
	}
	c.wg.Wait()
	return nil
}
