// SPDX-License-Identifier: MPL-2.0

package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

func testPeers(t *testing.T, e *env) {
	a, b := e.connect()
	if a.Peer() != e.ListenerPeer || b.Peer() != e.DialerPeer {
		t.Errorf("peers %v and %v", a.Peer(), b.Peer())
	}
	if !a.Dialer() || b.Dialer() {
		t.Errorf("dialer: %t and %t", a.Dialer(), b.Dialer())
	}
	if a.RemoteAddr() == "" || b.RemoteAddr() == "" || e.Dialer.Name() == "" {
		t.Error("nothing to show to people")
	}
	if p, q := a.Path(), b.Path(); p.Carrier == "" || p.Carrier != q.Carrier || q.Better != "" {
		t.Errorf("paths %+v and %+v: want one carrier, and nothing better to dial for who was dialed", p, q)
	}
	if got := e.ln.Addr(); got.Peer != e.ListenerPeer || strings.HasSuffix(got.Host, ":0") {
		t.Errorf("listens at %v", got)
	}
	if a.Err() != nil || b.Err() != nil {
		t.Errorf("errors of open connections: %v, %v", a.Err(), b.Err())
	}
}

func testBinding(t *testing.T, e *env) {
	a, b := e.connect()
	c, d := e.connect()
	for _, x := range []transport.Conn{a, b, c, d} {
		if len(x.Binding()) != transport.BindingBytes {
			t.Errorf("binding of %d bytes", len(x.Binding()))
		}
	}
	if !bytes.Equal(a.Binding(), b.Binding()) || !bytes.Equal(c.Binding(), d.Binding()) {
		t.Error("the ends disagree")
	}
	if bytes.Equal(a.Binding(), c.Binding()) {
		t.Error("two connections have one binding")
	}
	a.Binding()[0] ^= 1
	if !bytes.Equal(a.Binding(), b.Binding()) {
		t.Error("the binding is not the caller's copy")
	}
}

func testWrongPeer(t *testing.T, e *env) {
	addr := e.ln.Addr()
	addr.Peer = identity.PeerID(bytes.Repeat([]byte{7}, 32))
	c, err := e.Dialer.Dial(e.ctx, addr)
	if !errors.Is(err, transport.ErrWrongPeer) || c != nil {
		t.Errorf("dial: %v, %v", c, err)
	}
	ctx, cancel := context.WithTimeout(e.ctx, 100*time.Millisecond)
	defer cancel()
	if c, err := e.ln.Accept(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("accept: %v, %v", c, err)
	}
	e.connect() // and the listener still works
}

func testNowhere(t *testing.T, e *env) {
	ctx, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
	defer cancel()
	c, err := e.Dialer.Dial(ctx, identity.Address{Peer: e.ListenerPeer, Host: e.Nowhere})
	if c != nil || !errors.Is(err, transport.ErrRefused) && !errors.Is(err, transport.ErrUnreachable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial: %v, %v", c, err)
	}
	cancel()
	if c, err = e.Dialer.Dial(ctx, e.ln.Addr()); c != nil || err == nil {
		t.Errorf("dial with a dead context: %v, %v", c, err)
	}
}

func testAcceptCanceled(t *testing.T, e *env) {
	a, _ := e.connect()
	ctx, cancel := context.WithCancel(e.ctx)
	results := make(chan error, 2)
	go func() { _, err := e.ln.Accept(ctx); results <- err }()
	go func() { _, err := a.AcceptStream(ctx); results <- err }()
	cancel()
	for range 2 {
		e.within("canceled accept", func() {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("accept: %v", err)
			}
		})
	}
	e.connect()
}

func testListenerClose(t *testing.T, e *env) {
	a, b := e.connect()
	addr := e.ln.Addr()
	waiting := make(chan error, 1)
	go func() { _, err := e.ln.Accept(e.ctx); waiting <- err }()
	if err := e.ln.Close(); err != nil {
		t.Error("close:", err)
	}
	e.within("waiting accept", func() {
		if err := <-waiting; !errors.Is(err, transport.ErrClosed) {
			t.Errorf("waiting accept: %v", err)
		}
	})
	if _, err := e.ln.Accept(e.ctx); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	e.streamOn(a, b) // a connection that was accepted lives on
	ctx, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
	defer cancel()
	if c, err := e.Dialer.Dial(ctx, addr); err == nil {
		t.Errorf("dialed %v, which is closed", c.RemoteAddr())
	}
	if err := e.ln.Close(); err != nil {
		t.Error("second close:", err)
	}
	ln, err := e.Listener.Listen(e.ctx, e.ListenAt)
	if err != nil {
		t.Fatal("listen again:", err)
	}
	e.ln = ln
	e.connect()
}

