// SPDX-License-Identifier: MPL-2.0

// Package hostile sets peers that lie, flood, stall or crowd on a store: each is turned
// away for its reason, none costs more than its share, and honest peers go on.
package hostile

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/quicnet"
	"github.com/xaeroflux/xaeroflux/tests/evilpeer"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
	"github.com/xaeroflux/xaeroflux/transport"
)

var ctx = context.Background() // of what no test ends

// An outcome is what an attack must come to.
type outcome int

const (
	dropped  outcome = iota // the session ends for the reason that is wanted
	leftOut                 // what is wrong is counted and left out, and the session goes on
	shrugged                // it does nothing, and the session goes on
)

// An attack is one thing that a hostile peer does.
type attack struct {
	name string
	ends outcome
	want messages.Code // of dropped and leftOut
	do   func(f *foe) error

	times uint64 // that leftOut counts; 0 for once
}

// A foe is a hostile peer that is connected: a member of the topic with a real
// log of its own, so that it can be honest up to the one thing that is wrong.
type foe struct {
	*evilpeer.Peer
	*arena

	number uint32 // that the topic goes by
}

// An arena is a victim and what its foes know.
type arena struct {
	t       testing.TB
	victim  *xaeroflux.DB
	addr    identity.Address
	topic   *identity.Invite // with which anybody joins
	carrier func(key ed25519.PrivateKey) (transport.Carrier, error)

	log       *evilpeer.Log // of the foes: more than 64 pages; nil in a small arena
	bystander *evilpeer.Log // of somebody else, of which the victim holds half
}

// carriers are the networks that the arena may stand in.
var evilCarriers = map[string]func() func(ed25519.PrivateKey) (transport.Carrier, error){
	"memory": func() func(ed25519.PrivateKey) (transport.Carrier, error) {
		net := transport.NewMemory(transport.MemoryOptions{Backlog: 2000})
		return func(key ed25519.PrivateKey) (transport.Carrier, error) { return net.NodeOf(key), nil }
	},
	"quic": func() func(ed25519.PrivateKey) (transport.Carrier, error) {
		return func(key ed25519.PrivateKey) (transport.Carrier, error) {
			return quicnet.New(key, quicnet.Phone)
		}
	},
}

// newDevice returns a device that nobody else is.
func newDevice(t testing.TB) identity.Device {
	t.Helper()
	seed, err := identity.NewSeed(rand.Reader)
	storetest.Must(t, err)
	generation, err := identity.NewGeneration(nil)
	storetest.Must(t, err)
	return identity.Device{Seed: seed, Generation: generation}
}

// newKey returns the key of an author whom nobody knows.
func (a *arena) newKey() ed25519.PrivateKey {
	a.t.Helper()
	return newDevice(a.t).AuthorKey(&a.topic.Genesis)
}

// newArena returns an arena with more in it than a stream holds, and a log of the foes.
func newArena(t testing.TB, network string, o *xaeroflux.Options) *arena {
	t.Helper()
	a := newSmallArena(t, network, o)
	_, err := a.victim.Append(ctx, xaeroflux.Event{Payload: make([]byte, 1<<20)})
	storetest.Must(t, err)
	a.log = a.newLog(a.newKey(), 4096, 7000, "event %d of a log that fills more than sixty-four pages of four kilobytes")
	return a
}

// newSmallArena returns an arena of few events, for what has to be done many times.
func newSmallArena(t testing.TB, network string, o *xaeroflux.Options) *arena {
	t.Helper()
	a := &arena{t: t, carrier: evilCarriers[network]()}
	o.NewCarrier = a.carrier
	a.victim = storetest.Open(t, filepath.Join(t.TempDir(), "victim"), o)
	var err error
	a.topic, err = identity.ParseInvite(storetest.Invited(a.victim))
	storetest.Must(t, err)
	storetest.MustAppend(t, a.victim, 300, "event %d of the victim")
	at, err := a.victim.Listen(ctx, "127.0.0.1:0")
	storetest.Must(t, err)
	a.addr = storetest.Dialed(at)
	a.bystander = a.newLog(a.newKey(), 4096, 200, "event %d of somebody else")
	a.give(a.bystander, 100)
	return a
}

func (a *arena) newLog(key ed25519.PrivateKey, pageBytes, n int, format string) *evilpeer.Log {
	a.t.Helper()
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{Type: "evil", Payload: fmt.Appendf(nil, format, i)}
	}
	l, err := evilpeer.NewLog(a.topic.Topic(), key, pageBytes, events...)
	if err != nil {
		a.t.Fatal(err)
	}
	return l
}

// give brings the first n events of a log to the victim, as any peer would.
func (a *arena) give(l *evilpeer.Log, n uint64) {
	a.t.Helper()
	f := a.foe()
	defer f.Conn.CloseWithError(0, "")
	storetest.Must(a.t, f.Greet(ctx, f.topic))
	storetest.Must(a.t, f.Send(l.Events(0, n)))
	storetest.Await(a.t, func() bool {
		held, err := a.victim.Log(xaeroflux.LogID(l.ID))
		return err == nil && held.Size() == n
	})
}

