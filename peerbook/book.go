// SPDX-License-Identifier: MPL-2.0

// Package peerbook is a node's address book: which peers there are, where they
// were found, and when each may be dialed again. It has no network, no clock
// and no disk: times and randomness are handed in, and rows are handed out
// (row.go). docs/architecture.md, "Peers", says how a node uses it.
//
// A place is a hint until a connection proved that the peer is there. Only
// proven places of peers that chose to be found are told to others.
//
// Start with Book. Not safe for use by several goroutines at once.
package peerbook

import (
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// Bounds of a book.
const (
	MaxPeers     = 1024 // peers in it
	MaxPlaces    = 4    // places of one peer
	MaxPerSource = 64   // peers that one peer told of and nobody proved
	MaxTopics    = 64   // topics remembered of one peer
	MaxKept      = 256  // peers that a person wants connected
	MaxErrText   = 200  // bytes of a last error
)

// Pauses before a peer is dialed again.
const (
	BackoffBase = 200 * time.Millisecond
	BackoffCap  = 5 * time.Minute
	HerePause   = 10 * time.Second // after trouble on this side, which no peer is to blame for
	Steady      = 5 * time.Second  // a session that lasted as long was no failure

	shortFailures = 3 // what a session that did not last counts as
	maxTries      = 5 // of a place that was never proven
)

// An Entry is what is known of one peer.
type Entry struct {
	Peer   identity.PeerID
	Places []Place       // at most MaxPlaces, the one to dial next first
	Topics []digest.Hash // that it proved to share with us
	Kept   bool          // a person wants it connected; not stored
	Seen   time.Time     // when a session with it last began or ended

	Failures  int // in a row
	LastError string
	Next      time.Time // not to be dialed before
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
	c.Places, c.Topics = slices.Clone(e.Places), slices.Clone(e.Topics)
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
	if e == nil || !e.Kept {
		if b.kept() >= MaxKept || e == nil && !b.room() {
			return false
		}
	}
	e = b.entry(a.Peer)
	e.Kept, e.Next, e.Failures = true, time.Time{}, 0
	e.place(Place{Host: a.Host}, true)
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

// Forget drops a peer.
func (b *Book) Forget(p identity.PeerID) {
	if b.peers[p] != nil {
		delete(b.peers, p)
		b.changed[p] = true
		b.version++
	}
}

// Told takes in an address that source speaks of, its own or another peer's.
// It reports whether that is news. An address is only a hint: nothing is told
// on before a connection proved it.
func (b *Book) Told(a identity.Address, source identity.PeerID) bool {
	if a.Peer == b.self {
		return false
	}
	own := a.Peer == source
	e := b.peers[a.Peer]
	if e == nil {
		if !own && b.toldBy(source) >= MaxPerSource || !b.room() {
			return false
		}
		e = b.entry(a.Peer)
	}
	news := e.place(Place{Host: a.Host, Source: source, Public: own}, own)
	if news && e.proven() {
		b.changed[a.Peer] = true
		b.version++
	}
	return news
}

// toldBy counts the peers that nobody proved and source spoke of first.
func (b *Book) toldBy(source identity.PeerID) (n int) {
	for _, e := range b.peers {
		if !e.proven() && !e.Kept && len(e.Places) > 0 && e.Places[0].Source == source {
			n++
		}
	}
	return n
}

func (e *Entry) proven() bool {
	return slices.ContainsFunc(e.Places, func(p Place) bool { return !p.Proven.IsZero() })
}

// place adds a place, or what is new of one. Where there are too many, one
// that was never proven gives way; first puts it in front.
func (e *Entry) place(p Place, first bool) bool {
	for i := range e.Places {
		if old := &e.Places[i]; old.Host == p.Host {
			news := p.Public && !old.Public
			old.Public = old.Public || p.Public
			return news
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

// shed drops the place that is worth least: one that was never proven, or,
// where it must be, the one proven longest ago.
func (e *Entry) shed(must bool) bool {
	worst := 0
	for i, p := range e.Places {
		if p.Proven.Before(e.Places[worst].Proven) {
			worst = i
		}
	}
	if !must && !e.Places[worst].Proven.IsZero() {
		return false
	}
	e.Places = slices.Delete(e.Places, worst, worst+1)
	return true
}

func (b *Book) entry(p identity.PeerID) *Entry {
	e := b.peers[p]
	if e == nil {
		e = &Entry{Peer: p}
		b.peers[p] = e
	}
	return e
}

// room makes room for one more peer: of those that no person wants, one that
// was never proven goes first, then the one seen longest ago.
func (b *Book) room() bool {
	if len(b.peers) < MaxPeers {
		return true
	}
	var worst *Entry
	for _, e := range b.peers {
		if !e.Kept && !e.proven() && (worst == nil || e.Failures > worst.Failures) {
			worst = e
		}
	}
	if worst == nil || worst.Failures == 0 {
		for _, e := range b.peers {
			if !e.Kept && e.proven() && (worst == nil || e.Seen.Before(worst.Seen)) {
				worst = e
			}
		}
	}
	if worst == nil {
		return false
	}
	b.Forget(worst.Peer)
	return true
}
