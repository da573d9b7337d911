// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"net/netip"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Peers that may stay connected. A node has so many seats, and identities and topics of
// one's own cost nothing, so a peer that merely knows a topic must not be able to
// take them all: some are reserved, and what is left is shared by address, subnet
// and topic. As in Bitcoin's src/node/eviction.cpp, of a crowd the one gives way
// that came last, of the largest part of it: a flooder comes late.
//
//	counted                        seats        who gives way
//	strangers of one address       1/4 of 64    the one of it that waits longest
//	strangers of one subnet        1/2 of 64    the one of it that waits longest
//	strangers                      64           the one that waits longest
//	members of one address         1/4 of 256   the crowd of it
//	members of one subnet          1/2 of 192   the crowd of it
//	members                        176          the crowd of them
//	strangers and members          192          the stranger that waits longest
//	long proven of one subnet      1/2 of 192   the crowd of it
//	all                            256          the lowest rank below the newcomer's: of strangers the one that
//	                                            waits longest, else the crowd of it
//
// The crowd is those that share the topic that most of them share, of these the
// ones in the subnet with most of these, and of those the last one to come: if
// that is the newcomer itself, nobody gives way and it is refused. An address is
// an IPv4 address or the /64 network of one IPv6 customer, a subnet is /24 or /48;
// who comes by another way than IP has neither.
const (
	Seats         = 256
	CommonSeats   = 192 // for strangers and members,
	MemberSeats   = 176 // so that some are for strangers always
	StrangerSeats = 64
)

// A Rank is how much a connection is wanted.
type Rank uint8

// The ranks, from the lowest.
const (
	Stranger   Rank = iota // it has not shown that it is in a topic of ours
	Member                 // it has
	LongProven             // the book knows it for long, see Book.LongProven
	Dialed                 // we made it
	ByName                 // a person wants it
)

// A Seat is a connection as admission sees it.
type Seat struct {
	Rank  Rank
	IP    netip.Addr  // where it comes from; invalid if not by IP
	Topic digest.Hash // the first that it shares; zero of a stranger
	Since time.Time
}

func (s *Seat) address() Net { return s.within(32, 64) }
func (s *Seat) subnet() Net  { return s.within(24, 48) }

func (s *Seat) within(bits4, bits6 int) Net {
	if !s.IP.IsValid() {
		return ""
	}
	return netOf(s.IP, bits4, bits6)
}

// A room is a part of the seats with a bound.
type room struct {
	seats  int
	ranks  [2]Rank              // from and to
	within func(*Seat) Net      // that the newcomer is in too, or nil
	yield  func(*crowded) *Seat // who gives way, or nil
}

var rooms = []room{
	{StrangerSeats / 4, [2]Rank{Stranger, Stranger}, (*Seat).address, (*crowded).longestWaiting},
	{StrangerSeats / 2, [2]Rank{Stranger, Stranger}, (*Seat).subnet, (*crowded).longestWaiting},
	{StrangerSeats, [2]Rank{Stranger, Stranger}, nil, (*crowded).longestWaiting},
	{Seats / 4, [2]Rank{Member, Member}, (*Seat).address, (*crowded).lastOfCrowd},
	{CommonSeats / 2, [2]Rank{Member, Member}, (*Seat).subnet, (*crowded).lastOfCrowd},
	{MemberSeats, [2]Rank{Member, Member}, nil, (*crowded).lastOfCrowd},
	{CommonSeats, [2]Rank{Stranger, Member}, nil, (*crowded).longestStranger},
	{CommonSeats / 2, [2]Rank{LongProven, LongProven}, (*Seat).subnet, (*crowded).lastOfCrowd},
	{Seats, [2]Rank{Stranger, ByName}, nil, (*crowded).lowest},
}

// Admit says whether there is a seat for one more connection, and which of the
// seats gives way to it; -1: none.
func Admit(seats []Seat, next Seat) (victim int, ok bool) {
	victim = -1
	for _, r := range rooms {
		c := r.crowd(seats, &next, victim)
		if c == nil || len(c.seats) <= r.seats {
			continue
		}
		yield := r.yield(c)
		if yield == nil || yield == &next || victim >= 0 { // one gives way, not two
			return -1, false
		}
		for i := range seats {
			if yield == &seats[i] {
				victim = i
			}
		}
	}
	return victim, true
}

// A crowded room, with the newcomer in it.
type crowded struct {
	seats []*Seat
	next  *Seat
}

// crowd returns who is in a room, or nil if the newcomer would not be.
func (r room) crowd(seats []Seat, next *Seat, without int) *crowded {
	in := func(s *Seat) bool { return r.ranks[0] <= s.Rank && s.Rank <= r.ranks[1] }
	var where Net
	if r.within != nil {
		where = r.within(next)
	}
	if !in(next) || r.within != nil && where == "" {
		return nil
	}
	c := &crowded{next: next, seats: []*Seat{next}}
	for i := range seats {
		if s := &seats[i]; i != without && in(s) && (r.within == nil || r.within(s) == where) {
			c.seats = append(c.seats, s)
		}
	}
	return c
}

// of returns those of some of the ranks.
func (c *crowded) of(least, most Rank) *crowded {
	part := &crowded{next: c.next}
	for _, s := range c.seats {
		if least <= s.Rank && s.Rank <= most {
			part.seats = append(part.seats, s)
		}
	}
	return part
}

func (c *crowded) longestWaiting() (first *Seat) {
	for _, s := range c.seats {
		if s != c.next && (first == nil || s.Since.Before(first.Since)) {
			first = s
		}
	}
	return first
}

// lastOfCrowd returns the last to come of the largest part. The newcomer comes
// last of all, and of parts of one size it is in the one that counts.
func (c *crowded) lastOfCrowd() *Seat {
	seats := largest(c.seats, c.next, func(s *Seat) digest.Hash { return s.Topic })
	seats = largest(seats, c.next, (*Seat).subnet)
	var last *Seat
	for _, s := range seats {
		if s == c.next {
			return s
		}
		if last == nil || s.Since.After(last.Since) {
			last = s
		}
	}
	return last
}

// largest returns those of the most frequent kind.
func largest[K comparable](seats []*Seat, next *Seat, kind func(*Seat) K) (part []*Seat) {
	by := map[K][]*Seat{}
	for _, s := range seats {
		by[kind(s)] = append(by[kind(s)], s)
	}
	part = by[kind(next)]
	for _, k := range by {
		if len(k) > len(part) {
			part = k
		}
	}
	return part
}

func (c *crowded) longestStranger() *Seat { return c.of(Stranger, Stranger).longestWaiting() }

// lowest returns one of the lowest rank, if that is below the newcomer's.
func (c *crowded) lowest() *Seat {
	for r := Stranger; r < c.next.Rank; r++ {
		part := c.of(r, r)
		if len(part.seats) == 0 {
			continue
		}
		if r == Stranger {
			return part.longestWaiting()
		}
		return part.lastOfCrowd()
	}
	return nil
}
