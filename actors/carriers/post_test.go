// SPDX-License-Identifier: MPL-2.0

package carriers

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A frail carrier listens at one place and fails as told.
type frail struct {
	transport.Carrier
	name string

	mu     sync.Mutex // guards all below
	refuse error      // of Listen
	gone   error      // Trouble of every listener
	open   []*frailListener
}

type frailListener struct {
	f    *frail
	at   string
	conn chan transport.Conn
	end  chan error // why it ended by itself
	done chan struct{}
	once sync.Once
}

func (f *frail) Name() string { return f.name }
func (f *frail) Close() error { return nil }

func (f *frail) Listen(_ context.Context, at string) (transport.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	l := &frailListener{f: f, at: at, conn: make(chan transport.Conn), end: make(chan error), done: make(chan struct{})}
	f.open = append(f.open, l)
	return l, nil
}

// set says what is refused, and why nobody reaches what listens.
func (f *frail) set(refuse, gone error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse, f.gone = refuse, gone
}

// newest returns the listener that was made last, and how many there were.
func (f *frail) newest() (*frailListener, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[len(f.open)-1], len(f.open)
}

func (l *frailListener) Accept(ctx context.Context) (transport.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case err := <-l.end:
		return nil, err
	case <-l.done:
		return nil, transport.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *frailListener) Addr() identity.Address { return identity.Address{Host: l.at} }

func (l *frailListener) Trouble() (<-chan struct{}, error) {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	return nil, l.f.gone
}

func (l *frailListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (b *bareConn) Done() <-chan struct{} { return b.closed }
func (b *bareConn) Err() error            { return nil }

// frailPair returns two carriers that listen as one.
func frailPair(t *testing.T, o Options) (c *Set, quic, tcp *frail, ln transport.Listener) {
	quic, tcp = &frail{name: "quic"}, &frail{name: "tcp"}
	c = New(o, []transport.Carrier{quic, tcp})
	t.Cleanup(func() { c.Close() })
	ln, err := c.Listen(t.Context(), "192.0.2.7:4040")
	if err != nil {
		t.Fatal(err)
	}
	return c, quic, tcp, ln
}

// untilTrouble waits until a listener is reached or not.
func untilTrouble(t *testing.T, ln transport.Listener, want error) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		changed, why := ln.Trouble()
		if want == nil && why == nil || want != nil && errors.Is(why, want) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("trouble is %v, want %v", why, want)
		}
	}
}

// accepts checks that what comes to a carrier's newest listener is handed on.
func (f *frail) accepts(t *testing.T, ln transport.Listener) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, _ := f.newest()
	select {
	case l.conn <- newBare():
	case <-ctx.Done():
		t.Fatalf("%s: nobody accepts", f.name)
	}
	if c, err := ln.Accept(ctx); err != nil || c.Path().Carrier != f.name {
		t.Fatalf("%s: %v", f.name, err)
	}
}

// TestListenerEnds: a listener that ends by itself is reported, and bound again at its
// port; the other carrier's goes on meanwhile.
func TestListenerEnds(t *testing.T) {
	_, quic, tcp, ln := frailPair(t, Options{LookEvery: time.Millisecond})
	quic.set(syscall.EADDRINUSE, nil)
	first, _ := quic.newest()
	first.end <- net.ErrClosed
	untilTrouble(t, ln, syscall.EADDRINUSE)
	select {
	case <-first.done:
	default:
		t.Error("what ended was not closed")
	}
	tcp.accepts(t, ln)
	quic.set(nil, nil)
	untilTrouble(t, ln, nil)
	quic.accepts(t, ln)
	if l, n := quic.newest(); l.at != "192.0.2.7:4040" || n != 2 {
		t.Errorf("%d listeners, the last at %s", n, l.at)
	}
}

// TestAddressIsGone: that the address of a listener is gone is said, and it is bound
// again as soon as somebody says that the network changed.
func TestAddressIsGone(t *testing.T) {
	c, quic, tcp, ln := frailPair(t, Options{LookEvery: time.Hour})
	refused := &net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}
	quic.set(refused, transport.ErrNoAddress)
	tcp.set(refused, transport.ErrNoAddress)
	c.Move()
	untilTrouble(t, ln, transport.ErrNoAddress)
	quic.set(nil, nil)
	tcp.set(nil, nil)
	c.Move()
	untilTrouble(t, ln, nil)
	quic.accepts(t, ln)
	tcp.accepts(t, ln)
}

// TestExhaustedListener: one that waits for descriptors is reported, and stays.
func TestExhaustedListener(t *testing.T) {
	_, quic, _, ln := frailPair(t, Options{LookEvery: time.Millisecond})
	quic.set(nil, syscall.EMFILE)
	untilTrouble(t, ln, syscall.EMFILE)
	quic.set(nil, nil)
	untilTrouble(t, ln, nil)
	if _, n := quic.newest(); n != 1 {
		t.Errorf("bound %d times", n)
	}
	quic.accepts(t, ln)
}
