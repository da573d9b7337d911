// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A silence is a node in a world of peers that swallow packets, and its clock.
type silence struct {
	b       *Book
	r       *rand.Rand
	now     time.Time
	dialing map[identity.PeerID]tried
	live    map[identity.PeerID]time.Duration // peers that answer, and after how long
	linked  map[identity.PeerID]bool
}

// tried is an attempt that is under way, as a node keeps it (actors/dialer.go).
type tried struct {
	Dial
	since time.Time
	ends  time.Time
}

func (s *silence) view() View {
	v := idle(s.now)
	v.Rnd = s.r.Float64
	v.Busy = func(p identity.PeerID) bool { _, ok := s.dialing[p]; return ok || s.linked[p] }
	v.Fresh = func(p identity.PeerID) bool { a, ok := s.dialing[p]; return ok && s.now.Sub(a.since) < Fresh }
	v.Links = func(t digest.Hash) int {
		if t != topic {
			return -1
		}
		return len(s.linked)
	}
	v.Outgoing[1] = len(s.linked)
	for p, a := range s.dialing {
		column := 1
		if a.Named {
			column = 0
		}
		if s.now.Sub(a.since) < SlotTime {
			v.Dialing[column]++
		}
		if v.Fresh(p) {
			v.Outgoing[column]++
		}
	}
	return v
}

// run lets time pass until a live peer is linked, and returns how long that took.
func (s *silence) run(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	for start := s.now; ; s.now = s.now.Add(10 * time.Millisecond) {
		if s.now.Sub(start) > limit {
			t.Fatalf("no live peer in %v, %d peers", limit, s.b.Len())
		}
		for p, a := range s.dialing {
			if s.now.Before(a.ends) {
				continue
			}
			delete(s.dialing, p)
			if _, ok := s.live[p]; ok {
				return s.now.Sub(start)
			}
			s.b.Failed(a.Address, errOops, s.now, s.r.Float64())
		}
		v := s.view()
		for _, d := range s.b.Plan(v).Dial {
			a := tried{Dial: d, since: s.now, ends: s.now.Add(d.Try)}
			if after, ok := s.live[d.Peer]; ok {
				a.ends = s.now.Add(after)
			}
			s.dialing[d.Peer] = a
		}
		if v = s.view(); v.Dialing[0]+v.Dialing[1] > Slots || v.Dialing[0] > SlotsEach || v.Dialing[1] > SlotsEach {
			t.Fatalf("%v attempts in slots", v.Dialing)
		}
	}
}

// A live peer behind a hundred that swallow packets is reached within 5 seconds,
// whoever named which, and whatever was proven when.
func TestALivePeerBehindDeadOnes(t *testing.T) {
	for seed := range uint64(20) {
		for name, meet := range map[string]func(s *silence, a identity.Address, live bool){
			"named": func(s *silence, a identity.Address, _ bool) { s.b.Keep(a) },
			"found once": func(s *silence, a identity.Address, live bool) {
				ago := time.Duration(1+s.r.IntN(1000)) * time.Hour
				if live {
					ago = 2000 * time.Hour // the longest of all
				}
				s.b.Proved(a, s.now.Add(-ago))
				s.b.Up(a.Peer, []digest.Hash{topic}, s.now.Add(-ago))
			},
			"told of": func(s *silence, a identity.Address, _ bool) { s.b.Told(a, by(s.r.IntN(9)+1), s.now) },
			"told of, the others named": func(s *silence, a identity.Address, live bool) {
				if live {
					s.b.Told(a, by(1), s.now)
				} else {
					s.b.Keep(a)
				}
			},
		} {
			s := &silence{b: New(peer(0)), r: rand.New(rand.NewPCG(seed, 7)), now: t0,
				dialing: map[identity.PeerID]tried{}, live: map[identity.PeerID]time.Duration{}, linked: map[identity.PeerID]bool{}}
			for i := 1; i <= 101; i++ {
				a := identity.Address{Peer: peer(i), Host: fmt.Sprintf("%d.%d.1.1:1", 20+s.r.IntN(80), i)}
				if i == 101 {
					s.live[a.Peer] = 100 * time.Millisecond
				}
				meet(s, a, i == 101)
			}
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				if took := s.run(t, time.Minute); took > 5*time.Second {
					t.Error(took)
				}
			})
		}
	}
}
