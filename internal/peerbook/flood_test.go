// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/race"
)

// A flood is a book that honest peers and an attacker write in, by a seed. The
// attacker has any number of keys, in a few nets, and is a member of one topic.
type flood struct {
	t    *testing.T
	r    *rand.Rand
	b    *Book
	now  time.Time
	keys int // ever used, of both

	nets   []int // of the attacker: the first byte of addresses is 200 there, 1 elsewhere
	honest []identity.Address
	proved map[identity.PeerID]time.Time // honest peers that were found, and when last
}

func newFlood(t *testing.T, seed uint64, nets int) *flood {
	f := &flood{t: t, r: rand.New(rand.NewPCG(seed, 1)), b: New(peer(0)), now: t0, keys: 1, proved: map[identity.PeerID]time.Time{}}
	for range nets {
		f.nets = append(f.nets, f.r.IntN(256))
	}
	return f
}

// fresh is a peer with a key of its own at an address that begins so.
func (f *flood) fresh(first, second int) identity.Address {
	f.keys++
	var p identity.PeerID
	p[0], p[1], p[2] = byte(f.keys), byte(f.keys>>8), byte(f.keys>>16)
	return identity.Address{Peer: p, Host: fmt.Sprintf("%d.%d.%d.%d:%d", first, second, f.r.IntN(256), f.r.IntN(256), 1+f.r.IntN(65535))}
}

func (f *flood) evil() identity.Address { return f.fresh(200, f.nets[f.r.IntN(len(f.nets))]) }

func (f *flood) found(a identity.Address, t digest.Hash) {
	f.b.Proved(a, f.now)
	f.b.Up(a.Peer, []digest.Hash{t}, f.now)
}

// attack is one thing that an attacker does.
func (f *flood) attack() {
	a := f.evil()
	switch f.r.IntN(4) {
	case 0: // a key connects, says where it is, and is there
		f.b.Told(a, Telling{Source: a.Peer, Host: a.Host, Via: World, Topic: topic}, f.now)
		f.found(a, topic)
		if f.r.IntN(2) == 0 {
			f.b.Down(a.Peer, time.Second, false, nil, f.now, f.r.Float64())
		}
	case 1: // it tells of others, in its nets and in those of anybody
		for range 64 {
			h := f.evil()
			if f.r.IntN(2) == 0 {
				h = f.fresh(20+f.r.IntN(80), f.r.IntN(256))
			}
			f.b.Told(h, Telling{Source: a.Peer, Host: a.Host, Via: World, Topic: topic}, f.now)
		}
	case 2: // it says where honest peers are not
		if len(f.honest) > 0 {
			h := f.honest[f.r.IntN(len(f.honest))]
			f.b.Told(identity.Address{Peer: h.Peer, Host: a.Host}, Telling{Source: a.Peer, Host: a.Host, Via: World, Topic: topic}, f.now)
		}
	case 3: // it answers instead of whoever is looked for
		for _, e := range f.b.inOrder() {
			if f.r.IntN(20) == 0 {
				f.b.Failed(identity.Address{Peer: e.Peer, Host: e.Places[0].Host}, errors.New("wrong peer"), f.now, f.r.Float64())
				break
			}
		}
	}
}

// check holds what is promised against the book.
func (f *flood) check() {
	f.t.Helper()
	tried, untried, evil, told := 0, 0, map[Net]int{}, map[Net]int{}
	for _, e := range f.b.peers {
		switch {
		case e.Kept:
		case e.Tried:
			tried++
			evil[e.net()]++
		default:
			untried++
			told[e.from]++
		}
	}
	if tried > MaxTried || untried > MaxNew {
		f.t.Fatalf("%d tried, %d new", tried, untried)
	}
	for _, n := range f.nets {
		net := NetOf(fmt.Sprintf("200.%d.0.0:1", n))
		if evil[net] > MaxTried/netShare || told[net] > MaxNew/netShare {
			f.t.Fatalf("net %s has %d tried, and told of %d", net, evil[net], told[net])
		}
	}
	for id, last := range f.proved {
		if e, ok := f.b.Get(id); f.now.Sub(last) < ForgetAfter && (!ok || !e.Tried) {
			f.t.Fatalf("an honest peer that was found %v ago is forgotten: %+v", f.now.Sub(last), e)
		}
	}
}

