// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// An idler listens, greets as a member of the topic, says that it holds a log
// with many pages or events, and then does nothing at all.
type idler struct {
	t      *testing.T
	device identity.Device
	topic  identitytest.Topic
	pages  uint64
	conns  chan transport.Conn
}

func (x *idler) listen(net *transport.Memory) string {
	l, err := net.Node(x.device.PeerID()).Listen(ctx, "idler:1")
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept(ctx)
			if err != nil {
				return
			}
			x.greet(conn)
			x.conns <- conn
		}
	}()
	return l.Addr().String()
}

func (x *idler) greet(conn transport.Conn) {
	control, err := conn.AcceptStream(ctx)
	if err != nil {
		x.t.Error(err)
		return
	}
	author := x.device.AuthorKey(x.topic.Genesis)
	state := messages.LogState{Author: identity.PublicKey(author), PageBytes: 4096, Size: 5000, Pages: x.pages}
	state.Log = identity.DataLog(x.topic.ID(), state.Author, state.PageBytes).ID()
	h := proof.Sign(author, state.Log, state.Size, digest.Sum([]byte("a root of nothing")))
	state.Head = messages.Head{Size: h.Size, Root: h.Root, Sig: h.Sig}
	for _, m := range []messages.Message{
		&messages.Hello{
			Version: syncer.Version, Peer: x.device.PeerID(), Caps: []messages.Capability{{Name: messages.CapSync}},
			Offers:   []messages.Offer{syncer.OfferOf(x.topic.Keys.Prover(x.topic.ID()), conn.Binding(), false)},
			MaxFrame: messages.MaxEventsFrame, MaxPages: messages.MaxRunPages,
		},
		&messages.Peaks{Logs: 1, Digest: digest.Sum([]byte("another digest"))},
		&messages.Diff{Rung: messages.RungFrontier, Entries: []messages.LogState{state}},
	} {
		frame, err := messages.AppendFrame(nil, m)
		if err == nil {
			_, err = control.Write(frame)
		}
		if err != nil {
			x.t.Error(err)
		}
	}
}

// A session whose peer owes something and does nothing is reported, closed and
// dialed anew.
func TestStalledSessionIsReplaced(t *testing.T) {
	for what, pages := range map[string]uint64{"events": 3, "pages": 500} {
		t.Run(what, func(t *testing.T) {
			storetest.NoLeaks(t)
			net := transport.NewMemory(transport.MemoryOptions{})
			x := &idler{t: t, device: identitytest.Device(7), topic: identitytest.NewTopicOf(1, 4096), pages: pages, conns: make(chan transport.Conn, 10)}
			addr := x.listen(net)
			db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
				Invite:       x.topic.Invite(),
				StallTimeout: 300 * time.Millisecond,
				NewCarrier:   func(key ed25519.PrivateKey) (transport.Carrier, error) { return net.NodeOf(key), nil },
			})
			events := make(chan xaeroflux.SyncEvent, 100)
			go func() {
				for e, err := range db.SyncEvents(ctx) {
					if err != nil {
						close(events)
						return
					}
					events <- e
				}
			}()
			if err := db.Connect(ctx, addr); err != nil {
				t.Fatal(err)
			}
			storetest.Await(t, func() bool {
				st := db.SyncStatus()
				return len(st.Missing) == 1 && st.Missing[0].Events() == 5000 && identity.PeerID(st.Missing[0].From) == x.device.PeerID() &&
					!st.Missing[0].Since.IsZero() && st.Peers[0].Waiting == what+" of one log"
			})
			var stall *xaeroflux.StallError
			for e := range events {
				if e.Kind == xaeroflux.SyncStalled {
					if !errors.As(e.Err, &stall) || stall.Stood < 300*time.Millisecond || identity.PeerID(e.Peer) != x.device.PeerID() {
						t.Errorf("%+v", e)
					}
					break
				}
			}
			first := <-x.conns
			select {
			case <-first.Done():
			case <-time.After(10 * time.Second):
				t.Error("the session that stalled goes on")
			}
			select {
			case <-x.conns:
			case <-time.After(20 * time.Second):
				t.Error("it was not dialed again")
			}
			if p := db.SyncStatus().Peers[0]; p.LastError == "" {
				t.Errorf("nothing tells why: %+v", p)
			}
		})
	}
}
