// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A relay forwards one port of this machine to another: TCP from the beginning,
// UDP when it is told to, as a network does whose firewall changes.
type relay struct {
	t  *testing.T
	to string
	at string // host:port
	ln net.Listener

	mu    sync.Mutex // guards conns
	conns []io.Closer
	wg    sync.WaitGroup
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, to: to, at: ln.Addr().String(), ln: ln}
	r.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			d, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				return
			}
			r.keep(c, d)
			r.wg.Go(func() { io.Copy(c, d); c.Close() })
			r.wg.Go(func() { io.Copy(d, c); d.Close() })
		}
	})
	t.Cleanup(r.close)
	return r
}

func (r *relay) keep(c ...io.Closer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c...)
}

func (r *relay) close() {
	r.ln.Close()
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// openUDP lets UDP of one client through.
func (r *relay) openUDP() {
	r.t.Helper()
	front, err := net.ListenPacket("udp", r.at)
	if err != nil {
		r.t.Fatal(err)
	}
	back, err := net.Dial("udp", r.to)
	if err != nil {
		r.t.Fatal(err)
	}
	r.keep(front, back)
	client := make(chan net.Addr, 1)
	r.wg.Go(func() {
		var known net.Addr
		for b := make([]byte, 1<<16); ; {
			n, from, err := front.ReadFrom(b)
			if err != nil {
				close(client)
				return
			}
			if known == nil {
				known = from
				client <- from
			}
			back.Write(b[:n])
		}
	})
	r.wg.Go(func() {
		to, ok := <-client
		for b := make([]byte, 1<<16); ok; {
			n, err := back.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				front.WriteTo(b[:n], to)
			}
		}
	})
}

// onlyCarrier waits until db has one session, by that carrier and in sync.
func onlyCarrier(t *testing.T, db *xaeroflux.DB, carrier string) {
	t.Helper()
	var peers []xaeroflux.PeerStatus
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if peers = db.Peers(); len(peers) == 1 && peers[0].Carrier == carrier && peers[0].InSync {
			return
		}
	}
	t.Fatalf("want one session by %s, in sync; have %+v", carrier, peers)
}

// TestFallbackAndBack: if UDP is not let through a session runs over TCP,
// and moves to QUIC when it is.
func TestFallbackAndBack(t *testing.T) {
	o := storetest.Small()
	o.RetryQUIC = 100 * time.Millisecond
	a, b, addr := storetest.Pair(t, o)
	peer, host, _ := strings.Cut(addr, "@")
	r := newRelay(t, host)
	storetest.MustAppend(t, a, 50, "event %d of a")
	if err := a.Connect(ctx, peer+"@"+r.at); err != nil {
		t.Fatal(err)
	}
	onlyCarrier(t, a, "tcp")
	storetest.MustAppend(t, b, 50, "event %d of b")
	storetest.Await(t, func() bool { return maps.Equal(storetest.Heads(t, a), storetest.Heads(t, b)) })
	onlyCarrier(t, a, "tcp") // several attempts later

	r.openUDP()
	onlyCarrier(t, a, "quic")
	onlyCarrier(t, b, "quic")
	storetest.MustAppend(t, b, 50, "later event %d of b")
	storetest.MustAppend(t, a, 50, "later event %d of a")
	storetest.Await(t, func() bool { return maps.Equal(storetest.Heads(t, a), storetest.Heads(t, b)) })
	onlyCarrier(t, a, "quic")
}

// TestQUICIsPreferred: if both get through, nobody ends up on TCP.
func TestQUICIsPreferred(t *testing.T) {
	a, b, addr := storetest.Pair(t, storetest.Small())
	storetest.MustAppend(t, a, 10, "event %d")
	if err := a.Connect(ctx, addr); err != nil {
		t.Fatal(err)
	}
	onlyCarrier(t, a, "quic")
	onlyCarrier(t, b, "quic")
}

// TestSyncOver syncs two stores over a pair of pipes: strangers to each other's
// place, and then while a connection of theirs is there, whoever dialed it.
func TestSyncOver(t *testing.T) {
	over := func(t *testing.T, a, b *xaeroflux.DB) (err error) {
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- a.ServeOver(ctx, far, "far") }()
		_, err = b.SyncOver(ctx, near, "near")
		<-served
		return err
	}
	a, b, addr := storetest.Pair(t, storetest.Small())
	storetest.MustAppend(t, a, 100, "event %d of a")
	if err := over(t, a, b); err != nil {
		t.Fatal(err)
	}
	storetest.Same(t, a, b)
	at, err := a.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, connect := range map[string]func() error{
		"a dialed": func() error { return a.Connect(ctx, addr) },
		"b dialed": func() error { return b.Connect(ctx, at.String()) },
	} {
		if err := connect(); err != nil {
			t.Fatal(err)
		}
		storetest.Await(t, func() bool { return len(a.Peers()) > 0 && len(b.Peers()) > 0 })
		storetest.MustAppend(t, a, 100, "later event %d of a")
		storetest.MustAppend(t, b, 100, "later event %d of b")
		if err := over(t, a, b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger := storetest.Open(t, filepath.Join(t.TempDir(), "c"), storetest.Small())
	if err := over(t, a, stranger); err == nil || len(storetest.Heads(t, stranger)) != 0 {
		t.Errorf("a stranger: %v, holds %v", err, storetest.Heads(t, stranger))
	}
	if err := over(t, a, a); err == nil || !strings.Contains(err.Error(), "itself") {
		t.Errorf("with itself: %v", err)
	}
}

// TestEachCarrierSyncs moves pages over each carrier by its name.
func TestEachCarrierSyncs(t *testing.T) {
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), storetest.Small())
	storetest.MustAppend(t, a, 5000, "event %d of a log that fills more than sixty-four pages of four kilobytes")
	for _, place := range []string{"quic://127.0.0.1:0", "tcp://127.0.0.1:0", "unix://" + filepath.Join(t.TempDir(), "s")} {
		at, err := a.Listen(ctx, place)
		if err != nil {
			t.Fatal(err)
		}
		o := storetest.Small()
		o.Invite = storetest.Invited(a)
		b := storetest.Open(t, filepath.Join(t.TempDir(), "b"), o)
		if r := storetest.MustSync(t, b, at.String()); r.EventsIn != 5000 || r.PagesIn == 0 {
			t.Errorf("%s: %+v", place, r)
		}
		storetest.Same(t, a, b)
		if p := b.Peers(); len(p) != 1 || !strings.HasPrefix(place, p[0].Carrier) {
			t.Errorf("%s: %+v", place, p)
		}
	}
}
