// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// largestID returns the test device with the largest peer id.
func largestID() (d identity.Device) {
	for n := range 256 {
		if other := identitytest.Device(byte(n)); n == 0 || id(other) > id(d) {
			d = other
		}
	}
	return d
}

func id(d identity.Device) string {
	p := d.PeerID()
	return string(p[:])
}

// storeBelow returns a store with a smaller peer id, as nearly every one has.
func storeBelow(t *testing.T, peer identity.PeerID, o *xaeroflux.Options) *xaeroflux.DB {
	for {
		db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), o)
		if self := db.PeerID(); bytes.Compare(self[:], peer[:]) < 0 {
			return db
		}
		storetest.Must(t, db.Close())
	}
}

// A peer that was dialed, and dials itself, has lost the session, whichever id is the
// smaller one: its new connection takes the place of that session at once, and it is
// not refused until the old one is found dead.
func TestPeerThatDialsBackIsLetIn(t *testing.T) {
	storetest.NoLeaks(t)
	net := transport.NewMemory(transport.MemoryOptions{})
	x := &idler{t: t, device: largestID(), topic: identitytest.NewTopicOf(1, 4096), pages: 3, conns: make(chan transport.Conn, 10)}
	addr := x.listen(net)
	db := storeBelow(t, x.device.PeerID(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Invite:     x.topic.Invite(),
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return net.NodeOf(key), nil },
	})
	at, err := db.Listen(ctx, "db:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Connect(ctx, addr); err != nil {
		t.Fatal(err)
	}
	first := <-x.conns
	for limit := time.Now().Add(20 * time.Second); first.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it is never let in")
		}
		again, err := net.Node(x.device.PeerID()).Dial(ctx, storetest.Dialed(at))
		if err != nil {
			t.Fatal(err)
		}
		defer again.CloseWithError(0, "")
		control, err := again.OpenStream(ctx)
		if err != nil {
			continue
		}
		control.Write([]byte{0}) // the first byte of a frame: it means to stay
		select {
		case <-again.Done(): // too soon after the first one
		case <-first.Done():
		}
	}
	var closed *transport.ClosedError
	if err := first.Err(); !errors.As(err, &closed) || closed.Code != uint64(messages.CodeClosing) {
		t.Errorf("the old session ends with %v", err)
	}
}