// foe is a new peer with a connection and no stream on it.
func (a *arena) foe() *foe {
	a.t.Helper()
	device := newDevice(a.t)
	carrier, err := a.carrier(device.PeerKey())
	storetest.Must(a.t, err)
	a.t.Cleanup(func() { carrier.Close() })
	peer, err := evilpeer.Dial(ctx, carrier, device.PeerID(), a.addr)
	storetest.Must(a.t, err)
	return &foe{Peer: peer, arena: a, number: 0}
}

// run makes an attack and checks what comes of it.
func (a *arena) run(t *testing.T, at attack) {
	a.t = t
	f := a.foe()
	defer f.Conn.CloseWithError(0, "")
	refused := a.victim.Refusals()
	if err := at.do(f); err != nil && at.ends != dropped {
		t.Fatal(err) // one who is dropped may notice while it still speaks
	}
	if at.ends == dropped {
		if got, err := f.Verdict(); err != nil || got != at.want {
			t.Errorf("dropped for %q (%v), want %q", got, err, at.want)
		}
	} else if err := f.Alive(f.number, digest.Hash(a.victim.Head().Log), 0); err != nil {
		t.Errorf("the session did not go on: %v", err)
	}
	if at.ends != shrugged {
		refused[xaeroflux.Code(at.want)] += max(at.times, 1)
		storetest.Await(t, func() bool { return maps.Equal(a.victim.Refusals(), refused) })
	}
	if got := a.victim.Refusals(); !maps.Equal(got, refused) {
		t.Errorf("refused %v, want %v", got, refused)
	}
}

// attackAll makes all attacks. None may change a byte of the victim's store, and
// an honest peer must find it in order at the end.
func (a *arena) attackAll(t *testing.T, attacks []attack) {
	before := settledHashes(t, a.victim.Dir())
	for _, at := range attacks {
		t.Run(at.name, func(t *testing.T) {
			a.run(t, at)
			if after := hashes(t, a.victim.Dir()); !maps.Equal(before, after) {
				t.Errorf("the store changed: %s", changed(before, after))
			}
		})
	}
	a.t = t
	storetest.Await(t, func() bool { return len(a.victim.Peers()) == 0 })
	if after := settledHashes(t, a.victim.Dir()); !maps.Equal(before, after) {
		t.Errorf("the store changed in the end: %s", changed(before, after))
	}
	a.honest(t)
}

// honest syncs an honest peer with the victim.
func (a *arena) honest(t *testing.T) {
	t.Helper()
	o := storetest.Small()
	o.NewCarrier = a.carrier
	peer, _ := storetest.Joined(t, a.victim, o)
	storetest.MustAppend(t, peer, 10, "event %d of an honest peer")
	storetest.MustSync(t, peer, a.addr.String())
	storetest.Same(t, peer, a.victim)
	storetest.Undisturbed(t, a.victim)
	storetest.Must(t, peer.Close())
}

// hashes of all files that hold data: locks and sockets do not. A file that goes
// while they are read is not there.
func hashes(t testing.TB, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "lock.mdb" || d.Name() == "LOCK" {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		_, err = io.Copy(sum, f)
		sums[path] = fmt.Sprintf("%x", sum.Sum(nil))
		return err
	})
	storetest.Must(t, err)
	return sums
}

// settledHashes waits until full pages are synced and the AOF is trimmed:
// nothing moves by itself then. A busy disk takes its time.
func settledHashes(t testing.TB, dir string) map[string]string {
	t.Helper()
	before := hashes(t, dir)
	for still := 0; still < 3; {
		time.Sleep(700 * time.Millisecond) // longer than a checkpoint waits
		after := hashes(t, dir)
		if still++; !maps.Equal(before, after) {
			still = 0
		}
		before = after
	}
	return before
}

// changed names the files that differ.
func changed(before, after map[string]string) (names []string) {
	for path, sum := range after {
		if before[path] != sum {
			names = append(names, filepath.Base(path))
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			names = append(names, filepath.Base(path)+" (gone)")
		}
	}
	return names
}

// TestHostilePeers makes every attack over QUIC.
func TestHostilePeers(t *testing.T) {
	attacks := slices.Concat(greetings(), offers(), comings(), shows(), rosters(), strangers(), records(), frames(), forgeries(), trees(), histories(), runs(), askers(), accusations(), slivers(), partAskers())
	newArena(t, "quic", storetest.Small()).attackAll(t, attacks)
	if all := len(attacks) + len(loiterers()); all < 100 {
		t.Errorf("%d attacks", all)
	}
}

// A peer that makes others wait is not waited for.
func TestSlowPeers(t *testing.T) {
	o := storetest.Small()
	o.PeerTimeout = 200 * time.Millisecond
	newArena(t, "memory", o).attackAll(t, loiterers())
}
