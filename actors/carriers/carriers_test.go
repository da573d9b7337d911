// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/tcpnet"
	"github.com/xaeroflux/xaeroflux/transport"
	"github.com/xaeroflux/xaeroflux/transport/conformance"
)

func carrierKey(i byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = i
	return ed25519.NewKeyFromSeed(seed)
}

func carrierPeer(i byte) identity.PeerID {
	return identity.PeerID(carrierKey(i).Public().(ed25519.PublicKey))
}

// realCarriers are those of a store, or only some of them.
func realCarriers(t *testing.T, i byte, which string) *Set {
	t.Helper()
	small := quicnet.Options{MaxStreamWindow: 256 << 10, MaxConnWindow: 1 << 20}
	quic, err := quicnet.New(carrierKey(i), small)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := tcpnet.New(carrierKey(i), tcpnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	unix, err := pipenet.New(carrierKey(i), pipenet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shared := map[string][]transport.Carrier{"both": {quic, tcp}, "quic": {quic}, "tcp": {tcp}}[which]
	c := New(Options{}, shared, unix)
	t.Cleanup(func() { c.Close() })
	return c
}

func testCarriersConform(t *testing.T, dialer, listener, at, nowhere string) {
	conformance.Run(t, func(t *testing.T) conformance.Setup {
		return conformance.Setup{
			Dialer: realCarriers(t, 1, dialer), DialerPeer: carrierPeer(1),
			Listener: realCarriers(t, 2, listener), ListenerPeer: carrierPeer(2),
			ListenAt: at, Nowhere: nowhere, Buffered: 300 << 10,
		}
	})
}

func TestCarriersConform(t *testing.T) {
	const at, nowhere = "127.0.0.1:0", "127.0.0.1:9"
	t.Run("both", func(t *testing.T) { testCarriersConform(t, "both", "both", at, nowhere) })
	t.Run("named", func(t *testing.T) { testCarriersConform(t, "both", "both", "tcp://"+at, "tcp://"+nowhere) })
}

// TestOldPeers: who speaks one carrier alone is found at a bare address.
func TestOldPeers(t *testing.T) {
	for _, which := range []string{"quic", "tcp"} {
		a, b := realCarriers(t, 1, "both"), realCarriers(t, 2, which)
		ln, err := b.Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Dial(t.Context(), ln.Addr())
		if err != nil || c.Path().Carrier != which || (c.Path().Better == "quic") != (which == "tcp") {
			t.Errorf("%s: came by %q, %v", which, c.Path().Carrier, err)
		}
	}
}

func TestListenPlaces(t *testing.T) {
	c := realCarriers(t, 1, "both")
	both, err := c.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := both.Addr().Host
	if scheme, _ := identity.SplitScheme(host); scheme != "" {
		t.Errorf("both at %s", host)
	}
	if conn, err := net.Dial("tcp", host); err != nil {
		t.Errorf("TCP at %s: %v", host, err)
	} else {
		conn.Close()
	}
	// The number is taken by somebody's TCP: said, with a way out.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := c.Listen(t.Context(), taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "quic://"+taken.Addr().String()) {
		t.Errorf("%v", err)
	}
	if ln, err := c.Listen(t.Context(), "quic://"+taken.Addr().String()); err != nil || ln.Addr().Host != "quic://"+taken.Addr().String() {
		t.Errorf("QUIC alone: %v", err)
	}
	if _, err := c.Listen(t.Context(), "tor://x"); !errors.Is(err, identity.ErrAddress) || !strings.Contains(err.Error(), "quic, tcp, unix") {
		t.Errorf("%v", err)
	}
	if _, err := c.Dial(t.Context(), identity.Address{Peer: carrierPeer(2), Host: "tor://x"}); !errors.Is(err, identity.ErrAddress) {
		t.Errorf("%v", err)
	}
}

// A scripted carrier dials as told.
type scripted struct {
	name string
	dial func(ctx context.Context) (transport.Conn, error)
}

func (s *scripted) Name() string { return s.name }
func (s *scripted) Close() error { return nil }
func (s *scripted) Listen(context.Context, string) (transport.Listener, error) {
	return nil, transport.ErrClosed
}
func (s *scripted) Dial(ctx context.Context, _ identity.Address) (transport.Conn, error) {
	return s.dial(ctx)
}

// A bare connection only closes.
type bareConn struct {
	transport.Conn
	closed chan struct{}
}

func (b *bareConn) CloseWithError(uint64, string) error {
	close(b.closed)
	return nil
}

func newBare() *bareConn { return &bareConn{closed: make(chan struct{})} }

func TestRace(t *testing.T) {
	silence := func(ctx context.Context) (transport.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	refuse := func(context.Context) (transport.Conn, error) { return nil, transport.ErrRefused }
	wrong := func(context.Context) (transport.Conn, error) {
		return nil, &transport.WrongPeerError{Host: "h", Have: carrierPeer(3)}
	}
	at := identity.Address{Peer: carrierPeer(2), Host: "h:1"}
	run := func(head time.Duration, first, second func(context.Context) (transport.Conn, error)) (transport.Conn, error) {
		c := New(Options{HeadStart: head}, []transport.Carrier{&scripted{"quic", first}, &scripted{"tcp", second}})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return c.Dial(ctx, at)
	}
	take := func(c *bareConn) func(context.Context) (transport.Conn, error) {
		return func(context.Context) (transport.Conn, error) { return c, nil }
	}

	unused := func(context.Context) (transport.Conn, error) {
		t.Error("the second was dialed")
		return nil, transport.ErrRefused
	}
	if c, err := run(time.Hour, take(newBare()), unused); err != nil || c.Path().Carrier != "quic" || c.Path().Better != "" {
		t.Errorf("first answers: %v", err)
	}
	if c, err := run(time.Millisecond, silence, take(newBare())); err != nil || c.Path().Carrier != "tcp" || c.Path().Better != "quic" {
		t.Errorf("first is silent: %v", err)
	}
	if c, err := run(time.Hour, refuse, take(newBare())); err != nil || c.Path().Carrier != "tcp" {
		t.Errorf("first is refused, and not waited for: %v", err)
	}
	if _, err := run(time.Millisecond, refuse, refuse); !errors.Is(err, transport.ErrRefused) || !strings.Contains(err.Error(), "; and ") {
		t.Errorf("both refused: %v", err)
	}
	if _, err := run(time.Millisecond, refuse, wrong); !errors.Is(err, transport.ErrWrongPeer) || strings.Contains(err.Error(), "; and ") {
		t.Errorf("another peer: %v", err)
	}

	// The first comes through when the second already has: it is preferred,
	// and the other is closed.
	slow, fast := newBare(), newBare()
	late := func(ctx context.Context) (transport.Conn, error) {
		<-ctx.Done()
		return slow, nil
	}
	c, err := run(time.Millisecond, late, take(fast))
	if err != nil || c.Path().Carrier != "quic" {
		t.Errorf("both: %v", err)
	}
	<-fast.closed
}
