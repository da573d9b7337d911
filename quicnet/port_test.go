// SPDX-License-Identifier: MPL-2.0

package quicnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/xaeroflux/xaeroflux/transport"
)

// A weakPort refuses what it is told to.
type weakPort struct {
	datagrams
	reads, writes atomic.Pointer[syscall.Errno] // nil: none are refused
	refused       atomic.Int64
}

func (w *weakPort) refuse(e *atomic.Pointer[syscall.Errno], op string) error {
	no := e.Load()
	if no == nil {
		return nil
	}
	w.refused.Add(1)
	return &net.OpError{Op: op, Net: "udp", Err: *no}
}

func (w *weakPort) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	n, err := w.datagrams.ReadBatch(ms, flags)
	if no := w.refuse(&w.reads, "read"); no != nil && err == nil {
		return 0, no
	}
	return n, err
}

func (w *weakPort) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (int, int, error) {
	if err := w.refuse(&w.writes, "write"); err != nil {
		return 0, 0, err
	}
	return w.datagrams.WriteMsgUDP(b, oob, to)
}

// weaken gives a carrier such a port.
func weaken(c *Carrier) *weakPort {
	w := &weakPort{}
	bind := c.bind
	c.bind = func(a *net.UDPAddr) (datagrams, error) {
		udp, err := bind(a)
		w.datagrams = udp
		return w, err
	}
	return w
}

// untilRefused waits until so many packets more were refused.
func (w *weakPort) untilRefused(t *testing.T, more int64) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for want := w.refused.Load() + more; w.refused.Load() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d refused, want %d", w.refused.Load(), want)
		}
	}
}

// TestRefusedForAMoment: connections and listeners outlast a machine that refuses to
// read or to send for a moment, at either end.
func TestRefusedForAMoment(t *testing.T) {
	for _, no := range []syscall.Errno{syscall.ENOBUFS, syscall.ENOMEM, syscall.ENETUNREACH, syscall.EPERM} {
		for _, which := range []string{"dialer", "listener"} {
			t.Run(which+" "+no.Error(), func(t *testing.T) {
				a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
				w := weaken(map[string]*Carrier{"dialer": a, "listener": b}[which])
				ln := listen(t, b, "127.0.0.1:0")
				dialed, accepted := connect(t, a, ln)
				accepted.Admit()
				say := func(from, to transport.Conn) {
					t.Helper()
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					s, err := from.OpenStream(ctx)
					if err != nil {
						t.Fatal(err)
					}
					defer s.Cancel(0)
					if _, err := io.WriteString(s, "still here"); err != nil {
						t.Fatal(err)
					}
					s.CloseWrite()
					r, err := to.AcceptStream(ctx)
					if err != nil {
						t.Fatal(err)
					}
					r.SetReadDeadline(time.Now().Add(20 * time.Second))
					if got, err := io.ReadAll(r); string(got) != "still here" {
						t.Fatalf("%q, %v", got, err)
					}
				}
				say(dialed, accepted)
				kinds := []*atomic.Pointer[syscall.Errno]{&w.writes}
				if no == syscall.ENOBUFS || no == syscall.ENOMEM {
					kinds = append(kinds, &w.reads)
				}
				for _, kind := range kinds {
					kind.Store(&no)
					done := make(chan struct{})
					go func() {
						defer close(done)
						say(dialed, accepted)
						say(accepted, dialed)
					}()
					w.untilRefused(t, 3)
					kind.Store(nil)
					wait(t, "what is said when there is room again", done)
				}
				if dialed.Err() != nil || accepted.Err() != nil {
					t.Errorf("%v, %v", dialed.Err(), accepted.Err())
				}
				connect(t, newCarrier(t, 3, small), ln) // and it listens
			})
		}
	}
}

// TestDialHearsOfARefusal: a dial does not wait for the answer to what was not sent.
func TestDialHearsOfARefusal(t *testing.T) {
	a, b := newCarrier(t, 1, Options{HandshakeTimeout: time.Hour}), newCarrier(t, 2, small)
	w, no := weaken(a), syscall.ENETUNREACH
	w.writes.Store(&no)
	_, err := a.Dial(t.Context(), listen(t, b, "127.0.0.1:0").Addr())
	if !errors.Is(err, transport.ErrUnreachable) || !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("%v", err)
	}
}

// TestDeadPort: a port that cannot be read any more ends its listener, which says why,
// and what is dialed goes out elsewhere; at the same place it is listened anew.
func TestDeadPort(t *testing.T) {
	a, b := newCarrier(t, 1, small), newCarrier(t, 2, small)
	w := weaken(b)
	ln := listen(t, b, "127.0.0.1:0")
	connect(t, a, ln)
	no := syscall.EBADF
	w.reads.Store(&no)
	go a.Dial(t.Context(), ln.Addr()) // so that there is something to read
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := ln.Accept(ctx)
		if err == nil {
			continue // it came just before
		}
		if errors.Is(err, transport.ErrClosed) || !errors.Is(err, no) {
			t.Fatalf("accept: %v", err)
		}
		break
	}
	w.reads.Store(nil)
	ln.Close()
	other := listen(t, a, "127.0.0.1:0")
	if _, err := b.Dial(ctx, other.Addr()); err != nil {
		t.Errorf("dial, once a port has died: %v", err)
	}
	again := listen(t, b, ln.Addr().Host)
	connect(t, newCarrier(t, 3, small), again)
}

// TestTroubleOfAddress: a listener knows that its address is gone.
func TestTroubleOfAddress(t *testing.T) {
	c := newCarrier(t, 1, small)
	ln := listen(t, c, "127.0.0.2:0")
	if _, why := ln.Trouble(); why != nil {
		t.Error(why)
	}
	c.stays = func(netip.Addr) bool { return false }
	if _, why := ln.Trouble(); !errors.Is(why, transport.ErrNoAddress) {
		t.Errorf("its address is gone: %v", why)
	}
}
