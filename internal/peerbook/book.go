// SPDX-License-Identifier: MPL-2.0

// Package peerbook is a node's address book: which peers there are, where they
// were found, and when each may be dialed again. It has no network, no clock
// and no disk: times and randomness are handed in, and rows are handed out
// (row.go). docs/architecture.md, "Peers", says how a node uses it.
//
// A place is a hint until a connection proved that the peer is there. Only
// proven places of peers that chose to be found are told to others.
//
// Start with Book; tables.go says who is remembered, plan.go who is dialed,
// policy.go what may be done with a place, admit.go who may stay connected.
// Not safe for use by several goroutines at once.
package peerbook

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Bounds of what is known of one peer.
const (
	MaxPlaces  = 4   // places
	MaxTopics  = 64  // topics that it proved to share
	MaxErrText = 200 // bytes of a last error

	maxClaimed = 4 // topics in which others told of it
	maxTries   = 5 // of a place that was never proven
)

// An Entry is what is known of one peer.
type Entry struct {
	Peer    identity.PeerID
	Places  []Place       // at most MaxPlaces, the one to dial next first, see schedule
	Topics  []digest.Hash // that it proved to share with us
	Claimed []digest.Hash // in which others told of it; not stored
	Kept    bool          // a person wants it connected; not stored
	Tried   bool          // it is in the table of peers that were found once (tables.go)
	First   time.Time     // the day on which it was found first
	Seen    time.Time     // when a session with it last began or ended

	Failures  int // in a row
	LastError string
	Erred     time.Time // when that was, or when a session ended without
	Next      time.Time // not to be dialed before, see schedule

	Missed bool // LastError is of a place where it was not found, which says nothing while it is connected; not stored

	rest  time.Time // nor at any of its places before
	heard time.Time // when it was first told of; not stored
	from  Net       // of who told first; not stored
}

// A Book is the peers that a node knows.
type Book struct {
	self    identity.PeerID
	peers   map[identity.PeerID]*Entry
	changed map[identity.PeerID]bool // since Changes
	version uint64                   // of what may be told
}

// New returns the empty book of a node.
func New(self identity.PeerID) *Book {
	return &Book{self: self, peers: map[identity.PeerID]*Entry{}, changed: map[identity.PeerID]bool{}}
}

// Len returns the number of peers.
func (b *Book) Len() int { return len(b.peers) }

// Get returns a copy of what is known of a peer.
func (b *Book) Get(p identity.PeerID) (Entry, bool) {
	e := b.peers[p]
	if e == nil {
		return Entry{}, false
	}
	return e.clone(), true
}

func (e *Entry) clone() Entry {
	c := *e
	c.Places, c.Topics, c.Claimed = slices.Clone(e.Places), slices.Clone(e.Topics), slices.Clone(e.Claimed)
	return c
}

// All yields a copy of each entry, in no order.
func (b *Book) All(yield func(Entry) bool) {
	for _, e := range b.peers {
		if !yield(e.clone()) {
			return
		}
	}
}

// Keep takes in the address of a peer that a person wants connected. False
// says that there are too many.
func (b *Book) Keep(a identity.Address) bool {
	if a.Peer == b.self {
		return true
	}
	e := b.peers[a.Peer]
	if (e == nil || !e.Kept) && b.kept() >= MaxKept {
		return false
	}
	if e == nil {
		e = &Entry{Peer: a.Peer}
		b.peers[a.Peer] = e
	}
	e.Kept, e.rest, e.Failures = true, time.Time{}, 0
	e.place(Place{Host: a.Host}.withNet(), true)
	for i := range e.Places {
		if e.Places[i].Host == a.Host {
			e.Places[i].rehabilitate()
		}
	}
	e.schedule()
	return true
}

func (b *Book) kept() (n int) {
	for _, e := range b.peers {
		if e.Kept {
			n++
		}
	}
	return n
}

// Meet says which peer was found at an address that named none.
func (b *Book) Meet(host string, p identity.PeerID) {
	if e := b.peers[identity.PeerID{}]; e != nil {
		e.Places = slices.DeleteFunc(e.Places, func(x Place) bool { return x.Host == host })
		if len(e.Places) == 0 {
			b.Forget(e.Peer)
		}
	}
	b.Keep(identity.Address{Peer: p, Host: host})
}

