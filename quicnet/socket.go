// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peertls"
)

// A socket is one UDP port and all that runs over it: at most one listener,
// and connections both dialed and accepted. It lives while it has any of them.
type socket struct {
	carrier *Carrier
	udp     *port
	tr      *quic.Transport
	door    door

	mu     sync.Mutex // guards all below
	conns  map[*conn]struct{}
	ln     *listener // or nil
	holds  int       // of the listener, each connection and each dial under way
	closed bool
}

// openSocket binds hostport; the caller has the first hold.
func openSocket(c *Carrier, hostport string) (*socket, error) {
	addr, err := net.ResolveUDPAddr("udp", hostport)
	if err != nil {
		return nil, fmt.Errorf("QUIC: %w", err)
	}
	udp, err := c.bind(addr)
	if err != nil {
		return nil, fmt.Errorf("QUIC: %w", err)
	}
	s := &socket{carrier: c, udp: &port{datagrams: udp}, door: door{c.o.Doorway}, holds: 1, conns: map[*conn]struct{}{}}
	s.tr = &quic.Transport{
		Conn:                s.udp,
		StatelessResetKey:   &c.resetKey,
		VerifySourceAddress: s.door.busy,
		ConnContext:         s.door.enter,
	}
	return s, nil
}

func (s *socket) addr() netip.AddrPort { return s.udp.LocalAddr().(*net.UDPAddr).AddrPort() }

// reaches reports whether the socket's address can send to ip: one that is
// bound to loopback or to one address family cannot reach everywhere, and one that is
// bound to an address that is gone reaches nothing.
func (s *socket) reaches(ip netip.Addr) bool {
	local := s.addr().Addr().Unmap()
	switch {
	case !s.carrier.stays(local):
		return false
	case local.IsUnspecified():
		return local.Is6() || ip.Is4()
	case local.IsLoopback() != ip.IsLoopback():
		return false
	}
	return local.Is4() == ip.Is4()
}

// hold keeps the socket open until release, unless it is closing.
func (s *socket) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.holds++
	return true
}

// release takes back a hold; the last one closes the socket.
func (s *socket) release() {
	s.mu.Lock()
	s.holds--
	last := s.holds == 0 && !s.closed
	if last {
		s.closed = true
	}
	s.mu.Unlock()
	if last {
		s.shut()
	}
}

// adopt puts a connection into the socket's care until it is closed, and takes
// over one hold of the caller, who is inside Carrier.enter.
func (s *socket) adopt(c *conn) {
	s.mu.Lock()
	_, again := s.conns[c]
	s.conns[c] = struct{}{}
	closed := s.closed
	s.mu.Unlock()
	if again {
		s.release()
		return
	}
	s.carrier.wg.Add(1)
	context.AfterFunc(c.qc.Context(), func() {
		defer s.carrier.wg.Done()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.release()
	})
	if closed { // close had already looked at conns
		c.CloseWithError(0, reasonClosed)
	}
}

// dial connects to addr over this socket, for which the caller has a hold.
func (s *socket) dial(ctx context.Context, addr netip.AddrPort, want identity.PeerID) (*conn, error) {
	conf, err := peertls.Dial(s.carrier.cert, identity.SchemeQUIC, want)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer s.udp.onRefusal(addr, cancel)()
	qc, err := s.tr.Dial(ctx, net.UDPAddrFromAddrPort(addr), conf, s.carrier.quicConfig(dialedWindow, 3*dialedWindow/2))
	if err != nil {
		return nil, err
	}
	c, err := s.carrier.newConn(qc, true)
	if err != nil {
		qc.CloseWithError(0, "")
		return nil, err
	}
	c.remote = addr
	c.socket.Store(s)
	return c, nil
}

// close says goodbye on each connection, then closes the port.
func (s *socket) close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	conns, ln := s.conns, s.ln
	s.conns = map[*conn]struct{}{}
	s.mu.Unlock()
	if ln != nil {
		ln.shut()
	}
	for c := range conns {
		c.CloseWithError(0, reasonClosed)
	}
	s.shut()
}

// shut ends quic-go's part and closes the port.
func (s *socket) shut() {
	s.tr.Close()
	s.udp.Close()
	s.carrier.forget(s)
}

const (
	reasonClosed = "carrier closed"
	reasonBusy   = "others wait too"
)