func testCarrierClose(t *testing.T, e *env) {
	a, b := e.connect()
	e.streamOn(a, b)
	if err := e.Dialer.Close(); err != nil {
		t.Error("close:", err)
	}
	for _, c := range []transport.Conn{a, b} {
		e.within("done", func() { <-c.Done() })
		var ce *transport.ClosedError
		if !errors.As(c.Err(), &ce) {
			t.Errorf("error %v", c.Err())
		}
	}
	if _, err := e.Dialer.Dial(e.ctx, e.ln.Addr()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("dial: %v", err)
	}
	if _, err := e.Dialer.Listen(e.ctx, e.ListenAt); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("listen: %v", err)
	}
}

func testCloseReason(t *testing.T, e *env) {
	a, b := e.connect()
	if err := a.CloseWithError(17, "good night"); err != nil {
		t.Error("close:", err)
	}
	if err := b.CloseWithError(18, "late"); err != nil {
		t.Error("second close:", err)
	}
	e.within("done", func() { <-a.Done() })
	e.within("done", func() { <-b.Done() })
	e.wantClosed("closing end", a.Err(), 17, "good night", false)
	var ce *transport.ClosedError
	if !errors.As(b.Err(), &ce) {
		t.Errorf("other end: %v", b.Err())
	}

	a, b = e.connect()
	long := strings.Repeat("x", 2*transport.MaxReason)
	b.CloseWithError(1<<40, long)
	e.within("done", func() { <-a.Done() })
	e.wantClosed("told end", a.Err(), 1<<40, long[:transport.MaxReason], true)
	_, err := a.OpenStream(e.ctx)
	e.wantClosed("open", err, 1<<40, long[:transport.MaxReason], true)
	_, err = a.AcceptStream(e.ctx)
	e.wantClosed("accept", err, 1<<40, long[:transport.MaxReason], true)
	a.CloseWithError(3, "me too")
	e.wantClosed("after a second close", a.Err(), 1<<40, long[:transport.MaxReason], true)
}

// testCloseUnblocks has a read, a write and an accept wait while the
// connection closes.
func testCloseUnblocks(t *testing.T, e *env) {
	a, b := e.connect()
	s, _ := e.streamOn(a, b)
	full, _ := e.streamOn(a, b)
	errs := make(chan error, 3)
	go func() { _, err := s.Read(make([]byte, 1)); errs <- err }()
	go func() { _, err := full.Write(make([]byte, 4*e.Buffered)); errs <- err }()
	go func() { _, err := a.AcceptStream(e.ctx); errs <- err }()
	time.Sleep(20 * time.Millisecond)
	b.CloseWithError(5, "stop")
	for range 3 {
		e.within("unblocked", func() { e.wantClosed("waiting call", <-errs, 5, "stop", true) })
	}
	_, err := s.Write([]byte("x"))
	e.wantClosed("write", err, 5, "stop", true)
	s.Cancel(1) // does no harm
}

func testStats(t *testing.T, e *env) {
	a, b := e.connect()
	s, r := e.streamOn(a, b)
	in0, out0 := a.Stats()
	rin0, rout0 := b.Stats()
	const n = 100_000
	go func() {
		s.Write(make([]byte, n))
		s.CloseWrite()
	}()
	e.drain(r, n)
	in, out := a.Stats()
	rin, rout := b.Stats()
	if out-out0 != n || rin-rin0 != n || in != in0 || rout != rout0 {
		t.Errorf("sent %d, received %d of %d; back %d and %d", out-out0, rin-rin0, n, in-in0, rout-rout0)
	}
}

// testSigns asks a peer that reads nothing: its end is there all the same.
func testSigns(t *testing.T, e *env) {
	a, b := e.connect()
	s, _ := e.streamOn(a, b)
	heard0, asked0 := a.Signs()
	if _, err := s.Write([]byte("nobody reads this")); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		a.Probe()
		heard, asked := a.Signs()
		if heard > heard0 && asked > asked0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("heard %d, then %d; asked %d, then %d", heard0, heard, asked0, asked)
		}
	}
}

// testStrangers: two ends that do not know each other have a stream, and what
// comes too soon for the other end is there when that has admitted.
func testStrangers(t *testing.T, e *env) {
	a, b := e.meet()
	control, heard := e.streamOn(a, b)
	e.within("first stream", func() {
		go echo(heard)
		if err := roundTrip(control, random(1, 100_000)); err != nil {
			t.Error(err)
		}
	})
	a.Admit()
	for range 2 {
		s, err := a.OpenStream(e.ctx)
		if err != nil {
			t.Fatal(err)
		}
		go roundTrip(s, random(2, 100_000))
	}
	b.Admit()
	b.Admit()
	for range 2 {
		s, err := b.AcceptStream(e.ctx)
		if err != nil {
			t.Fatal(err)
		}
		e.within("later streams", func() {
			if err := echo(s); err != nil {
				t.Error(err)
			}
		})
	}
	s, err := b.OpenStream(e.ctx) // and the other way round
	if err != nil {
		t.Fatal(err)
	}
	e.write(s, "hello")
	if s, err = a.AcceptStream(e.ctx); err != nil {
		t.Fatal(err)
	}
	e.expect(s, "hello")
}
