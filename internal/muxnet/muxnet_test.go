// SPDX-License-Identifier: MPL-2.0

package muxnet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testNode(t *testing.T, i byte, o Options) *Node {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = i
	n, err := New("test", ed25519.NewKeyFromSeed(seed), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// connectPipe connects two nodes that know each other.
func connectPipe(t *testing.T, a, b *Node, near, far net.Conn) (dialed, accepted transport.Conn) {
	t.Helper()
	got := make(chan transport.Conn, 1)
	go func() {
		c, err := b.Accept(context.Background(), far, "pipe")
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	dialed, err := a.Connect(t.Context(), near, b.Peer(), "pipe")
	if err != nil {
		t.Fatal(err)
	}
	accepted = <-got
	dialed.Admit()
	accepted.Admit()
	return dialed, accepted
}

// TestStall: a link that takes no bytes ends the connection as lost, for a side that
// has some to send.
func TestStall(t *testing.T) {
	a := testNode(t, 1, Options{StallTimeout: 200 * time.Millisecond})
	b := testNode(t, 2, Options{})
	near, far := net.Pipe()
	gate, link := net.Pipe() // near <-> (pump) <-> gate: a link of our own
	stop := make(chan struct{})
	pump := func(to, from net.Conn) {
		for buf := make([]byte, 1<<15); ; {
			n, err := from.Read(buf)
			if err != nil {
				to.Close()
				return
			}
			select {
			case <-stop:
				return // and takes nothing more, without closing anything
			default:
			}
			to.Write(buf[:n])
		}
	}
	go pump(gate, far)
	go pump(far, gate)
	t.Cleanup(func() { near.Close(); far.Close(); gate.Close(); link.Close() })
	dialed, _ := connectPipe(t, a, b, near, link)
	s, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if dialed.Err() != nil {
		t.Fatal(dialed.Err())
	}
	close(stop)
	go s.Write(make([]byte, 100_000))
	select {
	case <-dialed.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("still there")
	}
	if !errors.Is(dialed.Err(), transport.ErrLost) {
		t.Errorf("%v", dialed.Err())
	}
}

// TestLinkIsCut: a link that ends, as a proxy ends it with a FIN, is a connection that is
// lost, and no end of the streams on it.
func TestLinkIsCut(t *testing.T) {
	near, far := net.Pipe()
	dialed, accepted := connectPipe(t, testNode(t, 1, Options{}), testNode(t, 2, Options{}), near, far)
	s, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("half of")); err != nil {
		t.Fatal(err)
	}
	in, err := accepted.AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(in, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	near.Close()
	for who, s := range map[string]transport.Stream{"who hears": in, "who speaks": s} {
		_, err := s.Read(make([]byte, 1))
		if !errors.Is(err, transport.ErrLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// TestResetCodes: codes past 32 bits are cut to what yamux can carry.
func TestResetCodes(t *testing.T) {
	near, far := net.Pipe()
	a, b := connectPipe(t, testNode(t, 1, Options{}), testNode(t, 2, Options{}), near, far)
	s, err := a.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Cancel(math.MaxUint64)
	r, err := b.AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var se *transport.StreamError
	if _, err := r.Read(make([]byte, 1)); !errors.As(err, &se) || se.Code != math.MaxUint32 || !se.Remote {
		t.Errorf("%v", err)
	}
}

// TestStopSending: a reader that gives up after it ended its own side stops the
// peer's writing, and loses nothing of what it had written itself.
func TestStopSending(t *testing.T) {
	near, far := net.Pipe()
	a, b := connectPipe(t, testNode(t, 1, Options{}), testNode(t, 2, Options{}), near, far)
	s, err := a.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(s, "request")
	s.CloseWrite()
	r, err := b.AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Cancel(22)
	var se *transport.StreamError
	for err = nil; err == nil; {
		_, err = r.Write(make([]byte, 1000))
	}
	if !errors.As(err, &se) || se.Code != 22 || !se.Remote {
		t.Errorf("write: %v", err)
	}
	if text, err := io.ReadAll(r); string(text) != "request" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}

// TestSlotsComeBack: streams that ended in any way make room for others.
func TestSlotsComeBack(t *testing.T) {
	near, far := net.Pipe()
	o := Options{MaxStreams: 2}
	a, b := connectPipe(t, testNode(t, 1, o), testNode(t, 2, o), near, far)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i := range 30 {
		s, err := a.OpenStream(ctx)
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		s.Write([]byte("x"))
		r, err := b.AcceptStream(ctx)
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		switch i % 3 {
		case 0: // both ends
			s.CloseWrite()
			r.CloseWrite()
			io.Copy(io.Discard, r)
			io.Copy(io.Discard, s)
		case 1:
			s.Cancel(1)
			r.Cancel(1)
		case 2: // by the peer
			r.Cancel(2)
			for err = nil; err == nil; {
				_, err = s.Write([]byte("x"))
			}
		}
	}
	s1, _ := a.OpenStream(ctx)
	s2, _ := a.OpenStream(ctx)
	short, stop := context.WithTimeout(ctx, 30*time.Millisecond)
	defer stop()
	if _, err := a.OpenStream(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third: %v", err)
	}
	s1.Cancel(0)
	s2.Cancel(0)
}

func TestBudget(t *testing.T) {
	b := &budget{left: 100}
	one, _ := b.span()
	two, _ := b.span()
	if err := one.ReserveMemory(1000, firstWindow); err != nil {
		t.Errorf("a first window: %v", err)
	}
	if err := one.ReserveMemory(60, 128); err != nil {
		t.Error(err)
	}
	if err := two.ReserveMemory(60, 128); err == nil {
		t.Error("over the budget")
	}
	one.Done()
	one.Done()
	if err := two.ReserveMemory(100, 128); err != nil {
		t.Errorf("after the other ended: %v", err)
	}
	if err := two.ReserveMemory(1, 128); err == nil {
		t.Error("returned twice")
	}
}

func FuzzWords(f *testing.F) {
	word := func(code uint64, reason string) []byte {
		b := binary.BigEndian.AppendUint64(nil, code)
		return append(binary.BigEndian.AppendUint16(b, uint16(len(reason))), reason...)
	}
	f.Add(word(17, "good night"))
	f.Add(word(math.MaxUint64, strings.Repeat("x", transport.MaxReason+1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		code, reason, err := readWords(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(reason) > transport.MaxReason || !bytes.HasPrefix(b, word(code, reason)) {
			t.Errorf("%x read as %d %q", b, code, reason)
		}
	})
}

func TestNobodyUnnamedByAccident(t *testing.T) {
	near, far := net.Pipe()
	a, b := testNode(t, 1, Options{}), testNode(t, 2, Options{})
	go b.Accept(context.Background(), far, "pipe")
	_, err := a.Connect(t.Context(), near, identity.PeerID{9}, "pipe")
	var wrong *transport.WrongPeerError
	if !errors.As(err, &wrong) || wrong.Have != b.Peer() {
		t.Errorf("%v", err)
	}
}
