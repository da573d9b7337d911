// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A crossing carrier holds its first dial back, and all that is said on its second.
type crossing struct {
	transport.Carrier
	dials atomic.Int32
	go1   chan struct{} // lets the first dial return
}

func (c *crossing) Dial(ctx context.Context, a identity.Address) (transport.Conn, error) {
	n := c.dials.Add(1)
	conn, err := c.Carrier.Dial(ctx, a)
	switch {
	case err == nil && n == 1:
		<-c.go1
	case err == nil && n == 2:
		conn = mute{conn}
	}
	return conn, err
}

// A mute connection carries nothing until it is closed.
type mute struct{ transport.Conn }

func (m mute) OpenStream(ctx context.Context) (transport.Stream, error) {
	s, err := m.Conn.OpenStream(ctx)
	return muteStream{s, m.Conn}, err
}

type muteStream struct {
	transport.Stream
	of transport.Conn
}

func (s muteStream) Write(b []byte) (int, error) { return len(b), s.of.Err() }

func (s muteStream) Read([]byte) (int, error) {
	<-s.of.Done()
	return 0, s.of.Err()
}

// TestSyncOutlastsItsSession: a sync goes on if its session gives way to another
// connection with the peer that was made meanwhile.
func TestSyncOutlastsItsSession(t *testing.T) {
	net := transport.NewMemory(transport.MemoryOptions{})
	c := &crossing{go1: make(chan struct{})}
	a := memberWith(t, 1, func(o *node.Config) {
		c.Carrier = net.Node(o.Store.Device().PeerID())
		o.Carrier = c
	})
	b := memberWith(t, 2, func(o *node.Config) { o.Carrier = net.Node(o.Store.Device().PeerID()) })
	at := b.listen("b:1")
	if err := a.n.Mesh().KeepConnected(at); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if n := c.dials.Load(); n != 1 {
			return fmt.Sprintf("%d dials", n)
		}
		return ""
	})
	synced := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := a.n.Mesh().Sync(ctx, at)
		synced <- err
	}()
	eventually(t, func() string {
		if len(a.n.Mesh().Peers()) == 0 {
			return "no session yet"
		}
		return ""
	})
	close(c.go1)
	if err := <-synced; err != nil {
		t.Error(err)
	}
}
