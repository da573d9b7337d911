// SPDX-License-Identifier: MPL-2.0

package peerbook

import (
	"cmp"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Peers that are remembered. Identities cost nothing, so a bound for each peer is none:
// what counts is the net that a peer, or who told of it, is in, and the topic.
// As in Bitcoin's address manager (src/addrman.h; Heilman, Kendler, Zohar,
// Goldberg, "Eclipse Attacks on Bitcoin's Peer-to-Peer Network", USENIX Security
// 2015) peers that a connection found once and peers that were only told of are
// in two tables, and a part of the network fills no more than its share of one.
// The shares are counted, not drawn by a hash, so that they can be promised.
//
//	table  peers        of one net  told by one net  of one topic  who gives way at a bound
//	named  MaxKept                                                 nobody: Keep says so
//	tried  MaxTried     1/8                          3/4           who was last there over ForgetAfter ago, else nobody
//	new    MaxNew       1/8         1/8              3/4           who was tried in vain or heard of HintAge ago, else
//	                                                               nobody; in a full table also one of the net that
//	                                                               told of most, to one of whom fewer were told
//
// A peer that finds no room among the tried stays among the new ones, and is not
// stored. Nothing that happens to a peer of the first two tables, however often,
// makes it forgotten.
const (
	MaxKept  = 256
	MaxTried = 1024
	MaxNew   = 512

	netShare                    = 8
	topicShareOf, topicShareAll = 3, 4

	ForgetAfter = 30 * 24 * time.Hour
	HintAge     = 24 * time.Hour
	LongAgo     = 48 * time.Hour // since the day on which a long proven peer was found first
)

// A bucket is a part of a table that has a bound of its own.
type bucket struct {
	bound int
	has   func(*Entry) bool
}

func everyone(*Entry) bool { return true }

func ofNet(n Net) func(*Entry) bool { return func(e *Entry) bool { return e.net() == n } }

func toldBy(n Net) func(*Entry) bool { return func(e *Entry) bool { return e.from == n } }

func ofTopic(t digest.Hash) func(*Entry) bool { return func(e *Entry) bool { return e.topic() == t } }

// admitNew takes a peer that was told of into the table of new ones, if there is
// room or somebody makes room.
func (b *Book) admitNew(e *Entry, now time.Time) bool {
	stale := func(x *Entry) bool { return x.Failures > 0 || now.Sub(x.heard) > HintAge }
	worse := func(x, y *Entry) bool {
		return x.Failures > y.Failures || x.Failures == y.Failures && x.heard.Before(y.heard)
	}
	buckets := []bucket{
		{MaxNew / netShare, toldBy(e.from)}, {MaxNew / netShare, ofNet(e.net())},
		{MaxNew * topicShareOf / topicShareAll, ofTopic(e.topic())}, {MaxNew, everyone},
	}
	for _, k := range buckets {
		victim, full := b.victim(k, isNew, stale, worse)
		if full && victim == nil && k.bound == MaxNew {
			victim = b.ofTheLoudest(e.from)
		}
		if full && victim == nil {
			return false
		}
		if full {
			b.Forget(victim.Peer)
		}
	}
	b.peers[e.Peer] = e
	return true
}

func isNew(e *Entry) bool   { return !e.Kept && !e.Tried }
func isTried(e *Entry) bool { return !e.Kept && e.Tried }

// victim reports whether a bucket of a table is full, and who of it gives way:
// the worst of those that may.
func (b *Book) victim(k bucket, table, may func(*Entry) bool, worse func(x, y *Entry) bool) (victim *Entry, full bool) {
	n := 0
	for _, e := range b.peers {
		if !table(e) || !k.has(e) {
			continue
		}
		n++
		if may(e) && (victim == nil || worse(e, victim) || !worse(victim, e) && byID(e, victim) < 0) {
			victim = e
		}
	}
	return victim, n >= k.bound
}

// ofTheLoudest returns one of the new peers that the net told of which told of
// most, unless those of by are as many.
func (b *Book) ofTheLoudest(by Net) (victim *Entry) {
	count := map[Net]int{}
	for _, e := range b.peers {
		if isNew(e) {
			count[e.from]++
		}
	}
	louder := func(x, y *Entry) int {
		return cmp.Or(cmp.Compare(count[x.from], count[y.from]), x.heard.Compare(y.heard), byID(y, x))
	}
	for _, e := range b.peers {
		if isNew(e) && count[e.from] > count[by]+1 && (victim == nil || louder(e, victim) > 0) {
			victim = e
		}
	}
	return victim
}

// admitTried takes a peer that was found into the table of those, if there is
// room or somebody was not there for long. It reports whether the peer is in it.
func (b *Book) admitTried(e *Entry, now time.Time) bool {
	if e.Tried {
		return true
	}
	gone := func(x *Entry) bool { return now.Sub(x.last()) > ForgetAfter }
	longer := func(x, y *Entry) bool { return x.last().Before(y.last()) }
	buckets := []bucket{
		{MaxTried / netShare, ofNet(e.net())}, {MaxTried * topicShareOf / topicShareAll, ofTopic(e.topic())}, {MaxTried, everyone},
	}
	for _, k := range buckets {
		victim, full := b.victim(k, isTried, gone, longer)
		switch {
		case e.Kept, !full:
		case victim == nil:
			return false
		default:
			b.Forget(victim.Peer)
		}
	}
	e.Tried, e.First = true, dayAt(dayOf(now))
	return true
}

// LongProven reports whether a peer was found at least a day ago for the first
// time, and is remembered since.
func (b *Book) LongProven(p identity.PeerID, now time.Time) bool {
	e := b.peers[p]
	return e != nil && e.Tried && now.Sub(e.First) >= LongAgo
}

// Named reports whether a person wants a peer connected.
func (b *Book) Named(p identity.PeerID) bool { return b.peers[p] != nil && b.peers[p].Kept }
