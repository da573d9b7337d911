// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

func listen(t testing.TB, c *Carrier, at string) transport.Listener {
	t.Helper()
	ln, err := c.Listen(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func connect(t testing.TB, a *Carrier, ln transport.Listener) (dialed, accepted transport.Conn) {
	t.Helper()
	dialed, err := a.Dial(context.Background(), ln.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if accepted, err = ln.Accept(context.Background()); err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

func wait(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: still waiting", what)
	}
}

func (c *Carrier) socketCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets)
}

// TestOnePort: what a listening node dials comes from the port it listens on.
func TestOnePort(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	at, bt := listen(t, a, "127.0.0.1:0"), listen(t, b, "127.0.0.1:0")
	_, accepted := connect(t, a, bt)
	if accepted.RemoteAddr() != at.Addr().Host {
		t.Errorf("dialed from %s, listens at %s", accepted.RemoteAddr(), at.Addr().Host)
	}
	if n := a.socketCount(); n != 1 {
		t.Errorf("%d sockets", n)
	}
}

// TestSocketsEnd: a port lives while somebody uses it, and no longer.
func TestSocketsEnd(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	ln := listen(t, b, "127.0.0.1:0")
	host := ln.Addr().Host
	dialed, _ := connect(t, a, ln)
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	if a.socketCount() != 1 || b.socketCount() != 1 {
		t.Errorf("%d and %d sockets with a connection open", a.socketCount(), b.socketCount())
	}
	ln = listen(t, b, host) // the port is still ours
	if _, err := b.Listen(t.Context(), host); err == nil {
		t.Error("two listeners at one port")
	}
	ln.Close()
	dialed.CloseWithError(0, "")
	deadline := time.Now().Add(5 * time.Second)
	for a.socketCount()+b.socketCount() > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if a.socketCount()+b.socketCount() > 0 {
		t.Errorf("%d and %d sockets left", a.socketCount(), b.socketCount())
	}
	udp, err := net.ListenPacket("udp", host)
	if err != nil {
		t.Fatalf("port still bound: %v", err)
	}
	udp.Close()
}

func TestReaches(t *testing.T) {
	c := newCarrier(t, 1, small)
	lo, any := listen(t, c, "127.0.0.1:0").(*listener).s, listen(t, c, ":0").(*listener).s
	cases := map[string][2]bool{"127.0.0.1": {true, true}, "192.0.2.1": {false, true}}
	for ip, want := range cases {
		addr := netip.MustParseAddr(ip)
		if lo.reaches(addr) != want[0] || any.reaches(addr) != want[1] {
			t.Errorf("%s: %t and %t, want %v", ip, lo.reaches(addr), any.reaches(addr), want)
		}
	}
	if lo.reaches(netip.MustParseAddr("::1")) {
		t.Error("IPv4 socket reaches ::1")
	}
}

// TestDialByName resolves a host name.
func TestDialByName(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	ln := listen(t, b, "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(ln.Addr().Host)
	// If localhost is ::1 first, that address is given up in time.
	a.o.HandshakeTimeout = time.Second
	if _, err := a.Dial(t.Context(), identity.Address{Peer: testPeer(2), Host: "localhost:" + port}); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"localhost", "no-such-host.invalid:1", "localhost:no-such-port", ""} {
		if _, err := a.Dial(t.Context(), identity.Address{Peer: testPeer(2), Host: host}); !errors.Is(err, transport.ErrUnreachable) {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0") // swallows everything
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	o := small
	o.HandshakeTimeout = 100 * time.Millisecond
	a := newCarrier(t, 1, o)
	addr := identity.Address{Peer: testPeer(2), Host: udp.LocalAddr().String()}
	if _, err := a.Dial(t.Context(), addr); !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("no answer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.Dial(ctx, addr); !errors.Is(err, transport.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, stop)
	if _, err := a.Dial(ctx, addr); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	a.o.HandshakeTimeout = time.Minute
	go func() { time.Sleep(20 * time.Millisecond); a.Close() }()
	if _, err := a.Dial(t.Context(), addr); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("closed while dialing: %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	o := small
	o.IdleTimeout = 300 * time.Millisecond
	a, b := newCarrier(t, 1, o), newCarrier(t, 2, o)
	ln := listen(t, b, "127.0.0.1:0")
	idle, _ := connect(t, a, ln)
	wait(t, "idle connection", idle.Done())
	if !errors.Is(idle.Err(), transport.ErrLost) {
		t.Errorf("idle: %v", idle.Err())
	}
}

// TestRestartedNodeIsNoticed: a node that died without a word and came back
// answers its old peers with a stateless reset, long before the idle timeout.
func TestRestartedNodeIsNoticed(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	ln := listen(t, b, "127.0.0.1:0")
	host := ln.Addr().Host
	dialed, accepted := connect(t, a, ln)
	if _, err := roundTrip(dialed, accepted, "x"); err != nil {
		t.Fatal(err)
	}
	s := ln.(*listener).s
	s.udp.Close() // the power goes
	wait(t, "dead node", accepted.Done())
	b.Close()
	reborn := newCarrier(t, 2, small)
	listen(t, reborn, host)
	st, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A packet of 41 bytes or less is answered with silence (RFC 9000, 10.3).
	if _, err := st.Write([]byte(strings.Repeat("anybody there? ", 4))); err != nil {
		t.Fatal(err)
	}
	wait(t, "old peer", dialed.Done())
	var reset *quic.StatelessResetError
	if err := dialed.Err(); !errors.Is(err, transport.ErrLost) || !errors.As(err, &reset) {
		t.Errorf("old peer: %v", err)
	}
}

func roundTrip(a, b transport.Conn, text string) (string, error) {
	s, err := a.OpenStream(context.Background())
	if err != nil {
		return "", err
	}
	defer s.CloseWrite()
	if _, err := s.Write([]byte(text)); err != nil {
		return "", err
	}
	r, err := b.AcceptStream(context.Background())
	if err != nil {
		return "", err
	}
	defer r.Cancel(0)
	got := make([]byte, len(text))
	_, err = r.Read(got)
	return string(got), err
}

// TestHalfOpenFlood sends first packets and nothing more. The memory it takes
// stays bounded, and a real peer still gets in.
func TestHalfOpenFlood(t *testing.T) {
	o := small
	o.Doorway = transport.NewDoorway(16)
	b := newCarrier(t, 2, o)
	ln := listen(t, b, "127.0.0.1:0")
	half := o.Doorway
	addr, err := net.ResolveUDPAddr("udp", ln.Addr().Host)
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for i := range byte(100) { // as if from a hundred addresses, which a sender can forge
		flood, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 1, i+1)})
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		defer flood.Close()
		p := firstPacket(t)
		for range 3 {
			if _, err := flood.WriteTo(p, addr); err != nil {
				t.Fatal(err)
			}
			most = max(most, half.Inside())
		}
	}
	time.Sleep(50 * time.Millisecond)
	most = max(most, half.Inside())
	if most == 0 || most > half.Limit()/4 {
		t.Errorf("%d half-open connections of addresses that proved nothing, want at most %d", most, half.Limit()/4)
	}
	// From another address: a Retry shows that it can receive.
	a := newCarrier(t, 1, small)
	s, err := openSocket(a, "127.0.0.2:0")
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	a.sockets = append(a.sockets, s)
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { _, err := a.Dial(ctx, ln.Addr()); done <- err }()
	conn, err := ln.Accept(ctx)
	if err != nil || conn.Peer() != testPeer(1) {
		t.Fatalf("accept: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("real peer: %v", err)
	}
}

// firstPacket returns the first packet that a dialer sends.
func firstPacket(t *testing.T) []byte {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { quic.DialAddr(ctx, udp.LocalAddr().String(), wideOpen(t), nil) })
	defer wg.Wait()
	defer cancel()
	b := make([]byte, 2000)
	n, _, err := udp.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestHalfOpenCounts(t *testing.T) {
	d := door{transport.NewDoorway(8)}
	from := func(ip string) *quic.ClientInfo {
		return &quic.ClientInfo{RemoteAddr: &net.UDPAddr{IP: net.ParseIP(ip), Port: 1}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	for _, ip := range []string{"192.0.2.1", "192.0.2.1"} {
		c, err := d.enter(ctx, from(ip))
		if err != nil || placeOf(c) == nil {
			t.Fatalf("%s: %v", ip, err)
		}
	}
	if _, err := d.enter(ctx, from("192.0.2.1")); err == nil {
		t.Error("a third of one address, whose handshakes nobody can end")
	}
	if !d.busy(nil) {
		t.Error("not busy with a quarter of the places taken")
	}
	cancel()
	for d.Inside() != 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := d.enter(t.Context(), from("192.0.2.1")); err != nil {
		t.Errorf("once all have left: %v", err)
	}
}

func TestCloseUnderLoad(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 5 {
		a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
		ln := listen(t, b, "127.0.0.1:0")
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				c, err := ln.Accept(context.Background())
				if err != nil {
					return
				}
				wg.Go(func() {
					for {
						s, err := c.AcceptStream(context.Background())
						if err != nil {
							return
						}
						wg.Go(func() { s.Read(make([]byte, 1<<20)) })
					}
				})
			}
		})
		for range 4 {
			wg.Go(func() {
				for {
					c, err := a.Dial(context.Background(), ln.Addr())
					if err != nil {
						return
					}
					for range 3 {
						if s, err := c.OpenStream(context.Background()); err == nil {
							s.Write(make([]byte, 10_000))
						}
					}
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		wg.Go(func() { b.Close() })
		a.Close()
		wg.Wait()
	}
	goleak.VerifyNone(t, before)
}

func TestCodesFit(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	dialed, accepted := connect(t, a, listen(t, b, "127.0.0.1:0"))
	s, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Cancel(1<<64 - 1)
	dialed.CloseWithError(1<<64-1, "")
	wait(t, "close", accepted.Done())
	var ce *transport.ClosedError
	if !errors.As(accepted.Err(), &ce) || ce.Code != maxCode {
		t.Errorf("%v", accepted.Err())
	}
}
