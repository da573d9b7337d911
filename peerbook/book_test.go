// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

var (
	t0      = time.UnixMilli(1_700_000_000_000)
	topic   = digest.Sum([]byte("topic"))
	errOops = errors.New("refused")
)

func peer(n int) identity.PeerID {
	return identity.Seed{byte(n), byte(n >> 8), 1}.PeerID(identity.Generation{})
}

func addr(n int) identity.Address {
	return identity.Address{Peer: peer(n), Host: fmt.Sprintf("host-%d:%d", n, 1+n)}
}

func nobody(identity.PeerID) bool { return false }
func half() float64               { return 0.5 }

func TestKeptPeersAreDialedAlways(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(0)) // ourselves
	b.Keep(addr(1))
	p := b.Plan(t0, nobody, 100, 8, half)
	if len(p.Dial) != 1 || p.Dial[0] != addr(1) {
		t.Fatalf("%+v", p)
	}
	for i := range 40 { // however often that fails
		b.Failed(addr(1), errOops, false, t0, 0)
		e, _ := b.Get(peer(1))
		if want := min(BackoffBase<<min(i+1, 20), BackoffCap); e.Next.Sub(t0) != want || e.LastError != "refused" {
			t.Fatalf("after %d failures: %+v, want a pause of %v", i+1, e, want)
		}
	}
	p = b.Plan(t0, nobody, 0, 8, half)
	if len(p.Dial) != 0 || p.Next != t0.Add(BackoffCap) {
		t.Errorf("in its pause: %+v", p)
	}
	if p = b.Plan(t0.Add(BackoffCap), nobody, 0, 8, half); len(p.Dial) != 1 {
		t.Errorf("after its pause: %+v", p)
	}
	if p = b.Plan(t0.Add(-time.Hour), nobody, 0, 8, half); len(p.Dial) != 1 {
		t.Errorf("after the clock was put back: %+v", p)
	}
}

func TestPauseGrowsAndJitters(t *testing.T) {
	if Pause(0, 0) != BackoffBase || Pause(1, 0) != 2*BackoffBase || Pause(1000, 0) != BackoffCap {
		t.Error(Pause(0, 0), Pause(1, 0), Pause(1000, 0))
	}
	if d := Pause(100, 0.999); d < BackoffCap*7/10 || d >= BackoffCap*8/10 {
		t.Errorf("with all of the jitter: %v", d)
	}
}

func TestSessionsThatLastShortenThePause(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(1))
	for range 10 {
		b.Failed(addr(1), errOops, false, t0, 0)
	}
	for lasted, want := range map[time.Duration]int{time.Second: 11, Steady: 5, time.Minute: 0} {
		b.peers[peer(1)].Failures = 10
		b.Down(peer(1), lasted, nil, t0, 0)
		if e, _ := b.Get(peer(1)); e.Failures != want {
			t.Errorf("a session of %v leaves %d failures, want %d", lasted, e.Failures, want)
		}
	}
}

func TestLinksAreBoundedAndProvenPlacesComeFirst(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 20; i++ {
		b.Told(addr(i), peer(1000))
	}
	b.Proved(addr(7), t0)
	b.Proved(addr(9), t0)
	b.Failed(addr(9), errOops, false, t0.Add(-time.Hour), 0)
	p := b.Plan(t0, nobody, 3, 8, half)
	if len(p.Dial) != 5 || p.Dial[0] != addr(7) || p.Dial[1] != addr(9) {
		t.Errorf("%+v", p)
	}
	if p := b.Plan(t0, nobody, 8, 8, half); len(p.Dial) != 0 || !p.Next.IsZero() {
		t.Errorf("with all links: %+v", p)
	}
	if p := b.Plan(t0, func(id identity.PeerID) bool { return id == peer(7) }, 7, 8, half); len(p.Dial) != 1 || p.Dial[0] != addr(9) {
		t.Errorf("with 7 connected: %+v", p)
	}
}

