// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"crypto/ed25519"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// swallower is a place on loopback that takes packets by UDP and TCP, and says
// nothing.
func swallower(t *testing.T) string {
	t.Helper()
	for range 50 {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		storetest.Must(t, err)
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err != nil {
			udp.Close()
			continue
		}
		t.Cleanup(func() { udp.Close(); tcp.Close() })
		return tcp.Addr().String()
	}
	t.Fatal("no port is free for both")
	return ""
}

// A live peer among a hundred named ones that swallow packets is connected within 5
// seconds.
func TestNamedPeersThatSwallowPackets(t *testing.T) {
	storetest.NoLeaks(t)
	a, b, addr := storetest.Pair(t, storetest.Small())
	storetest.MustAppend(t, b, 3, "event %d behind dead ones")
	for i := range 100 {
		dead := identity.Seed{byte(i), 1, 2}.PeerID(identity.Generation{})
		storetest.Must(t, a.Connect(ctx, fmt.Sprintf("%s@%s", dead, swallower(t))))
	}
	start := time.Now()
	storetest.Must(t, a.Connect(ctx, addr))
	storetest.AwaitWithin(t, 5*time.Second, func() bool { p := a.Peers(); return len(p) == 1 && p[0].InSync })
	t.Logf("reached after %v", time.Since(start).Round(time.Millisecond))
}

// Somebody that answers instead of a peer that restarts makes nobody forget it.
func TestWrongAnswersForgetNobody(t *testing.T) {
	storetest.NoLeaks(t)
	o := storetest.Small()
	first, b, addr := storetest.Pair(t, o)
	dir := first.Dir()
	storetest.Must(t, first.Connect(ctx, addr))
	storetest.Await(t, func() bool { p := first.Peers(); return len(p) == 1 && p[0].InSync })
	storetest.Must(t, first.Close())
	_, host, _ := net.SplitHostPort(addr)
	at := net.JoinHostPort("127.0.0.1", host)
	dirB := b.Dir()
	storetest.Must(t, b.Close())

	stranger := storetest.Open(t, filepath.Join(t.TempDir(), "stranger"), storetest.Small())
	_, err := stranger.Listen(ctx, at)
	storetest.Must(t, err)
	o = storetest.Small()
	o.Listen = "127.0.0.1:0" // so that it dials whom it remembers; nobody is named
	a := storetest.Open(t, dir, o)
	heard := listenTo(a)
	storetest.Await(t, func() bool { return heard.times(xaeroflux.SyncUnreachable) >= 2 }) // the stranger answered twice
	storetest.Must(t, stranger.Close())

	o = storetest.Small()
	o.Listen = at
	b = storetest.Open(t, dirB, o)
	storetest.MustAppend(t, b, 1, "event %d after it came back")
	storetest.Await(t, func() bool { return storetest.ConnectedTo(a, b.PeerID()) })
}

// A topic that one known peer shares has a connection, though the node has enough
// of them for another topic and that peer could not be reached once.
func TestEachTopicHasALink(t *testing.T) {
	const others = 9
	v := newVillage(t, 1+others, xaeroflux.Options{Kind: xaeroflux.OpenTopic})
	rare := storetest.Open(t, filepath.Join(t.TempDir(), "rare"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Actors: xaeroflux.ActorOptions{System: v.system}, Listen: "rare:1",
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return v.net.NodeOf(key), nil },
	})
	_, err := v.dbs[0].Join(ctx, storetest.Invited(rare))
	storetest.Must(t, err)
	for i := range others {
		v.connect(0, 1+i)
	}
	rareAddr := xaeroflux.Address{Peer: rare.PeerID(), Host: "rare:1"}.String()
	storetest.Must(t, v.dbs[0].Connect(ctx, rareAddr))
	storetest.Await(t, func() bool {
		n := 0
		for _, p := range v.dbs[0].Peers() {
			if p.InSync {
				n++
			}
		}
		return n == others+1
	})
	heard := listenTo(v.dbs[0])
	self := v.dbs[0].PeerID()
	v.net.SetUp(identity.PeerID(self), identity.PeerID(rare.PeerID()), false)
	storetest.Await(t, func() bool { return heard.times(xaeroflux.SyncUnreachable) > 0 })
	storetest.Must(t, v.dbs[0].Close())

	v.net.SetUp(identity.PeerID(self), identity.PeerID(rare.PeerID()), true)
	v.start(0, xaeroflux.Options{Kind: xaeroflux.OpenTopic}) // it remembers all, and nobody is named
	storetest.MustAppend(t, rare, 1, "event %d of the topic that one peer shares")
	storetest.Await(t, func() bool {
		return storetest.ConnectedTo(v.dbs[0], rare.PeerID()) && len(v.dbs[0].Peers()) > peerbook.Links
	})
}
