// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Whom to dial. Every peer that a person named is dialed. Of the others the node
// dials as its topics need it: first for each topic that no connection shares,
// up to MaxLinks connections in all; then so many that there are Links, for the
// topics with the fewest.
//
// Silence is what an attempt mostly meets, so that its price decides how soon a
// live peer is found behind dead ones. A first try is short, and a later one
// longer; after Fresh an attempt counts as a link no more, and the next peer is
// dialed beside it; after SlotTime it holds no slot.
const (
	Links    = 8   // connections that a node makes and keeps
	MaxLinks = 128 // that it makes to peers that nobody named, so that each topic has one

	Slots     = 48 // attempts at a time,
	SlotsEach = 36 // of them to peers that a person named, and to others
	SlowSlots = 16 // attempts beside them that are silent for SlotTime

	FirstTry = time.Second
	SlotTime = 3 * time.Second // of a second try, and of any other in a slot
	LongTry  = 15 * time.Second
	Fresh    = 300 * time.Millisecond
)

// TryTime is how long a place is tried at which the peer was not reached so often in a row.
func TryTime(failures int) time.Duration {
	switch failures {
	case 0:
		return FirstTry
	case 1:
		return SlotTime
	}
	return LongTry
}

// A View is what Plan has to know of the node.
type View struct {
	Now      time.Time
	Busy     func(identity.PeerID) bool // connected, or being dialed
	Fresh    func(identity.PeerID) bool // being dialed for less than Fresh
	Links    func(digest.Hash) int      // connections that share a topic; below 0: it is none of ours
	Nets     map[Net]int                // connections that the node made by itself
	Outgoing [2]int                     // such connections to peers that a person named, to others; with attempts that are fresh
	Dialing  [2]int                     // attempts in slots, likewise
	Rnd      func() float64
}

// A Dial is a place to dial now.
type Dial struct {
	Target
	Named bool          // a person wants the peer connected
	Try   time.Duration // how long
}

// A Plan says whom to dial now, and when to look again; zero: not before
// something changes.
type Plan struct {
	Dial []Dial
	Next time.Time
}

// Plan chooses whom to dial.
func (b *Book) Plan(v View) (p Plan) {
	n := &needs{v: v, links: map[digest.Hash]int{}}
	var named, tried, untried []candidate
	for _, e := range b.inOrder() {
		switch {
		case len(e.Places) == 0:
		case v.Busy(e.Peer):
			if v.Fresh(e.Peer) {
				n.serve(e)
			}
		case !p.due(e, v.Now, n):
		case e.Kept:
			named = append(named, candidate{e, 0, v.Rnd()})
		case e.Tried:
			tried = append(tried, candidate{e, 0, v.Rnd()})
		default:
			untried = append(untried, candidate{e, 0, v.Rnd()})
		}
	}
	free := Slots - v.Dialing[0] - v.Dialing[1]
	for _, c := range order(named, byLast, nil)[:min(len(named), max(0, min(free, SlotsEach-v.Dialing[0])))] {
		p.add(c.e)
		n.serve(c.e)
		free--
	}
	nets := v.Nets
	if nets == nil {
		nets = map[Net]int{}
	}
	n.slots = min(free, SlotsEach-v.Dialing[1])
	n.fill(&p, [3][]candidate{order(tried, byLast, nets), order(tried, byFirst, nets), order(untried, byLast, nets)})
	return p
}

// due reports whether a peer may be dialed now, and else takes note of when.
func (p *Plan) due(e *Entry, now time.Time, n *needs) bool {
	if wait := e.Next.Sub(now); wait <= 0 || wait > BackoffCap { // the clock was put back
		return true
	}
	if (e.Kept || n.wanted(e)) && (p.Next.IsZero() || e.Next.Before(p.Next)) {
		p.Next = e.Next
	}
	return false
}

// inOrder returns the peers by their ids: what is drawn by chance for each does not
// depend on the order in which a map yields them.
func (b *Book) inOrder() []*Entry {
	return slices.SortedFunc(maps.Values(b.peers), byID)
}

func byID(x, y *Entry) int { return bytes.Compare(x.Peer[:], y.Peer[:]) }

