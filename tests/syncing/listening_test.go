// SPDX-License-Identifier: MPL-2.0

package syncing

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

// A mortal carrier's listeners can be made to end by themselves.
type mortal struct {
	transport.Carrier
	refuse atomic.Bool // to listen

	mu    sync.Mutex // guards lives
	lives []*mortalListener
}

type mortalListener struct {
	transport.Listener
	dead chan struct{}
}

var errPortDied = errors.New("the port died")

func (m *mortal) Listen(ctx context.Context, at string) (transport.Listener, error) {
	if m.refuse.Load() {
		return nil, errPortDied
	}
	l, err := m.Carrier.Listen(ctx, at)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := &mortalListener{l, make(chan struct{})}
	m.lives = append(m.lives, mine)
	return mine, nil
}

// kill ends all listeners.
func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.lives {
		close(l.dead)
	}
	m.lives = nil
}

func (l *mortalListener) Accept(ctx context.Context) (transport.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.dead:
			cancel()
		case <-ctx.Done():
		}
	}()
	c, err := l.Listener.Accept(ctx)
	select {
	case <-l.dead:
		return nil, errPortDied
	default:
		return c, err
	}
}

// TestListenerIsBoundAgain: a listener that dies is reported, by status and as an event,
// and bound again; a peer gets in then.
func TestListenerIsBoundAgain(t *testing.T) {
	storetest.NoLeaks(t)
	net := transport.NewMemory(transport.MemoryOptions{})
	port := &mortal{}
	db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) {
			port.Carrier = net.NodeOf(key)
			return port, nil
		},
	})
	topic, err := db.Topic(xaeroflux.TopicID{})
	if err != nil {
		t.Fatal(err)
	}
	at, err := db.Listen(ctx, "db:1")
	if err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(ctx)
	told := make(chan xaeroflux.SyncEvent, 16)
	read := make(chan struct{})
	var begun sync.Once
	began := make(chan struct{})
	go func() {
		defer close(read)
		for e, err := range db.SyncEvents(reading) {
			switch {
			case err != nil:
			case e.Kind == xaeroflux.SyncUnreachable:
				begun.Do(func() { close(began) })
			default:
				told <- e
			}
		}
	}()
	// Nobody is there, which is reported again and again.
	if err := db.Connect(ctx, identity.Address{Peer: largestID().PeerID(), Host: "nobody:1"}.String()); err != nil {
		t.Fatal(err)
	}
	<-began
	port.refuse.Store(true)
	port.kill()
	storetest.Await(t, func() bool {
		all := db.SyncStatus().Listening
		return len(all) == 1 && all[0].Address == at && strings.Contains(all[0].Trouble, errPortDied.Error())
	})
	port.refuse.Store(false)
	db.NetworkChanged() // at once, else within 15 seconds
	storetest.Await(t, func() bool { return db.SyncStatus().Listening[0].Trouble == "" })
	for _, want := range []xaeroflux.SyncKind{xaeroflux.SyncUnheard, xaeroflux.SyncListening} {
		select {
		case e := <-told:
			if e.Kind != want || e.Address != at.Host || (e.Err != nil) != (want == xaeroflux.SyncUnheard) {
				t.Errorf("told %+v, want %s", e, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not told", want)
		}
	}
	stop()
	<-read
	other := storetest.Open(t, filepath.Join(t.TempDir(), "o"), &xaeroflux.Options{Kind: xaeroflux.OpenTopic,
		Invite:     storetest.Invited(topic),
		NewCarrier: func(key ed25519.PrivateKey) (transport.Carrier, error) { return net.NodeOf(key), nil },
	})
	if _, err := other.Sync(ctx, at.String()); err != nil {
		t.Error(err)
	}
}
