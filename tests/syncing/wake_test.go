// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// A passage passes TCP on to an address. What it had open when it was cut it takes in
// from then on, and passes nothing of it on, as a router that has forgotten a mapping.
type passage struct {
	net.Listener
	to    string
	cut   atomic.Int64 // connections that were open then
	taken atomic.Int64 // bytes of these that came since
}

func newPassage(t *testing.T, to string) *passage {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	storetest.Must(t, err)
	r := &passage{Listener: ln, to: to}
	t.Cleanup(func() { r.Close() })
	go func() {
		for n := int64(1); ; n++ {
			c, err := r.Accept()
			if err != nil {
				return
			}
			go r.pass(n, c)
		}
	}()
	return r
}

func (r *passage) pass(n int64, from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer to.Close()
	copyUntilCut := func(to io.Writer, from io.Reader, taken *atomic.Int64) {
		for b := make([]byte, 32<<10); ; {
			k, err := from.Read(b)
			if cut := n <= r.cut.Load(); cut {
				taken.Add(int64(k))
			} else if _, err := to.Write(b[:k]); err != nil {
				return
			}
			if err != nil {
				return
			}
		}
	}
	go copyUntilCut(from, to, new(atomic.Int64))
	copyUntilCut(to, from, &r.taken)
}

// jumps takes note of the first word of a node that a clock jumped.
type jumps struct {
	slog.Handler
	seen func()
}

func (j *jumps) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "the clock jumped") {
		j.seen()
	}
	return nil
}

func (*jumps) Enabled(context.Context, slog.Level) bool { return true }
func (j *jumps) WithAttrs([]slog.Attr) slog.Handler     { return j }
func (j *jumps) WithGroup(string) slog.Handler          { return j }

// A node whose machine slept for two hours, which its clock says and its timers do not
// know, asks at once whether its peer is there, and soon has what it missed: the
// connection was forgotten on the way, and nobody calls NetworkChanged.
func TestAwakeAfterTwoHours(t *testing.T) {
	storetest.NoLeaks(t)
	var shift, taken atomic.Int64
	woke := make(chan time.Time, 1)
	o := storetest.Small()
	o.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	var way *passage
	o.Logger = slog.New(&jumps{seen: func() {
		select {
		case woke <- time.Now():
			taken.Store(way.taken.Load())
		default:
		}
	}})
	a := storetest.Open(t, filepath.Join(t.TempDir(), "a"), o)
	b, _ := storetest.Joined(t, a, storetest.Small())
	at, err := b.Listen(ctx, "tcp://127.0.0.1:0")
	storetest.Must(t, err)
	way = newPassage(t, strings.TrimPrefix(at.Host, "tcp://"))
	through := xaeroflux.Address{Peer: b.PeerID(), Host: "tcp://" + way.Addr().String()}
	storetest.Must(t, a.Connect(ctx, through.String()))
	storetest.Await(t, func() bool { p := a.Peers(); return len(p) == 1 && p[0].InSync })

	time.Sleep(peerbook.Steady) // of a session that was shorter the peer would not be dialed again at once
	way.cut.Store(1 << 20)
	missed := storetest.MustAppend(t, b, 1, "event %d of these two hours")
	shift.Store(int64(2 * time.Hour))
	storetest.MustAppend(t, a, 1, "event %d after them") // of which no sign comes: somebody looks at the clocks
	var since time.Time
	select {
	case since = <-woke:
	case <-time.After(storetest.Patience):
		t.Fatal("nobody notices that the clock is two hours ahead")
	}
	way.cut.Store(1) // the connection before, and no other one
	storetest.AwaitWithin(t, time.Second, func() bool { return way.taken.Load() > taken.Load() })
	storetest.AwaitWithin(t, time.Until(since.Add(5*time.Second)), func() bool {
		l, err := a.Log(missed.Log)
		return err == nil && l.Size() == 1
	})
	t.Logf("the missed event came %v after it woke", time.Since(since).Round(time.Millisecond))
	storetest.AwaitWithin(t, time.Until(since.Add(5*time.Second)), func() bool {
		return b.SyncStatus().Peers[0].State == "in sync"
	})
}
