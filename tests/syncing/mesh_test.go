// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A village is stores in one topic on a network in memory, with one actor
// system for all.
type village struct {
	t      *testing.T
	net    *transport.Memory
	system *actor.ActorSystem
	dbs    []*xaeroflux.DB
	dirs   []string
	invite string
}

func newVillage(t *testing.T, n int, o xaeroflux.Options) *village {
	t.Helper()
	storetest.NoLeaks(t)
	v := &village{t: t, net: transport.NewMemory(transport.MemoryOptions{Seed: 1}), system: supervisor.NewSystem(nil)}
	t.Cleanup(func() { v.system.Shutdown() })
	for i := range n {
		v.dirs = append(v.dirs, filepath.Join(t.TempDir(), fmt.Sprint(i)))
		v.dbs = append(v.dbs, nil)
		v.start(i, o)
	}
	return v
}

// start opens store i, which listens at "node-i:1".
func (v *village) start(i int, o xaeroflux.Options) {
	o.Invite, o.Actors.System = v.invite, v.system
	o.NewCarrier = func(key ed25519.PrivateKey) (transport.Carrier, error) { return v.net.NodeOf(key), nil }
	o.Listen = fmt.Sprintf("node-%d:1", i)
	v.dbs[i] = storetest.Open(v.t, v.dirs[i], &o)
	if v.invite == "" {
		topic, err := v.dbs[i].Topic(xaeroflux.TopicID{})
		if err != nil {
			v.t.Fatal(err)
		}
		inv, err := identity.ParseInvite(storetest.Invited(topic))
		if err != nil {
			v.t.Fatal(err)
		}
		inv.Peers = nil
		v.invite = inv.String()
	}
}

func (v *village) addr(i int) string {
	return xaeroflux.Address{Peer: v.dbs[i].PeerID(), Host: fmt.Sprintf("node-%d:1", i)}.String()
}

func (v *village) connect(a, b int) {
	v.t.Helper()
	if err := v.dbs[a].Connect(ctx, v.addr(b)); err != nil {
		v.t.Fatal(err)
	}
}

// converged waits until all stores hold the same, which includes logs of all.
func (v *village) converged() {
	v.t.Helper()
	storetest.Await(v.t, func() bool {
		first := storetest.Heads(v.t, v.dbs[0])
		for _, db := range v.dbs[1:] {
			other := storetest.Heads(v.t, db)
			if len(other) != len(first) {
				return false
			}
			for id, h := range first {
				if other[id] != h {
					return false
				}
			}
		}
		return len(first) == len(v.dbs)
	})
}

