// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A cutter is a way to a TCP port that ends each connection once so many bytes came from
// there, as some middleboxes do.
type cutter struct {
	ln      net.Listener
	to      string
	bytes   int64
	carried atomic.Int64
}

// newCutter returns the cutter before the TCP port of an address, and the address there.
func newCutter(t *testing.T, addr string, bytes int64) (*cutter, string) {
	t.Helper()
	peer, host, _ := strings.Cut(addr, "@")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	storetest.Must(t, err)
	c := &cutter{ln: ln, to: host, bytes: bytes}
	go c.accept()
	t.Cleanup(func() { ln.Close() }) // the stores end the connections
	return c, peer + "@tcp://" + ln.Addr().String()
}

func (c *cutter) accept() {
	for {
		near, err := c.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			near.Close()
			continue
		}
		go func() { io.Copy(far, near); far.Close() }()
		go func() {
			n, _ := io.CopyN(near, far, c.bytes)
			c.carried.Add(n)
			time.Sleep(50 * time.Millisecond) // a way is not as fast as who reads
			near.Close()
			far.Close()
		}()
	}
}

// cuts are logs that a peer lacks, by how they come, and what each connection carries.
var cuts = []struct {
	name          string
	events, bytes int
	first         int // events that are there before
	cut           int64
	most          int64 // times the bytes of the log that may be carried for it
}{
	{"pages, 100 kB", 90, 9000, 0, 100_000, 4},
	{"pages behind a part, 100 kB", 80, 9000, 7, 100_000, 4},
	{"pushed events, 100 kB", 2000, 200, 0, 100_000, 4},
	{"pushed events, 20 kB", 200, 200, 0, 20_000, 6},
	{"large events, 100 kB", 30, 40_000, 0, 100_000, 5},
}

// TestEachConnectionBringsSomething: over a path that cuts each connection after a while
// all comes, and no connection is in vain.
func TestEachConnectionBringsSomething(t *testing.T) {
	for _, c := range cuts {
		t.Run(c.name, func(t *testing.T) {
			a, b, addr := storetest.Pair(t, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
			if c.first > 0 {
				fill(t, b, c.first, c.bytes)
				meet(t, a, b)
			}
			fill(t, b, c.events, c.bytes)
			way, at := newCutter(t, addr, c.cut)
			held, vain := uint64(c.first), 0
			for start := time.Now(); held < uint64(c.first+c.events); {
				within, cancel := context.WithTimeout(ctx, 10*time.Second)
				_, err := a.Sync(within, at)
				cancel()
				if err == nil {
					break
				}
				if time.Since(start) > time.Minute {
					t.Fatalf("holds %d of %d after a minute: %v", held, c.first+c.events, err)
				}
				before := held
				for wait := time.Now(); held == before && time.Since(wait) < time.Second; time.Sleep(time.Millisecond) {
					held = sizeOf(a, b.Head().Log)
				}
				if held == before {
					if vain++; vain > 1 { // the first meeting only may tell of more than it brings
						t.Fatalf("holds %d of %d after another connection: %v", held, c.first+c.events, err)
					}
				}
			}
			storetest.Same(t, a, b)
			times := float64(way.carried.Load()) / float64(c.events*c.bytes)
			t.Logf("%.1f times the bytes of the log", times)
			if times > float64(c.most) {
				t.Errorf("carried %.1f times the bytes of the log, want at most %d", times, c.most)
			}
		})
	}
}

// TestCutConnectionsAreDialedAgainAtOnce: a connection that brought something is followed
// by the next, with no pauses that grow.
func TestCutConnectionsAreDialedAgainAtOnce(t *testing.T) {
	a, b, addr := storetest.Pair(t, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	fill(t, b, 2500, 200)
	_, at := newCutter(t, addr, 100_000)
	storetest.Must(t, a.Connect(ctx, at))
	storetest.AwaitWithin(t, 12*time.Second, func() bool { return sizeOf(a, b.Head().Log) == 2500 })
}

// TestWhatIsMissingIsSaidBetweenConnections: a store knows what a peer holds more of, also
// while nobody is connected.
func TestWhatIsMissingIsSaidBetweenConnections(t *testing.T) {
	a, b, addr := storetest.Pair(t, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	fill(t, b, 90, 9000)
	_, at := newCutter(t, addr, 100_000)
	if err := a.Connect(ctx, at); err != nil {
		t.Fatal(err)
	}
	storetest.Await(t, func() bool { return len(a.Peers()) == 0 && sizeOf(a, b.Head().Log) > 0 })
	storetest.AwaitWithin(t, 10*time.Second, func() bool {
		s := a.SyncStatus()
		return len(a.Peers()) == 0 && len(s.Missing) == 1 && s.Missing[0].Known == 90
	})
	storetest.Must(t, a.Close())
}

// TestErrorsOfOtherPlacesAreNotTheConnectedPeers: that a peer was not found at one place
// is no trouble while it is connected by another.
func TestErrorsOfOtherPlacesAreNotTheConnectedPeers(t *testing.T) {
	a, _, addr := storetest.Pair(t, storetest.Small())
	peer, _, _ := strings.Cut(addr, "@")
	heard := listenTo(a)
	storetest.Must(t, a.Connect(ctx, peer+"@tcp://127.0.0.1:1"))
	storetest.Await(t, func() bool { return heard.times(xaeroflux.SyncUnreachable) > 0 })
	storetest.Must(t, a.Connect(ctx, addr))
	storetest.Await(t, func() bool { p := a.Peers(); return len(p) == 1 && p[0].InSync })
	if s := a.SyncStatus(); s.Peers[0].LastError != "" {
		t.Errorf("of a connected peer: %+v", s.Peers[0])
	}
}

func fill(t *testing.T, db *xaeroflux.DB, n, bytes int) {
	t.Helper()
	events := make([]xaeroflux.Event, n)
	for i := range events {
		events[i] = xaeroflux.Event{Type: "line", Payload: fmt.Appendf(nil, "%0*d", bytes, i)}
	}
	_, err := db.AppendBatch(ctx, events)
	storetest.Must(t, err)
}

// meet lets two stores sync over a pipe.
func meet(t *testing.T, a, b *xaeroflux.DB) {
	t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- b.ServeOver(ctx, far, "far") }()
	_, err := a.SyncOver(ctx, near, "near")
	storetest.Must(t, errors.Join(err, <-served))
}
