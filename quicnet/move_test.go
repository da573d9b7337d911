// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"errors"
	"io"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/transport"
)

// TestMove: a connection goes on from another port when the address of its own is
// gone, and the peer sees where it is now.
func TestMove(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	gone := netip.MustParseAddr("127.0.0.2")
	listen(t, a, "127.0.0.2:0")
	ln := listen(t, b, ":0")
	at := ln.Addr()
	at.Host = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddrPort(at.Host).Port()).String()
	dialed, err := a.Dial(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, told := accepted.RemoteAddr(), dialed.RemoteAddr()
	a.Move()
	if dialed.(*conn).moving.Load() || a.socketCount() != 1 {
		t.Error("it moved, and its address is there")
	}
	for range 3 { // the first moves it, and then it is where it can stay
		a.stays = func(ip netip.Addr) bool { return ip != gone }
		a.Move()
		limit := time.Now().Add(20 * time.Second)
		for dialed.(*conn).socket.Load().addr().Addr() == gone || dialed.(*conn).moving.Load() {
			if time.Sleep(time.Millisecond); time.Now().After(limit) {
				t.Fatal("it did not move")
			}
		}
	}
	s, err := dialed.OpenStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(s, "from there")
		s.CloseWrite()
	}()
	r, err := accepted.AcceptStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "from there" {
		t.Errorf("%q, %v", got, err)
	}
	for limit := time.Now().Add(20 * time.Second); accepted.RemoteAddr() == first; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the peer is still at %s", first)
		}
	}
	if dialed.RemoteAddr() != told {
		t.Errorf("the listener seems to have moved from %s to %s", told, dialed.RemoteAddr())
	}
	if n := a.socketCount(); n != 2 {
		t.Errorf("%d sockets", n)
	}
	dialed.CloseWithError(7, "well")
	wait(t, "goodbye", accepted.Done())
	var closed *transport.ClosedError
	if !errors.As(accepted.Err(), &closed) || closed.Code != 7 {
		t.Errorf("%v", accepted.Err())
	}
}

// TestMoveWithoutAWay: a connection that cannot be moved is left as it is, and
// moved when it can.
func TestMoveWithoutAWay(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	listen(t, a, "127.0.0.2:0")
	dialed, _ := connect(t, a, listen(t, b, "127.0.0.1:0"))
	w, no := weaken(a), syscall.ENETUNREACH
	w.writes.Store(&no)
	a.stays = func(ip netip.Addr) bool { return ip != netip.MustParseAddr("127.0.0.2") }
	a.Move()
	w.untilRefused(t, 2)
	a.Move() // one is under way
	for limit := time.Now().Add(20 * time.Second); dialed.(*conn).moving.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it is not given up")
		}
	}
	if err := dialed.Err(); err != nil {
		t.Fatalf("it is closed: %v", err)
	}
	w.writes.Store(nil)
	a.Move()
	for limit := time.Now().Add(20 * time.Second); dialed.(*conn).socket.Load().addr().Addr().IsLoopback(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it is not moved once there is a way")
		}
	}
	dialed.CloseWithError(0, "")
	for limit := time.Now().Add(20 * time.Second); a.socketCount() > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d sockets", a.socketCount())
		}
	}
}

// TestDeadAddressIsNotDialedFrom: the port of a listener whose address is gone sends
// nothing, and dials do not depend on it.
func TestDeadAddressIsNotDialedFrom(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	listen(t, a, "127.0.0.2:0")
	a.stays = func(ip netip.Addr) bool { return ip != netip.MustParseAddr("127.0.0.2") }
	dialed, _ := connect(t, a, listen(t, b, "127.0.0.1:0"))
	if from := dialed.(*conn).socket.Load().addr(); !from.Addr().IsUnspecified() {
		t.Errorf("dialed from %s", from)
	}
}
