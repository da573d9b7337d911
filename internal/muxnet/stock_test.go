// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/xaeroflux/xaeroflux/internal/peertls"
	"github.com/xaeroflux/xaeroflux/transport"
)

// stockDial is a client of the reference implementation of yamux, and the
// connection that it has with a node of ours.
func stockDial(t *testing.T, i byte, o Options) (*yamux.Session, transport.Conn) {
	t.Helper()
	n := testNode(t, 1, o)
	near, far := net.Pipe()
	accepted := make(chan transport.Conn, 1)
	go func() {
		c, err := n.Accept(context.Background(), far, "pipe")
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	tc := tls.Client(near, peertls.Config(testNode(t, i, o).cert, peertls.Only(n.Peer())))
	if err := tc.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	conf := yamux.DefaultConfig()
	conf.LogOutput, conf.EnableKeepAlive = io.Discard, false
	session, err := yamux.Client(tc, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); session.Close() })
	if _, err := session.OpenStream(); err != nil { // the carrier's
		t.Fatal(err)
	}
	return session, <-accepted
}

// poll waits until something holds.
func poll(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("in vain: ", what)
		}
	}
}

// answerAll answers whatever asks, as a session does: a stream is let go as
// soon as the answer is written.
func answerAll(c transport.Conn, answer []byte) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			defer s.Cancel(22)
			if _, err := io.ReadFull(s, make([]byte, 4)); err != nil {
				return
			}
			if _, err := s.Write(answer); err == nil {
				s.CloseWrite()
			}
		}()
	}
}

// TestStockYamux: the reference implementation throws away what it has not read
// of a stream when that is reset, although the stream was ended before.
func TestStockYamux(t *testing.T) {
	session, c := stockDial(t, 2, Options{})
	c.Admit()
	answer := make([]byte, 100_000)
	go answerAll(c, answer)
	whole := 0
	for i := range 100 {
		s, err := session.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([]byte("pull")); err != nil {
			t.Fatal(err)
		}
		end := s.Close // a half close
		if i%2 == 0 {  // some end before they read, and some after
			end()
		}
		if n, err := io.Copy(io.Discard, s); err == nil && n == int64(len(answer)) {
			whole++
		}
		if i%2 == 1 {
			end()
		}
	}
	if whole != 100 {
		t.Errorf("%d of 100 answers arrived whole", whole)
	}
	// Nothing is left of them on this side but the carrier's stream.
	poll(t, "streams that were answered", func() bool { return c.(*conn).session.NumStreams() == 1 })
}

// TestAskerThatGoesOn: who does not end what it asks is stopped after all, by
// what it sends.
func TestAskerThatGoesOn(t *testing.T) {
	session, c := stockDial(t, 2, Options{})
	c.Admit()
	go answerAll(c, []byte("done"))
	s, err := session.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	for sent := 0; ; {
		n, err := s.Write(make([]byte, 32<<10))
		if sent += n; err != nil {
			return
		}
		if sent > drainBytes+4*baseWindow {
			t.Fatalf("%d bytes taken behind the answer", sent)
		}
	}
}
