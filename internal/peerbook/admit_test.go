// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// seat makes the i-th connection to come.
func seat(r Rank, ip, topic string, i int) Seat {
	s := Seat{Rank: r, Topic: digest.Sum([]byte(topic)), Since: t0.Add(time.Duration(i) * time.Second)}
	if ip != "" {
		s.IP = netip.MustParseAddr(ip)
	}
	return s
}

// full is n connections of one rank, from IP addresses by a pattern.
func full(n int, r Rank, pattern, topic string) (all []Seat) {
	for i := range n {
		ip := pattern
		if pattern != "" && pattern[len(pattern)-1] == '%' {
			ip = fmt.Sprintf("%s%d.%d", pattern[:len(pattern)-1], i/200, i%200)
		}
		all = append(all, seat(r, ip, topic, i))
	}
	return all
}

// Each row of the table: who gives way at its bound, or that the newcomer does.
func TestWhoGivesWay(t *testing.T) {
	const none, refused = -1, -2
	several := append(full(100, Member, "1.2.%", "a"), full(76, Member, "", "b")...)
	for _, c := range []struct {
		name  string
		seats []Seat
		next  Seat
		want  int
	}{
		{"room for all", full(63, Stranger, "", ""), seat(Stranger, "", "", 999), none},
		{"strangers of one address", full(16, Stranger, "1.2.3.4", ""), seat(Stranger, "::ffff:1.2.3.4", "", 999), 0},
		{"strangers of one customer", full(16, Stranger, "2a00::1", ""), seat(Stranger, "2a00::2", "", 999), 0},
		{"of another address", full(16, Stranger, "1.2.3.4", ""), seat(Stranger, "1.2.3.5", "", 999), none},
		{"strangers of one subnet", append(full(16, Stranger, "1.2.3.4", ""), full(16, Stranger, "1.2.3.5", "")...), seat(Stranger, "1.2.3.6", "", 999), 0},
		{"strangers", full(64, Stranger, "", ""), seat(Stranger, "1.2.3.4", "", 999), 0},
		{"strangers, a named one comes", full(64, Stranger, "", ""), seat(ByName, "", "", 999), none},
		{"members of one address", full(64, Member, "1.2.3.4", "a"), seat(Member, "1.2.3.4", "a", 999), refused},
		{"of one address, one of another topic", full(64, Member, "1.2.3.4", "a"), seat(Member, "1.2.3.4", "b", 999), 63},
		{"members of one subnet", append(full(50, Member, "1.2.3.4", "a"), full(46, Member, "1.2.3.5", "a")...), seat(Member, "1.2.3.6", "a", 999), refused},
		{"members of one topic, one more", full(176, Member, "", "a"), seat(Member, "", "a", 999), refused},
		{"members of one topic, one of another", full(176, Member, "", "a"), seat(Member, "", "b", 999), 175},
		{"members of two topics, one of the smaller", several, seat(Member, "9.9.9.9", "b", 999), 99},
		{"members of two topics, one of the larger", several, seat(Member, "9.9.9.9", "a", 999), 99},
		{"a stranger before a member", append(full(150, Member, "", "a"), full(42, Stranger, "", "")...), seat(Member, "", "a", 999), 150},
		{"a stranger among members", append(full(176, Member, "", "a"), full(16, Stranger, "", "")...), seat(Stranger, "", "", 999), 176},
		{"members, a long proven one comes", full(176, Member, "", "a"), seat(LongProven, "", "a", 999), none},
		{"long proven of one subnet", full(96, LongProven, "1.2.3.4", "a"), seat(LongProven, "1.2.3.5", "a", 999), refused},
		{"all, a dialed one comes", append(full(176, Member, "", "a"), full(80, Dialed, "", "a")...), seat(Dialed, "", "a", 999), 175},
		{"all, nobody below", full(256, Dialed, "", "a"), seat(Dialed, "", "a", 999), refused},
		{"all, a named one comes", full(256, Dialed, "", "a"), seat(ByName, "", "a", 999), 255},
		{"all named", full(256, ByName, "", "a"), seat(ByName, "", "a", 999), refused},
	} {
		got, ok := Admit(c.seats, c.next)
		if !ok {
			got = refused
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// An attacker with one topic, a few subnets and any number of keys takes seats as
// long as there is nobody else. Named, dialed and long proven peers, and members
// of another topic, find a seat and keep it.
func TestNobodyIsCrowdedOut(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 3))
		var seats []Seat
		honest := map[time.Time]bool{}
		come := func(s Seat) bool {
			i, ok := Admit(seats, s)
			if ok && i >= 0 {
				if honest[seats[i].Since] {
					t.Fatalf("seed %d: %+v gives way to %+v", seed, seats[i], s)
				}
				seats = append(seats[:i], seats[i+1:]...)
			}
			if ok {
				seats = append(seats, s)
			}
			return ok
		}
		for i := range 4000 {
			ip := fmt.Sprintf("6.6.%d.%d", r.IntN(4), r.IntN(256))
			switch {
			case i%40 != 39 || len(honest) >= 90:
				come(seat(Rank(r.IntN(2)), ip, "attacked", i))
				continue
			case i%80 == 39:
				ip = fmt.Sprintf("%d.%d.1.1", 11+r.IntN(90), r.IntN(256))
				s := seat(Member, ip, "another", i)
				if honest[s.Since] = true; !come(s) {
					t.Fatalf("seed %d: no seat for a member of another topic", seed)
				}
			default:
				s := seat(LongProven+Rank(r.IntN(3)), "", "attacked", i)
				if honest[s.Since] = true; !come(s) {
					t.Fatalf("seed %d: no seat for %+v", seed, s)
				}
			}
		}
		if len(seats) > Seats {
			t.Fatalf("%d seats", len(seats))
		}
	}
}