// An attacker with a few nets makes nobody forgotten, however many keys it has
// and whatever it answers; honest peers are still taken in, and dialed soon.
func TestFlood(t *testing.T) {
	seeds := 8
	if testing.Short() || race.Enabled {
		seeds = 3
	}
	for seed := range seeds {
		f := newFlood(t, uint64(seed), 1+seed%5)
		for range 12 {
			a := f.fresh(20+f.r.IntN(80), f.r.IntN(256))
			f.found(a, topic)
			f.honest, f.proved[a.Peer] = append(f.honest, a), f.now
		}
		f.now = f.now.Add(3 * 24 * time.Hour)
		for step := range 3000 {
			f.now = f.now.Add(25 * time.Millisecond)
			if f.attack(); step%100 == 0 {
				f.check()
			}
		}
		f.check()
		f.newcomers()
		f.dialedSoon()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Of two books that were told the same at the same times, both know and dial the
// same: what a book does can be repeated from a seed.
func TestBooksThatWereToldTheSameDoTheSame(t *testing.T) {
	var known, dialed [2][]string
	for i := range 2 {
		f := newFlood(t, 1, 3)
		for range 300 {
			f.attack()
		}
		v := idle(f.now.Add(BackoffCap))
		v.Rnd = f.r.Float64
		for _, d := range f.b.Plan(v).Dial {
			dialed[i] = append(dialed[i], d.String())
		}
		for _, e := range f.b.inOrder() {
			known[i] = append(known[i], fmt.Sprint(e))
		}
	}
	if !slices.Equal(known[0], known[1]) || !slices.Equal(dialed[0], dialed[1]) {
		t.Errorf("%d and %d peers, dialed %v and %v", len(known[0]), len(known[1]), dialed[0], dialed[1])
	}
}

// newcomers: an honest peer that is found, and one that an honest peer tells of,
// are taken in as if nobody attacked; of another topic too.
func (f *flood) newcomers() {
	f.t.Helper()
	rare := digest.Sum([]byte("rare"))
	for range 20 {
		a, h := f.fresh(20+f.r.IntN(80), f.r.IntN(256)), f.fresh(20+f.r.IntN(80), f.r.IntN(256))
		f.found(a, rare)
		if e, _ := f.b.Get(a.Peer); !e.Tried {
			f.t.Fatal("an honest peer that was found finds no room")
		}
		f.honest, f.proved[a.Peer] = append(f.honest, a), f.now
		f.b.Told(h, Telling{Source: a.Peer, Host: a.Host, Via: World, Topic: rare}, f.now)
		if _, ok := f.b.Get(h.Peer); !ok {
			f.t.Fatal("a hint of an honest peer finds no room")
		}
	}
	f.check()
}

// dialedSoon: of the first links that are dialed some are to honest peers, though
// all of the attacker's were seen last.
func (f *flood) dialedSoon() {
	f.t.Helper()
	v := idle(f.now.Add(BackoffCap))
	v.Rnd = f.r.Float64
	honest := 0
	p := f.b.Plan(v)
	for _, d := range p.Dial {
		if _, ok := f.proved[d.Peer]; ok {
			honest++
		}
	}
	if len(p.Dial) != Links || honest < 2 {
		f.t.Errorf("of %d first links %d are to honest peers", len(p.Dial), honest)
	}
}

// Age alone makes a peer that was found forgotten, and only if room is needed.
func TestForgottenByAge(t *testing.T) {
	b := New(peer(0))
	at := func(i int) identity.Address {
		return identity.Address{Peer: peer(i), Host: fmt.Sprintf("9.9.%d.%d:1", i/256, i%256)}
	}
	full := MaxTried / netShare
	for i := 1; i <= full; i++ {
		b.Proved(at(i), t0.Add(time.Duration(i)))
	}
	later := t0.Add(ForgetAfter)
	b.Proved(at(full+1), later)
	if e, ok := b.Get(peer(full + 1)); !ok || e.Tried {
		t.Errorf("%+v: beyond the share of its net", e)
	}
	b.Proved(at(full+1), later.Add(2))
	if e, _ := b.Get(peer(full + 1)); !e.Tried {
		t.Error("who is away for long does not give way")
	}
	if _, ok := b.Get(peer(1)); ok {
		t.Error("another one gave way than who was away longest")
	}
	if e, ok := b.Get(peer(2)); !ok || !e.Tried {
		t.Error("more gave way than had to")
	}
}