// A line, a ring and a star of stores end with the same events, whatever was
// cut while they were written.
func TestMeshOfStores(t *testing.T) {
	const n = 6
	for name, link := range map[string]func(v *village){
		"line": func(v *village) {
			for i := range n - 1 {
				v.connect(i, i+1)
			}
		},
		"ring": func(v *village) {
			for i := range n {
				v.connect(i, (i+1)%n)
			}
		},
		"star": func(v *village) {
			for i := 1; i < n; i++ {
				v.connect(i, 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVillage(t, n, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
			for _, db := range v.dbs {
				storetest.MustAppend(t, db, 20, "event %d, offline")
			}
			link(v)
			v.converged()
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 1))
			for range 30 {
				a, b := r.IntN(n), r.IntN(n)
				switch r.IntN(4) {
				case 0:
					v.net.Cut(identity.PeerID(v.dbs[a].PeerID()), identity.PeerID(v.dbs[b].PeerID()))
				case 1:
					v.net.SetUp(identity.PeerID(v.dbs[a].PeerID()), identity.PeerID(v.dbs[b].PeerID()), r.IntN(2) == 0)
				case 2:
					v.net.CutAfter(identity.PeerID(v.dbs[a].PeerID()), identity.PeerID(v.dbs[b].PeerID()), r.Int64N(3000))
				}
				storetest.MustAppend(t, v.dbs[r.IntN(n)], 1+r.IntN(5), "event %d, live")
			}
			for a := range n {
				for b := range a {
					v.net.SetUp(identity.PeerID(v.dbs[a].PeerID()), identity.PeerID(v.dbs[b].PeerID()), true)
					v.net.CutAfter(identity.PeerID(v.dbs[a].PeerID()), identity.PeerID(v.dbs[b].PeerID()), -1)
				}
			}
			v.converged()
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
}

// Two stores that both know a third find each other by it, once they chose to
// be found, and stay together when it goes.
func TestPeersAreFound(t *testing.T) {
	v := newVillage(t, 3, xaeroflux.Options{Kind: xaeroflux.OpenTopic, Advertise: true})
	v.connect(0, 1)
	v.connect(2, 1)
	linked := func(a, b int) func() bool {
		return func() bool { return storetest.ConnectedTo(v.dbs[a], v.dbs[b].PeerID()) }
	}
	storetest.Await(t, linked(0, 2))
	if err := v.dbs[1].Close(); err != nil {
		t.Fatal(err)
	}
	r := storetest.MustAppend(t, v.dbs[0], 1, "event %d, with nobody between")
	storetest.Await(t, func() bool {
		l, err := v.dbs[2].Log(r.Log)
		return err == nil && l.Size() == r.Size
	})
	// A store that starts again remembers whom it met.
	if err := v.dbs[0].Close(); err != nil {
		t.Fatal(err)
	}
	v.start(0, xaeroflux.Options{Kind: xaeroflux.OpenTopic, Advertise: true})
	if st := v.dbs[0].SyncStatus(); len(st.Peers) != 2 {
		t.Errorf("%d peers are remembered, want 2: %+v", len(st.Peers), st.Peers)
	}
	storetest.Await(t, linked(0, 2))
}

// No peer tells of one that did not choose to be found.
func TestPeersThatDoNotAdvertiseAreNotTold(t *testing.T) {
	v := newVillage(t, 3, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	v.connect(0, 1)
	v.connect(2, 1)
	v.dbs[0].Append(ctx, xaeroflux.Event{Type: "x"})
	storetest.MustAppend(t, v.dbs[2], 1, "event %d")
	storetest.Await(t, func() bool { return len(storetest.Heads(t, v.dbs[0])) == 2 })
	storetest.Await(t, func() bool { return v.dbs[1].SyncStatus().Peers[0].InSync && v.dbs[1].SyncStatus().Peers[1].InSync })
	for _, p := range v.dbs[0].SyncStatus().Peers {
		if p.Peer == v.dbs[2].PeerID() {
			t.Errorf("%+v", p)
		}
	}
}

// Sync events and status tell of a peer that comes, agrees, goes and cannot be
// reached.
func TestSyncIsSeen(t *testing.T) {
	v := newVillage(t, 2, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	var kinds []xaeroflux.SyncKind
	seen := make(chan xaeroflux.SyncEvent, 1000)
	listening := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		close(listening)
		for e, err := range v.dbs[0].SyncEvents(ctx) {
			if err != nil {
				return
			}
			seen <- e
		}
	}()
	<-listening
	time.Sleep(20 * time.Millisecond) // until the loop stands
	storetest.MustAppend(t, v.dbs[1], 100, "event %d")
	v.connect(0, 1)
	wait := func(want xaeroflux.SyncKind) xaeroflux.SyncEvent {
		t.Helper()
		for {
			select {
			case e := <-seen:
				if kinds = append(kinds, e.Kind); e.Kind == want {
					return e
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("no %q, but %v", want, kinds)
			}
		}
	}
	peer := v.dbs[1].PeerID()
	if e := wait(xaeroflux.SyncConnected); e.Peer != peer {
		t.Errorf("%+v", e)
	}
	wait(xaeroflux.SyncAgreed)
	st := v.dbs[0].SyncStatus()
	if len(st.Peers) != 1 || st.Peers[0].Peer != peer || st.Peers[0].State != "in sync" || st.Peers[0].EventsIn != 100 ||
		st.Peers[0].BytesIn == 0 || st.Peers[0].Carrier != "memory" || !st.Peers[0].Kept || len(st.Missing) != 0 {
		t.Errorf("%+v", st)
	}
	v.net.SetUp(identity.PeerID(v.dbs[0].PeerID()), identity.PeerID(peer), false)
	if e := wait(xaeroflux.SyncDisconnected); e.Err == nil {
		t.Error("no reason")
	}
	wait(xaeroflux.SyncUnreachable)
	st = v.dbs[0].SyncStatus()
	if p := st.Peers[0]; p.Peer != peer || p.LastError == "" || p.State == "in sync" || p.State == "syncing" {
		t.Errorf("%+v", p)
	}
	v.net.SetUp(identity.PeerID(v.dbs[0].PeerID()), identity.PeerID(peer), true)
	wait(xaeroflux.SyncConnected)
	if err := v.dbs[0].Close(); err != nil {
		t.Fatal(err)
	}
	<-done
}
