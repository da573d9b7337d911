// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"errors"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// heardOf counts sync events of a store by kind.
type heardOf struct {
	mu    sync.Mutex // guards count and last
	count map[xaeroflux.SyncKind]int
	last  map[xaeroflux.SyncKind]xaeroflux.SyncEvent
}

func listenTo(db *xaeroflux.DB) *heardOf {
	h := &heardOf{count: map[xaeroflux.SyncKind]int{}, last: map[xaeroflux.SyncKind]xaeroflux.SyncEvent{}}
	go func() {
		for e, err := range db.SyncEvents(ctx) {
			if err != nil {
				return
			}
			h.mu.Lock()
			h.count[e.Kind]++
			h.last[e.Kind] = e
			h.mu.Unlock()
		}
	}()
	return h
}

func (h *heardOf) times(k xaeroflux.SyncKind) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count[k]
}

func (h *heardOf) event(k xaeroflux.SyncKind) xaeroflux.SyncEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last[k]
}

// newTwins returns a village of a hub and two open copies of one store, both of
// which keep the hub connected.
func newTwins(t *testing.T) (v *village, heard []*heardOf) {
	t.Helper()
	v = newVillage(t, 2, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	storetest.MustAppend(t, v.dbs[1], 3, "event %d")
	storetest.Must(t, v.dbs[1].Close())
	v.dirs = append(v.dirs, storetest.Copied(t, v.dirs[1]))
	v.dbs = append(v.dbs, nil)
	v.start(1, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	v.start(2, xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
	if v.dbs[1].PeerID() != v.dbs[2].PeerID() {
		t.Fatal("the copy is another device")
	}
	for _, db := range v.dbs {
		heard = append(heard, listenTo(db))
	}
	v.connect(1, 0)
	v.connect(2, 0)
	return v, heard
}

// Two live copies of one store at one hub are reported, once each, and the hub is
// told too. Then one stays, and the other one waits longer and longer.
func TestTwinsAreTold(t *testing.T) {
	v, heard := newTwins(t)
	storetest.Await(t, func() bool {
		return heard[0].times(xaeroflux.SyncPeerTwin) > 0 && heard[1].times(xaeroflux.SyncTwin) > 0 && heard[2].times(xaeroflux.SyncTwin) > 0
	})
	var twin *xaeroflux.TwinError
	if e := heard[1].event(xaeroflux.SyncTwin); !errors.As(e.Err, &twin) || !twin.Own || e.Peer != v.dbs[0].PeerID() {
		t.Errorf("a copy is told %+v", e)
	}
	if e := heard[0].event(xaeroflux.SyncPeerTwin); !errors.As(e.Err, &twin) || twin.Own || e.Peer != v.dbs[1].PeerID() {
		t.Errorf("the hub is told %+v", e)
	}
	in := 0
	storetest.Await(t, func() bool {
		for i := 1; i <= 2; i++ {
			if _, err := v.dbs[i].Sync(ctx, v.addr(0)); err == nil {
				in = i
			}
		}
		return in > 0
	})
	stays := v.dbs[in].Peers()
	for range 5 {
		storetest.Await(t, func() bool {
			_, err := v.dbs[3-in].Sync(ctx, v.addr(0))
			var closed *transport.ClosedError
			if errors.As(err, &closed) && closed.Code == uint64(messages.CodeBusy) {
				return false // the one before still waits there
			}
			if !errors.As(err, &twin) || !twin.Own {
				t.Errorf("the other one is let in, or hears: %v", err)
			}
			return true
		})
	}
	if now := v.dbs[in].Peers(); len(stays) != 1 || len(now) != 1 || !now[0].Since.Equal(stays[0].Since) {
		t.Errorf("the session that stayed was %+v, now %+v", stays, now)
	}
	for i, h := range heard {
		if a, b := h.times(xaeroflux.SyncTwin), h.times(xaeroflux.SyncPeerTwin); a+b != 1 {
			t.Errorf("store %d was told %d times that it has a twin, and %d times that a peer has", i, a, b)
		}
	}
	for i, db := range v.dbs {
		for _, p := range db.SyncStatus().Peers {
			if p.OwnTwin.IsZero() == (i > 0) || p.PeerTwin.IsZero() == (i == 0) {
				t.Errorf("the status of store %d says of a peer: own %v, peer %v", i, p.OwnTwin, p.PeerTwin)
			}
		}
	}
}

// A program that opens a store again, connects anew, or takes turns with a copy that is
// closed, is blamed for nothing.
func TestTurnsAreNoTwins(t *testing.T) {
	v := newVillage(t, 2, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	heard := listenTo(v.dbs[0])
	storetest.Must(t, v.dbs[1].Close())
	v.dirs = append(v.dirs, storetest.Copied(t, v.dirs[1]))
	v.dbs = append(v.dbs, nil)
	for range 3 {
		for i := 1; i <= 2; i++ {
			v.start(i, xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
			v.connect(i, 0)
			for range 2 {
				storetest.Await(t, func() bool { p := v.dbs[0].Peers(); return len(p) == 1 && p[0].InSync })
				v.net.Cut(identity.PeerID(v.dbs[i].PeerID()), identity.PeerID(v.dbs[0].PeerID()))
				storetest.Await(t, func() bool { _, err := v.dbs[i].Sync(ctx, v.addr(0)); return err == nil })
			}
			storetest.Must(t, v.dbs[i].Close())
		}
	}
	if n := heard.times(xaeroflux.SyncPeerTwin); n != 0 || v.dbs[0].Refusals()[xaeroflux.Code(messages.CodeDuplicate)] != 0 {
		t.Errorf("%d times a peer was taken for two", n)
	}
}

// One of two copies that is started again takes the place of the other: it may
// be that of a node that crashed.
func TestTwinStartedAgainIsLetIn(t *testing.T) {
	v, heard := newTwins(t)
	storetest.Await(t, func() bool { return heard[1].times(xaeroflux.SyncTwin) > 0 && heard[2].times(xaeroflux.SyncTwin) > 0 })
	storetest.Must(t, v.dbs[2].Close())
	inSync := func(i int) func() bool {
		return func() bool { p := v.dbs[i].Peers(); return len(p) == 1 && p[0].InSync }
	}
	storetest.Await(t, inSync(1))
	v.start(2, xaeroflux.Options{Kind: xaeroflux.OpenTopic, Adopt: true})
	v.connect(2, 0)
	storetest.Await(t, inSync(2))
}