// Forget drops a peer.
func (b *Book) Forget(p identity.PeerID) {
	if b.peers[p] != nil {
		delete(b.peers, p)
		b.changed[p] = true
		b.version++
	}
}

// A Telling is who told of a peer, over what, and in which topic.
type Telling struct {
	Source identity.PeerID
	Host   string // where the source is: its net bounds what it may fill in
	Via    Scope  // of the connection to it
	Topic  digest.Hash
}

// Told takes in an address that a peer speaks of, its own or another peer's.
// It reports whether that is news. An address is only a hint: nothing is told
// on before a connection proved it.
func (b *Book) Told(a identity.Address, by Telling, now time.Time) bool {
	if ip, ok := IPOf(a.Host); a.Peer == b.self || ok && !MayDial(OfPeer, by.Via, ScopeOf(ip)) {
		return false
	}
	own := a.Peer == by.Source
	p := Place{Host: a.Host, Source: by.Source, Via: by.Via, Public: own}.withNet()
	e := b.peers[a.Peer]
	if e == nil {
		e = &Entry{Peer: a.Peer, Claimed: []digest.Hash{by.Topic}, heard: now, from: NetOf(by.Host), Places: []Place{p}}
		return b.admitNew(e, now)
	}
	if !slices.Contains(e.Claimed, by.Topic) && len(e.Claimed) < maxClaimed {
		e.Claimed = append(e.Claimed, by.Topic)
	}
	if !own {
		p.next = now // behind those whose turn came before
	}
	news := e.place(p, own)
	e.schedule()
	if news && e.proven() {
		b.changed[a.Peer] = true
		b.version++
	}
	return news
}

func (e *Entry) proven() bool { return slices.ContainsFunc(e.Places, Place.MayKeep) }

// place adds a place, or what is new of one. If there are too many, one
// that was never proven gives way; first puts it in front.
func (e *Entry) place(p Place, first bool) bool {
	for i := range e.Places {
		if old := &e.Places[i]; old.Host == p.Host {
			return old.again(p)
		}
	}
	if len(e.Places) >= MaxPlaces && !e.shed(first) {
		return false
	}
	if first {
		e.Places = slices.Insert(e.Places, 0, p)
	} else {
		e.Places = append(e.Places, p)
	}
	return true
}

// again takes note that a place was told once more, by somebody who may be
// believed more.
func (p *Place) again(told Place) (news bool) {
	news = told.Public && !p.Public
	p.Public = p.Public || told.Public
	switch {
	case told.Source == identity.PeerID{}: // a person
		p.Source = told.Source
	case p.Via == Nowhere || told.Via != Nowhere && told.Via < p.Via:
		p.Via = told.Via
	}
	return news
}

// shed drops the place that is worth least: one that was never proven, or, if it must
// be, the one proven longest ago. One that a person named goes last of all: no hint puts it
// aside, of which a member can make as many as it likes.
func (e *Entry) shed(must bool) bool {
	worst := 0
	for i, p := range e.Places {
		if e.worth(p, e.Places[worst]) <= 0 { // of two, the one that is dialed later
			worst = i
		}
	}
	if w := e.Places[worst]; !must && (w.MayKeep() || e.named(w)) {
		return false
	}
	e.Places = slices.Delete(e.Places, worst, worst+1)
	return true
}

// worth compares two places.
func (e *Entry) worth(p, q Place) int {
	if e.named(p) != e.named(q) {
		if e.named(p) {
			return 1
		}
		return -1
	}
	return p.Proven.Compare(q.Proven)
}

// named reports whether a person said that the peer is there.
func (e *Entry) named(p Place) bool { return e.Kept && p.Origin(e.Peer) == OfPerson }

// last is when the peer was last there.
func (e *Entry) last() time.Time {
	last := e.Seen
	for _, p := range e.Places {
		if p.Proven.After(last) {
			last = p.Proven
		}
	}
	return last
}

// net is where the peer was found last, or is looked for first.
func (e *Entry) net() (n Net) {
	var last time.Time
	for i, p := range e.Places {
		if i == 0 || p.Proven.After(last) {
			n, last = p.net, p.Proven
		}
	}
	return n
}

// topic is the one that the peer counts for: the first one that it shares, or in
// which it was told of.
func (e *Entry) topic() (t digest.Hash) {
	for _, all := range [][]digest.Hash{e.Topics, e.Claimed} {
		if len(all) > 0 {
			return all[0]
		}
	}
	return t
}
