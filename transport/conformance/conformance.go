// SPDX-License-Identifier: MPL-2.0

// Package conformance is the test suite that every carrier passes. A carrier's
// own test calls Run with a way to make two connected nodes.
package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A Setup is two fresh nodes. Run closes both carriers.
type Setup struct {
	Dialer, Listener         transport.Carrier
	DialerPeer, ListenerPeer identity.PeerID
	ListenAt                 string // for Listen, with port 0 if the carrier has ports
	Nowhere                  string // where nobody listens
	Buffered                 int64  // most bytes a stream takes while nobody reads it
}

// A Factory makes a Setup.
type Factory func(t *testing.T) Setup

// patience bounds each wait of the suite: reached only where it fails.
const patience = 10 * time.Second

// Run runs the suite, and after each test checks that closing the carriers
// leaves no goroutine.
func Run(t *testing.T, factory Factory) {
	tests := []struct {
		name string
		run  func(*testing.T, *env)
	}{
		{"Peers", testPeers},
		{"Binding", testBinding},
		{"WrongPeer", testWrongPeer},
		{"Nowhere", testNowhere},
		{"AcceptCanceled", testAcceptCanceled},
		{"ListenerClose", testListenerClose},
		{"CarrierClose", testCarrierClose},
		{"Echo", testEcho},
		{"HalfClose", testHalfClose},
		{"ManyStreams", testManyStreams},
		{"BackPressure", testBackPressure},
		{"Cancel", testCancel},
		{"CancelBlockedWrite", testCancelBlockedWrite},
		{"CancelAfterCloseWrite", testCancelAfterCloseWrite},
		{"Deadlines", testDeadlines},
		{"CloseReason", testCloseReason},
		{"CloseUnblocks", testCloseUnblocks},
		{"Stats", testStats},
		{"Signs", testSigns},
		{"Strangers", testStrangers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			e := newEnv(t, factory(t))
			test.run(t, e)
			e.close()
			goleak.VerifyNone(t, before)
		})
	}
}

// An env is a Setup that listens.
type env struct {
	Setup
	t   *testing.T
	ctx context.Context
	ln  transport.Listener

	cancel context.CancelFunc
}

func newEnv(t *testing.T, s Setup) *env {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	e := &env{Setup: s, t: t, ctx: ctx, cancel: cancel}
	t.Cleanup(e.close) // if the test stops early; closing twice does no harm
	ln, err := s.Listener.Listen(ctx, s.ListenAt)
	if err != nil {
		t.Fatal("listen:", err)
	}
	e.ln = ln
	return e
}

func (e *env) close() {
	for _, c := range []transport.Carrier{e.Dialer, e.Listener} {
		if err := c.Close(); err != nil {
			e.t.Error("close:", err)
		}
	}
	e.cancel()
}

// connect returns both ends of a new connection, who know each other.
func (e *env) connect() (dialed, accepted transport.Conn) {
	e.t.Helper()
	dialed, accepted = e.meet()
	dialed.Admit()
	accepted.Admit()
	return dialed, accepted
}

// meet returns both ends of a new connection between strangers.
func (e *env) meet() (dialed, accepted transport.Conn) {
	e.t.Helper()
	dialed, err := e.Dialer.Dial(e.ctx, e.ln.Addr())
	if err != nil {
		e.t.Fatal("dial:", err)
	}
	accepted, err = e.ln.Accept(e.ctx)
	if err != nil {
		e.t.Fatal("accept:", err)
	}
	return dialed, accepted
}

// stream returns both ends of a new stream on a new connection, after one
// byte each way.
func (e *env) stream() (opened, accepted transport.Stream) {
	e.t.Helper()
	a, b := e.connect()
	return e.streamOn(a, b)
}

func (e *env) streamOn(a, b transport.Conn) (opened, accepted transport.Stream) {
	e.t.Helper()
	opened, err := a.OpenStream(e.ctx)
	if err != nil {
		e.t.Fatal("open stream:", err)
	}
	e.write(opened, "?")
	accepted, err = b.AcceptStream(e.ctx)
	if err != nil {
		e.t.Fatal("accept stream:", err)
	}
	e.expect(accepted, "?")
	e.write(accepted, "!")
	e.expect(opened, "!")
	return opened, accepted
}

func (e *env) write(s transport.Stream, text string) {
	e.t.Helper()
	if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
		e.t.Fatalf("write: %d, %v", n, err)
	}
}

// within runs f and fails the test if it takes too long.
func (e *env) within(what string, f func()) {
	e.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		e.t.Fatalf("%s: still waiting after %v", what, patience)
	}
}

// wantStream checks that err is a StreamError with these values.
func (e *env) wantStream(what string, err error, code uint64, remote bool) {
	e.t.Helper()
	var se *transport.StreamError
	if !errors.As(err, &se) || se.Code != code || se.Remote != remote {
		e.t.Errorf("%s: %v, want a stream error with code %d, remote %t", what, err, code, remote)
	}
}

// wantClosed checks that err is a ClosedError with these values.
func (e *env) wantClosed(what string, err error, code uint64, reason string, remote bool) {
	e.t.Helper()
	var ce *transport.ClosedError
	if !errors.As(err, &ce) || ce.Code != code || ce.Reason != reason || ce.Remote != remote {
		e.t.Errorf("%s: %v, want closed with code %d %q, remote %t", what, err, code, reason, remote)
	}
}