func (p *Plan) add(e *Entry) {
	p.Dial = append(p.Dial, Dial{Target: e.Places[0].target(e.Peer), Named: e.Kept, Try: TryTime(e.Places[0].failed)})
}

// needs is what the topics of a node need.
type needs struct {
	v     View
	links map[digest.Hash]int // of topics, with those that are planned
	slots int
}

func (n *needs) of(t digest.Hash) int {
	have, known := n.links[t]
	if !known {
		have = n.v.Links(t)
		n.links[t] = have
	}
	return have
}

// each calls f for each topic of ours that a peer shares, or was told of in.
func (n *needs) each(e *Entry, f func(t digest.Hash, links int)) {
	for _, all := range [][]digest.Hash{e.Topics, e.Claimed} {
		for _, t := range all {
			if have := n.of(t); have >= 0 {
				f(t, have)
			}
		}
	}
}

// serve counts a peer as a link of its topics.
func (n *needs) serve(e *Entry) {
	n.each(e, func(t digest.Hash, links int) { n.links[t] = links + 1 })
}

// fewest is how many links the topic has that needs the peer most.
func (n *needs) fewest(e *Entry) int {
	least := MaxLinks // of one whose topics are not known
	n.each(e, func(_ digest.Hash, links int) { least = min(least, links) })
	return least
}

func (n *needs) wanted(e *Entry) bool {
	named, others := n.v.Outgoing[0], n.v.Outgoing[1]
	return named+others < Links || others < MaxLinks && n.fewest(e) == 0
}

// fill plans others: one for each topic without a link, then those that are
// needed most. It takes one in turn of those that were there last, of those that
// are known longest, and of those that were only told of: an attacker may be all
// of the first and the last, and none of them waits for all of the others.
func (n *needs) fill(p *Plan, turns [3][]candidate) {
	named, others := n.v.Outgoing[0], n.v.Outgoing[1]
	taken := map[*Entry]bool{}
	for turn := 0; n.slots > 0 && others < MaxLinks; turn++ {
		most := MaxLinks // links that a topic may have which somebody is dialed for
		if named+others >= Links {
			most = 0
		}
		var e *Entry
		for i := 0; i < len(turns) && e == nil; i++ {
			e = n.neediest(turns[(turn+i)%len(turns)], taken, most)
		}
		if e == nil {
			return
		}
		taken[e] = true
		p.add(e)
		n.serve(e)
		others, n.slots = others+1, n.slots-1
	}
}

// neediest returns the first of the peers whose topics have the fewest links,
// unless they have more than most.
func (n *needs) neediest(from []candidate, taken map[*Entry]bool, most int) (best *Entry) {
	least := most + 1
	for _, c := range from {
		if taken[c.e] {
			continue
		}
		if links := n.fewest(c.e); links < least {
			best, least = c.e, links
		}
		if least == 0 {
			break
		}
	}
	return best
}

// A candidate may be dialed now.
type candidate struct {
	e    *Entry
	rank int // of its net: peers of it that come before, and connections to it
	rnd  float64
}

// An ordering says which of two peers of one rank comes first.
type ordering func(x, y *Entry) int

// byLast puts fewer failures before more, so that each peer gets its first try
// before any gets a second one.
func byLast(x, y *Entry) int {
	return cmp.Or(cmp.Compare(x.Failures, y.Failures), y.last().Compare(x.last()))
}

func byFirst(x, y *Entry) int { return x.First.Compare(y.First) }

// order sorts peers: from each net one, then another, so that a net with many
// peers is not dialed alone. Nets do not matter if they are nil.
func order(all []candidate, by ordering, nets map[Net]int) []candidate {
	all = slices.Clone(all)
	compare := func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), by(x.e, y.e), cmp.Compare(x.rnd, y.rnd))
	}
	slices.SortFunc(all, compare)
	if nets == nil {
		return all
	}
	before := maps.Clone(nets)
	for i := range all {
		net := all[i].e.net()
		all[i].rank = before[net]
		before[net]++
	}
	slices.SortFunc(all, compare)
	return all
}
