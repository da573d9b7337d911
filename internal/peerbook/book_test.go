// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
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

// idle is the view of a node without connections that is in the test's topic.
func idle(now time.Time) View {
	return View{Now: now, Busy: nobody, Fresh: nobody, Rnd: func() float64 { return 0.5 }, Links: func(t digest.Hash) int {
		if t == topic {
			return 0
		}
		return -1
	}}
}

// by is a peer that tells of others, from a net of its own.
func by(n int) Telling {
	return Telling{Source: peer(n), Host: fmt.Sprintf("%d.%d.0.1:1", 1+n/200, n%200), Via: World, Topic: topic}
}

func dialed(p Plan) (all []identity.Address) {
	for _, d := range p.Dial {
		all = append(all, d.Address)
	}
	return all
}

func TestKeptPeersAreDialedAlways(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(0)) // ourselves
	b.Keep(addr(1))
	v := idle(t0)
	v.Outgoing = [2]int{100, 200}
	p := b.Plan(v)
	if len(p.Dial) != 1 || p.Dial[0].Address != addr(1) || !p.Dial[0].Named || p.Dial[0].Try != FirstTry {
		t.Fatalf("%+v", p)
	}
	for i := range 40 { // however often that fails
		b.Failed(addr(1), errOops, t0, 0)
		e, _ := b.Get(peer(1))
		if want := min(BackoffBase<<min(i+1, 20), BackoffCap); e.Next.Sub(t0) != want || e.LastError != "refused" {
			t.Fatalf("after %d failures: %+v, want a pause of %v", i+1, e, want)
		}
	}
	p = b.Plan(idle(t0))
	if len(p.Dial) != 0 || p.Next != t0.Add(BackoffCap) {
		t.Errorf("in its pause: %+v", p)
	}
	if p = b.Plan(idle(t0.Add(BackoffCap))); len(p.Dial) != 1 {
		t.Errorf("after its pause: %+v", p)
	}
	if p = b.Plan(idle(t0.Add(-time.Hour))); len(p.Dial) != 1 {
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
		b.Failed(addr(1), errOops, t0, 0)
	}
	for lasted, want := range map[time.Duration]int{time.Second: 11, Steady: 5, time.Minute: 0} {
		b.peers[peer(1)].Failures = 10
		b.Down(peer(1), lasted, false, nil, t0, 0)
		if e, _ := b.Get(peer(1)); e.Failures != want {
			t.Errorf("a session of %v leaves %d failures, want %d", lasted, e.Failures, want)
		}
	}
}

// With links enough nobody is dialed but for a topic that no connection shares;
// peers found before and peers only heard of take turns.
func TestLinksAreBounded(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 20; i++ {
		b.Told(addr(i), by(1000+i), t0)
	}
	b.Proved(addr(7), t0)
	b.Proved(addr(9), t0.Add(-time.Second))
	v := idle(t0)
	v.Outgoing = [2]int{1, 2}
	if got := dialed(b.Plan(v)); len(got) != 5 || got[0] != addr(7) || got[1] != addr(9) {
		t.Errorf("%v", got)
	}
	v.Outgoing = [2]int{1, 7}
	if got := dialed(b.Plan(v)); len(got) != 1 || got[0] != addr(7) {
		t.Errorf("with all links and none of the topic: %v", got)
	}
	v.Links = func(digest.Hash) int { return 1 }
	if p := b.Plan(v); len(p.Dial) != 0 || !p.Next.IsZero() {
		t.Errorf("with all links: %+v", p)
	}
	v.Outgoing, v.Busy = [2]int{0, 7}, func(id identity.PeerID) bool { return id == peer(7) }
	if got := dialed(b.Plan(v)); len(got) != 1 || got[0] != addr(9) {
		t.Errorf("with 7 connected: %v", got)
	}
}

// Peers that a person named and others keep some slots from each other.
func TestSlotsAreShared(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 100; i++ {
		b.Keep(addr(i))
		b.Told(addr(200+i), by(1000+i), t0)
	}
	v := idle(t0)
	v.Outgoing[1] = -100 // links that are missing
	named := 0
	p := b.Plan(v)
	for _, d := range p.Dial {
		if d.Named {
			named++
		}
	}
	if named != SlotsEach || len(p.Dial) != Slots {
		t.Errorf("%d attempts, %d of them to named peers", len(p.Dial), named)
	}
	v.Dialing = [2]int{SlotsEach, 5}
	if p = b.Plan(v); len(p.Dial) != Slots-SlotsEach-5 {
		t.Errorf("%d attempts beside those", len(p.Dial))
	}
}