func TestOnePeerCannotFillTheBook(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 2*MaxPerSource; i++ {
		b.Told(addr(i), peer(2000))
	}
	if b.Len() != MaxPerSource {
		t.Errorf("one source filled in %d peers, limit %d", b.Len(), MaxPerSource)
	}
	if b.Told(addr(0), peer(2000)) || !b.Told(addr(500), peer(2001)) {
		t.Error("our own address was taken in, or another source's was not")
	}
	for i := range MaxPlaces + 3 {
		b.Told(identity.Address{Peer: peer(1), Host: fmt.Sprintf("x:%d", 1+i)}, peer(2000))
	}
	if e, _ := b.Get(peer(1)); len(e.Places) > MaxPlaces {
		t.Errorf("%d places of one peer", len(e.Places))
	}
}

func TestBookStaysBounded(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(1))
	b.Proved(addr(2), t0)
	b.Up(peer(2), nil, t0)
	for i := 3; i < MaxPeers+200; i++ {
		b.Told(addr(i), peer(5000+i))
		if i%3 == 0 {
			b.Failed(addr(i), errOops, false, t0, 0)
		}
	}
	if b.Len() != MaxPeers {
		t.Errorf("%d peers, limit %d", b.Len(), MaxPeers)
	}
	for _, i := range []int{1, 2} {
		if _, ok := b.Get(peer(i)); !ok {
			t.Errorf("peer %d gave way to hints", i)
		}
	}
}

func TestHintsThatDoNotHoldAreDropped(t *testing.T) {
	b := New(peer(0))
	b.Told(addr(1), peer(9))
	b.Failed(addr(1), errOops, true, t0, 0) // somebody else is there
	if _, ok := b.Get(peer(1)); ok {
		t.Error("a place of another peer is remembered")
	}
	b.Told(addr(1), peer(9))
	for range maxTries {
		b.Failed(addr(1), errOops, false, t0, 0)
	}
	if _, ok := b.Get(peer(1)); ok {
		t.Errorf("a hint that failed %d times is remembered", maxTries)
	}
	b.Proved(addr(2), t0)
	for range 100 {
		b.Failed(addr(2), errOops, false, t0, 0)
	}
	if _, ok := b.Get(peer(2)); !ok {
		t.Error("a peer that was there once is forgotten because it is away")
	}
}

func TestOnlyProvenPlacesOfPeersThatChoseItAreTold(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 5; i++ {
		b.Told(addr(i), peer(i)) // each of itself,
	}
	b.Told(addr(6), peer(1)) // and one that was told of
	for _, i := range []int{1, 2, 3, 6} {
		b.Proved(addr(i), t0)
	}
	for _, i := range []int{1, 2, 4, 6} {
		b.Up(peer(i), []digest.Hash{topic}, t0.Add(time.Duration(i)))
	}
	if got := b.Tell(peer(1), topic, 64); !reflect.DeepEqual(got, []identity.Address{addr(2)}) {
		t.Errorf("told %v; 3 is not of the topic, 4 and 5 are not proven, 6 did not choose it", got)
	}
	if got := b.Tell(peer(9), topic, 1); !reflect.DeepEqual(got, []identity.Address{addr(2)}) {
		t.Errorf("told %v, want the one seen last", got)
	}
	if got := b.Tell(peer(9), digest.Sum([]byte("another")), 64); len(got) != 0 {
		t.Errorf("told %v of another topic", got)
	}
	if a, ok := b.Unproven(peer(4), t0); !ok || a != addr(4) {
		t.Errorf("to be looked at: %v, %v", a, ok)
	}
	if a, ok := b.Unproven(peer(2), t0); ok {
		t.Errorf("%v is proven", a)
	}
}

// What fails on this side is not the peer's failure: a pause, and nothing else.
func TestInterrupted(t *testing.T) {
	b := New(peer(0))
	a := addr(1)
	b.Keep(a)
	b.Proved(a, t0)
	for range 20 {
		b.Interrupted(a.Peer, errors.New("no space left on device"), t0)
	}
	b.Interrupted(peer(9), errors.New("nobody knows it"), t0)
	e, _ := b.Get(a.Peer)
	if e.Failures != 0 || len(e.Places) != 1 || e.Next != t0.Add(HerePause) || e.LastError != "no space left on device" {
		t.Errorf("%+v", e)
	}
}
