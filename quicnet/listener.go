// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A listener hands out what comes in on a socket.
type listener struct {
	s    *socket
	ql   *quic.Listener
	once sync.Once
}

// Listen takes connections at hostport; empty means Options.ListenAddr. A
// socket that still carries connections from an earlier listener at the same
// address is used again.
func (c *Carrier) Listen(ctx context.Context, hostport string) (transport.Listener, error) {
	_, leave, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if hostport == "" {
		hostport = c.o.ListenAddr
	}
	s, err := c.socketAt(hostport)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", hostport, err)
	}
	ln, err := s.listen()
	if err != nil {
		s.release()
		return nil, fmt.Errorf("listen %s: %w", hostport, err)
	}
	return ln, nil
}

// socketAt returns the socket bound to hostport with a hold on it, or a new one.
func (c *Carrier) socketAt(hostport string) (*socket, error) {
	addr, err := net.ResolveUDPAddr("udp", hostport)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if sameBind(s.addr(), addr.AddrPort()) && s.hold() {
			return s, nil
		}
	}
	return c.open(hostport)
}

// sameBind reports whether asking for b gives the socket bound at a.
func sameBind(a, b netip.AddrPort) bool {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	return a.Port() == b.Port() && (x == y || x.IsUnspecified() && (!y.IsValid() || y.IsUnspecified()))
}

// listen makes the socket's listener; the caller's hold becomes the listener's.
func (s *socket) listen() (*listener, error) {
	conf := s.carrier.door.Listen(s.carrier.cert)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: carrier", transport.ErrClosed)
	}
	if s.ln != nil {
		return nil, errors.New("already listening there")
	}
	ql, err := s.tr.Listen(conf, s.carrier.quicConfig(strangerWindow, 2*strangerWindow))
	if err != nil {
		return nil, err
	}
	s.ln = &listener{s: s, ql: ql}
	return s.ln, nil
}

func (s *socket) listens() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ln != nil
}

func (l *listener) Addr() identity.Address {
	return identity.Address{Peer: l.s.carrier.peer, Host: l.s.addr().String()}
}

// Accept waits for the next connection whose handshake is done. One that
// closed in the meantime is passed over.
func (l *listener) Accept(ctx context.Context) (transport.Conn, error) {
	_, leave, err := l.s.carrier.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for {
		qc, err := l.ql.Accept(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, l.ended(err)
		}
		if c := l.take(qc); c != nil {
			return c, nil
		}
	}
}

// ended is why nothing comes any more: the listener was closed, or quic-go gave up
// the port, and with it all connections there.
func (l *listener) ended(err error) error {
	if !l.s.listensBy(l) {
		return fmt.Errorf("%w: listener", transport.ErrClosed)
	}
	l.s.close() // so that nothing is dialed from there
	return fmt.Errorf("QUIC: port %s: %w", l.s.addr(), err)
}

// Trouble implements transport.Listener.
func (l *listener) Trouble() (<-chan struct{}, error) {
	if l.s.carrier.stays(l.s.addr().Addr()) {
		return nil, nil
	}
	return nil, transport.ErrNoAddress
}

// take makes a conn of what quic-go accepted, or closes it and returns nil.
func (l *listener) take(qc *quic.Conn) *conn {
	c, err := l.s.carrier.newConn(qc, false)
	if err != nil || !l.s.holdListening(l) {
		qc.CloseWithError(0, reasonClosed)
		return nil
	}
	l.s.adopt(c)
	if place := placeOf(qc.Context()); place != nil {
		place.Evictable(func() { c.CloseWithError(transport.CodeBusy, reasonBusy) })
	}
	return c
}

func (s *socket) listensBy(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.ln == l
}

// holdListening is hold, while l still listens.
func (s *socket) holdListening(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ln != l {
		return false
	}
	s.holds++
	return true
}

// Close ends listening; what nobody accepted yet is closed too.
func (l *listener) Close() error {
	l.shut()
	return nil
}

func (l *listener) shut() {
	l.once.Do(func() {
		l.s.mu.Lock()
		l.s.ln = nil
		l.s.mu.Unlock()
		l.ql.Close()
		for {
			qc, err := l.ql.Accept(context.Background())
			if err != nil {
				break
			}
			qc.CloseWithError(0, reasonClosed)
		}
		l.s.release()
	})
}