func TestTriesGrow(t *testing.T) {
	if TryTime(0) != FirstTry || TryTime(1) != SlotTime || TryTime(2) != LongTry || TryTime(99) != LongTry {
		t.Error(TryTime(0), TryTime(1), TryTime(2))
	}
}

// Each topic is dialed for, however many peers another one has.
func TestEachTopicGetsALink(t *testing.T) {
	b := New(peer(0))
	rare := digest.Sum([]byte("rare"))
	for i := 1; i <= 50; i++ {
		b.Told(addr(i), by(1000+i), t0)
		b.Proved(addr(i), t0.Add(time.Duration(i)))
		b.Up(peer(i), []digest.Hash{topic}, t0.Add(time.Duration(i)))
	}
	b.Told(addr(60), by(2000), t0)
	b.Proved(addr(60), t0.Add(-time.Hour))
	b.Up(peer(60), []digest.Hash{rare}, t0.Add(-time.Hour))
	v := idle(t0.Add(time.Minute))
	v.Outgoing = [2]int{0, 8}
	v.Links = func(id digest.Hash) int {
		if id == rare {
			return 0
		}
		return 8
	}
	if got := dialed(b.Plan(v)); len(got) != 1 || got[0] != addr(60) {
		t.Errorf("%v", got)
	}
	v.Outgoing[1] = MaxLinks
	if got := dialed(b.Plan(v)); len(got) != 0 {
		t.Errorf("beyond all bounds: %v", got)
	}
	// While the one known peer of a topic is being tried, nobody else is for it,
	v.Outgoing[1] = 8
	b.Told(addr(61), Telling{Source: peer(2000), Host: "9.9.9.9:1", Via: World, Topic: rare}, t0)
	v.Busy = func(id identity.PeerID) bool { return id == peer(60) }
	v.Fresh = v.Busy
	if got := dialed(b.Plan(v)); len(got) != 0 {
		t.Errorf("%v", got)
	}
	v.Fresh = nobody // until that was silent for a moment.
	if got := dialed(b.Plan(v)); len(got) != 1 || got[0] != addr(61) {
		t.Errorf("%v", got)
	}
}

func TestOneNetCannotFillTheBook(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= MaxNew; i++ {
		b.Told(addr(i), Telling{Source: peer(2000 + i), Host: fmt.Sprintf("7.7.%d.%d:1", i/256, i%256), Via: World, Topic: topic}, t0)
	}
	if b.Len() != MaxNew/netShare {
		t.Errorf("one net filled in %d peers, limit %d", b.Len(), MaxNew/netShare)
	}
	if b.Told(addr(0), by(1), t0) || !b.Told(addr(1000), by(1), t0) {
		t.Error("our own address was taken in, or another net's was not")
	}
	for i := range MaxPlaces + 3 {
		b.Told(identity.Address{Peer: peer(1), Host: fmt.Sprintf("x:%d", 1+i)}, by(2), t0)
	}
	if e, _ := b.Get(peer(1)); len(e.Places) > MaxPlaces {
		t.Errorf("%d places of one peer", len(e.Places))
	}
}

// An address that would never be dialed is not taken in, whoever's it is.
func TestAddressesThatMayNotBeDialedAreNotTakenIn(t *testing.T) {
	b := New(peer(0))
	for i, host := range []string{"127.0.0.1:1", "[::1]:1", "[::ffff:0.0.0.0]:1", "0.0.0.0:1", "10.0.0.1:1", "tcp://192.168.0.1:1", "224.0.0.1:1"} {
		for _, n := range []int{7, 100 + i} { // of itself, and of another
			if b.Told(identity.Address{Peer: peer(n), Host: host}, by(7), t0) {
				t.Errorf("%s is taken in", host)
			}
		}
	}
	near := by(7)
	near.Via = Site
	if !b.Told(identity.Address{Peer: peer(8), Host: "10.0.0.1:1"}, near, t0) {
		t.Error("nor is one from the same site")
	}
}

func TestBookStaysBounded(t *testing.T) {
	b := New(peer(0))
	b.Keep(addr(1))
	b.Proved(addr(2), t0)
	b.Up(peer(2), nil, t0)
	for i := 3; i < 2*MaxNew; i++ {
		b.Told(addr(i), by(5000+i), t0)
		if i%3 == 0 {
			b.Failed(addr(i), errOops, t0, 0)
		}
	}
	if b.Len() > 2+MaxNew {
		t.Errorf("%d peers, limit %d", b.Len(), 2+MaxNew)
	}
	for _, i := range []int{1, 2} {
		if _, ok := b.Get(peer(i)); !ok {
			t.Errorf("peer %d gave way to hints", i)
		}
	}
}

