// SPDX-License-Identifier: MPL-2.0

package hostile

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/peerbook"
	"github.com/xaeroflux/xaeroflux/internal/race"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// found makes a member connect with a key of its own, say where it is to be found,
// be found there, and go.
func (a *arena) found(host string) identity.PeerID {
	a.t.Helper()
	device := newDevice(a.t)
	carrier, err := a.carrier(device.PeerKey())
	storetest.Must(a.t, err)
	defer carrier.Close()
	ln, err := carrier.Listen(ctx, host)
	storetest.Must(a.t, err)
	p, err := evilpeer.Dial(ctx, carrier, device.PeerID(), a.addr)
	storetest.Must(a.t, err)
	storetest.Must(a.t, p.Greet(ctx, a.topic))
	storetest.Must(a.t, p.Send(&messages.Peers{Addresses: []string{ln.Addr().String()}}))
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := ln.Accept(limit); err != nil {
		a.t.Fatalf("nobody looked for %s: %v", host, err)
	}
	return device.PeerID()
}

// A member that is found under more keys than the address book holds makes it
// forget nobody that was found before.
func TestMemberCannotFlushTheBook(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("a thousand peers are found: make norace runs it")
	}
	a := newArena(t, "memory", storetest.Small())
	var honest []identity.PeerID
	for i := range 12 {
		id := a.found(fmt.Sprintf("honest-%d:1", i))
		storetest.Await(t, func() bool { return remembers(a.victim, id) })
		honest = append(honest, id)
	}
	for i := range peerbook.MaxTried + 50 {
		a.found(fmt.Sprintf("key-%d:1", i))
	}
	for _, id := range honest {
		if !remembers(a.victim, id) {
			t.Errorf("%s is forgotten", id.Short())
		}
	}
	if n := len(a.victim.SyncStatus().Peers); n < peerbook.MaxTried/2 || n > peerbook.MaxTried+peerbook.MaxNew {
		t.Errorf("%d peers are remembered", n)
	}
}

func remembers(db *xaeroflux.DB, id identity.PeerID) bool {
	for _, p := range db.SyncStatus().Peers {
		if p.Peer == xaeroflux.PeerID(id) && !p.Connected() && p.Address != "" {
			return true
		}
	}
	return false
}
