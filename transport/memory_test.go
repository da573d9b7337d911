// SPDX-License-Identifier: MPL-2.0

package transport_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
	"github.com/xaeroflux/xaeroflux/transport/conformance"
)

var alice, bob, carol = identity.PeerID{1}, identity.PeerID{2}, identity.PeerID{3}

func TestMemoryConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Setup {
		net := transport.NewMemory(transport.MemoryOptions{MaxStreams: 100})
		return conformance.Setup{
			Dialer: net.Node(alice), DialerPeer: alice,
			Listener: net.Node(bob), ListenerPeer: bob,
			ListenAt: "bob:0", Nowhere: "nowhere:1", Buffered: 256 << 10,
		}
	})
}

type duo struct {
	net  *transport.Memory
	a, b transport.Carrier
	ln   transport.Listener
}

func newDuo(t *testing.T, o transport.MemoryOptions) *duo {
	t.Helper()
	net := transport.NewMemory(o)
	d := &duo{net: net, a: net.Node(alice), b: net.Node(bob)}
	ln, err := d.b.Listen(t.Context(), "bob:1")
	if err != nil {
		t.Fatal(err)
	}
	d.ln = ln
	return d
}

func (d *duo) connect(t *testing.T) (a, b transport.Conn) {
	t.Helper()
	a, err := d.a.Dial(t.Context(), d.ln.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if b, err = d.ln.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestMemoryCutAndPartition(t *testing.T) {
	d := newDuo(t, transport.MemoryOptions{})
	a, b := d.connect(t)
	if n := d.net.Connections(bob, alice); n != 1 {
		t.Errorf("%d connections", n)
	}
	d.net.Cut(bob, alice)
	for _, c := range []transport.Conn{a, b} {
		<-c.Done()
		if !errors.Is(c.Err(), transport.ErrLost) {
			t.Errorf("after the cut: %v", c.Err())
		}
	}
	if n := d.net.Connections(alice, bob); n != 0 {
		t.Errorf("%d connections after the cut", n)
	}
	a, _ = d.connect(t)
	d.net.SetUp(alice, bob, false)
	if <-a.Done(); !errors.Is(a.Err(), transport.ErrLost) {
		t.Errorf("parted: %v", a.Err())
	}
	if _, err := d.a.Dial(t.Context(), d.ln.Addr()); !errors.Is(err, transport.ErrUnreachable) {
		t.Errorf("dial while parted: %v", err)
	}
	if _, err := d.net.Node(carol).Dial(t.Context(), d.ln.Addr()); err != nil {
		t.Errorf("carol is parted too: %v", err)
	}
	d.net.SetUp(alice, bob, true)
	if _, err := d.a.Dial(t.Context(), d.ln.Addr()); err != nil {
		t.Errorf("dial after joining: %v", err)
	}
}

func TestMemoryCutAfter(t *testing.T) {
	for _, quota := range []int64{0, 1, 999, 1000, 70_000} {
		d := newDuo(t, transport.MemoryOptions{StreamBuffer: 64 << 10})
		a, b := d.connect(t)
		d.net.CutAfter(alice, bob, quota)
		got := make(chan int64, 1)
		go func() {
			s, err := b.AcceptStream(t.Context())
			if err != nil {
				got <- 0
				return
			}
			n, _ := io.Copy(io.Discard, s)
			got <- n
		}()
		s, err := a.OpenStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.Write(make([]byte, 100_000))
		if int64(n) != quota || !errors.Is(err, transport.ErrLost) {
			t.Errorf("quota %d: wrote %d, %v", quota, n, err)
		}
		if r := <-got; r > quota {
			t.Errorf("quota %d: read %d", quota, r)
		}
		d.connect(t) // once
	}
}

func TestMemoryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDuo(t, transport.MemoryOptions{})
		a, b := d.connect(t)
		d.net.SetDelay(alice, bob, time.Minute)
		start := time.Now()
		s, _ := a.OpenStream(t.Context())
		s.Write([]byte("one"))
		time.Sleep(time.Second)
		s.Write([]byte("two"))
		s.CloseWrite()
		r, err := b.AcceptStream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 6)
		n, err := r.Read(buf)
		if n != 3 || err != nil || time.Since(start) != time.Minute {
			t.Errorf("first read %d, %v after %v", n, err, time.Since(start))
		}
		rest, err := io.ReadAll(r)
		if string(rest) != "two" || err != nil || time.Since(start) != time.Minute+time.Second {
			t.Errorf("rest %q, %v after %v", rest, err, time.Since(start))
		}
	})
}

// TestMemoryStreamLimit: an opener waits while MaxStreams are open, also when
// it cancels its streams before the peer took them.
func TestMemoryStreamLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDuo(t, transport.MemoryOptions{MaxStreams: 3})
		a, b := d.connect(t)
		for range 3 {
			s, err := a.OpenStream(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.Cancel(1)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.OpenStream(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("fourth stream: %v", err)
		}
		if _, err := b.AcceptStream(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.OpenStream(t.Context()); err != nil {
			t.Errorf("after one was taken: %v", err)
		}
	})
}

func TestMemoryBacklog(t *testing.T) {
	d := newDuo(t, transport.MemoryOptions{Backlog: 2})
	for range 2 {
		if _, err := d.a.Dial(t.Context(), d.ln.Addr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.a.Dial(t.Context(), d.ln.Addr()); !errors.Is(err, transport.ErrRefused) {
		t.Errorf("third dial: %v", err)
	}
	if _, err := d.net.Node(carol).Listen(t.Context(), "bob:1"); err == nil {
		t.Error("two listeners at one place")
	}
}

func TestMemorySeed(t *testing.T) {
	binding := func(seed uint64) string {
		d := newDuo(t, transport.MemoryOptions{Seed: seed})
		a, _ := d.connect(t)
		return string(a.Binding())
	}
	one, again, other := binding(1), binding(1), binding(2)
	if one != again || one == other {
		t.Error("the binding does not follow the seed")
	}
}

func TestErrorTexts(t *testing.T) {
	for err, want := range map[error]string{
		&transport.ClosedError{Code: 3, Reason: "a\nb", Remote: true}: `the peer closed the connection: code 3 "a\nb"`,
		&transport.ClosedError{Code: 3, Reason: "bye"}:                `the connection was closed here: code 3 "bye"`,
		&transport.ClosedError{Err: transport.ErrLost}:                "connection lost",
		&transport.StreamError{Code: 9, Remote: true}:                 "the peer canceled the stream: code 9",
		&transport.StreamError{Code: 9}:                               "the stream was canceled here: code 9",
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