func TestHintsThatDoNotHoldAreDropped(t *testing.T) {
	b := New(peer(0))
	b.Told(addr(1), by(9), t0)
	for range maxTries {
		if _, ok := b.Get(peer(1)); !ok {
			t.Fatal("a hint is dropped too soon")
		}
		b.Failed(addr(1), errOops, t0, 0)
	}
	if _, ok := b.Get(peer(1)); ok {
		t.Errorf("a hint that failed %d times is remembered", maxTries)
	}
}

// Somebody else at its place, or nobody, proves nothing of a peer that was found
// once: another place is tried, and it is not forgotten.
func TestWrongAnswersOnlyDemote(t *testing.T) {
	b := New(peer(0))
	b.Proved(addr(2), t0)
	b.Told(identity.Address{Peer: peer(2), Host: "1.2.3.4:5"}, by(3), t0)
	wrong := &wrongPeer{}
	b.Failed(addr(2), wrong, t0, 0)
	e, _ := b.Get(peer(2))
	if len(e.Places) != 2 || e.Places[0].Host != "1.2.3.4:5" || e.Places[1].Host != addr(2).Host {
		t.Fatalf("%+v", e.Places)
	}
	for range 100 {
		e, _ = b.Get(peer(2))
		b.Failed(identity.Address{Peer: e.Peer, Host: e.Places[0].Host}, wrong, t0, 0)
	}
	if e, _ = b.Get(peer(2)); len(e.Places) != 1 || e.Places[0].Host != addr(2).Host {
		t.Errorf("%+v", e)
	}
}

type wrongPeer struct{}

func (*wrongPeer) Error() string { return "wrong peer" }

func TestOnlyProvenPlacesOfPeersThatChoseItAreTold(t *testing.T) {
	b := New(peer(0))
	for i := 1; i <= 5; i++ {
		b.Told(addr(i), by(i), t0) // each of itself,
	}
	b.Told(addr(6), by(1), t0) // and one that was told of
	for _, i := range []int{1, 2, 3, 6} {
		b.Proved(addr(i), t0)
	}
	for _, i := range []int{1, 2, 4, 6} {
		b.Up(peer(i), []digest.Hash{topic}, t0.Add(time.Duration(i)))
	}
	if got := b.Tell(peer(1), World, topic, 64); !reflect.DeepEqual(got, []identity.Address{addr(2)}) {
		t.Errorf("told %v; 3 is not of the topic, 4 and 5 are not proven, 6 did not choose it", got)
	}
	if got := b.Tell(peer(9), World, topic, 1); !reflect.DeepEqual(got, []identity.Address{addr(2)}) {
		t.Errorf("told %v, want the one seen last", got)
	}
	if got := b.Tell(peer(9), World, digest.Sum([]byte("another")), 64); len(got) != 0 {
		t.Errorf("told %v of another topic", got)
	}
	if a, ok := b.Unproven(peer(4)); !ok || a.Address != addr(4) {
		t.Errorf("to be looked at: %v, %v", a, ok)
	}
	if a, ok := b.Unproven(peer(2)); ok {
		t.Errorf("%v is proven", a)
	}
}

// A failure on this side is not the peer's failure: a pause, and nothing else.
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
	if e.Failures != 0 || len(e.Places) != 1 || e.Next != t0.Add(HerePause) || e.LastError != "no space left on device" || e.Erred != t0 {
		t.Errorf("%+v", e)
	}
}

// Hints put no place aside that a person named, and a place that the peer itself tells
// takes one of theirs.
func TestHintsPutNoNamedPlaceAside(t *testing.T) {
	b := New(peer(0))
	now := time.Unix(1_700_000_000, 0)
	named := identity.Address{Peer: peer(1), Host: "20.9.9.9:7"}
	for i := range 3 * MaxPlaces {
		if i == MaxPlaces || i == 2*MaxPlaces {
			b.Keep(named)
		}
		by := Telling{Source: peer(2), Host: "20.1.1.1:7", Via: World, Topic: digest.Hash{1}}
		if i%3 == 0 {
			by.Source = peer(1)
		}
		b.Told(identity.Address{Peer: peer(1), Host: fmt.Sprintf("20.2.%d.1:7", i)}, by, now)
		if i >= 2*MaxPlaces {
			b.Failed(identity.Address{Peer: peer(1), Host: named.Host}, errors.New("nobody answers"), now, 0)
		}
		e, _ := b.Get(peer(1))
		if i >= MaxPlaces && !slices.ContainsFunc(e.Places, func(p Place) bool { return p.Host == named.Host }) {
			t.Fatalf("behind %d hints: %+v", i+1, e.Places)
		}
	}
}
