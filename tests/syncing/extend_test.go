// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// newPairOf returns two stores that are connected and agree.
func newPairOf(t *testing.T) *village {
	v := newVillage(t, 2, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	v.connect(1, 0)
	storetest.Await(t, func() bool { p := v.dbs[1].Peers(); return len(p) == 1 && p[0].InSync })
	return v
}

func TestCallsAndWords(t *testing.T) {
	v := newPairOf(t)
	ada, ben := v.dbs[0], v.dbs[1]
	topic := ada.Topics()[0].ID()
	words := make(chan xaeroflux.Presence, 1)
	stop, err := ada.Handle("upper", xaeroflux.Capability{
		Serve: func(_ context.Context, c *xaeroflux.Call) error {
			if c.Peer != ben.PeerID() || !c.Shares(topic) {
				return errors.New("somebody else")
			}
			b, err := io.ReadAll(c)
			for i := range b {
				b[i] &^= 0x20
			}
			_, err2 := c.Write(append(c.Param, b...))
			return errors.Join(err, err2)
		},
		Heard: func(p xaeroflux.Presence) { words <- p },
	})
	storetest.Must(t, err)
	c, err := ben.Call(ctx, ada.PeerID(), "upper", []byte("p:"))
	storetest.Must(t, err)
	_, err = c.Write([]byte("abc"))
	storetest.Must(t, errors.Join(err, c.CloseWrite()))
	if b, err := io.ReadAll(c); err != nil || string(b) != "p:ABC" {
		t.Errorf("%q, %v", b, err)
	}
	storetest.Must(t, c.Close())
	if n, err := ben.Topics()[0].Say("upper", []byte("typing")); n != 1 || err != nil {
		t.Errorf("said to %d, %v", n, err)
	}
	if p := <-words; p.Peer != ben.PeerID() || p.Topic != topic || string(p.Data) != "typing" {
		t.Errorf("heard %+v", p)
	}
	stop()
	var refused *xaeroflux.CallRefusedError
	if _, err := ben.Call(ctx, ada.PeerID(), "upper", nil); !errors.As(err, &refused) || refused.Code != xaeroflux.CodeNoCapability {
		t.Errorf("after it was closed: %v", err)
	}
	if _, err := ben.Call(ctx, xaeroflux.PeerID{1}, "upper", nil); !errors.Is(err, xaeroflux.ErrNotConnected) {
		t.Errorf("of nobody: %v", err)
	}
}

// Calls that never end, more than a session serves transfers, keep no event from
// coming, and end with the store.
func TestCallsDoNotStarveTheSync(t *testing.T) {
	v := newPairOf(t)
	ada, ben := v.dbs[0], v.dbs[1]
	began := make(chan struct{}, 100)
	_, err := ada.Handle("stay", xaeroflux.Capability{
		Limits: xaeroflux.CallLimits{Calls: 40, Burst: 100},
		Serve: func(ctx context.Context, _ *xaeroflux.Call) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	storetest.Must(t, err)
	var calls sync.WaitGroup
	for range 40 {
		c, err := ben.Call(ctx, ada.PeerID(), "stay", nil)
		storetest.Must(t, err)
		<-began
		calls.Go(func() {
			if _, err := io.ReadAll(c); err == nil {
				t.Error("a call that was broken off ended well")
			}
		})
	}
	storetest.MustAppend(t, ada, 9000, "event %d, which comes in pages that are asked for by streams of their own, and so on")
	storetest.Await(t, func() bool {
		logs, err := ben.Topics()[0].Logs()
		return err == nil && len(logs) == 2 && logs[0].Size()+logs[1].Size() == 9000
	})
	storetest.Must(t, ada.Close())
	calls.Wait()
}

// A handler that does not return, or that waits for Close, keeps no store open: Close
// leaves it behind, says so, and the store can be opened again.
func TestCloseLeavesHandlersBehind(t *testing.T) {
	for _, heard := range []bool{false, true} {
		ada, err := xaeroflux.Open(filepath.Join(t.TempDir(), "ada"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		storetest.Must(t, err)
		dir := filepath.Join(t.TempDir(), "s")
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(ada), CloseTimeout: 500 * time.Millisecond})
		storetest.Must(t, err)
		began, closed := make(chan struct{}, 1), make(chan error)
		handler := func() {
			began <- struct{}{}
			closed <- db.Close()
		}
		_, err = db.Handle("stuck", xaeroflux.Capability{
			Serve: func(context.Context, *xaeroflux.Call) error { handler(); return nil },
			Heard: func(xaeroflux.Presence) { handler() },
		})
		storetest.Must(t, err)
		address, err := db.Listen(ctx, "127.0.0.1:0")
		storetest.Must(t, err)
		storetest.Must(t, ada.Connect(ctx, address.String()))
		storetest.Await(t, func() bool { // the handler may end the connection before it is heard that it was called
			if heard {
				_, _ = ada.Topics()[0].Say("stuck", nil)
			} else {
				_, _ = ada.Call(ctx, db.PeerID(), "stuck", nil)
			}
			select {
			case <-began:
				return true
			default:
				return false
			}
		})
		if err := <-closed; !errors.Is(err, xaeroflux.ErrHandler) {
			t.Errorf("closed with %v", err)
		}
		again, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		storetest.Must(t, err)
		storetest.Must(t, errors.Join(again.Close(), ada.Close()))
	}
}
