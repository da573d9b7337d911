// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"iter"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
)

// A SyncStatus is where a store stands with its peers: for each peer and each
// log what is missing and since when, what is being waited for, the last error,
// and how fast bytes move.
type SyncStatus struct {
	Peers     []PeerStatus // connected ones first, then by id
	Missing   []LogMissing // each log once, most first
	Listening []Listening  // where this store listens
	Unshared  []TopicID    // topics that no connected peer shares, in the order of joining
}

// A PeerState is where a peer stands.
type PeerState string

// The states of a peer.
const (
	PeerGreeting PeerState = session.PeerGreeting // connected, topics are not settled yet
	PeerSyncing  PeerState = session.PeerSyncing  // connected, something is missing on one side
	PeerInSync   PeerState = session.PeerInSync   // connected, both hold the same
	PeerDialing  PeerState = session.PeerDialing
	PeerPausing  PeerState = session.PeerPausing // until it is dialed again
	PeerKnown    PeerState = session.PeerKnown   // remembered; there are links enough, or none are made
)

// A PeerStatus is what is known of one peer, connected or not.
type PeerStatus struct {
	Peer      PeerID
	Address   string // where it is now, or was found
	Carrier   string // that connects to it, "quic", "tcp", "pipe"; "" if none does
	State     PeerState
	Kept      bool // a person wants it connected
	Dialed    bool // this store connected to it
	Topics    int  // shared with it
	InSync    bool
	Unsettled int       // of Topics: not known to be the same on both sides
	More      bool      // further topics are offered, in turn
	Since     time.Time // of the session, or when it was last here
	Moved     time.Time // when something last moved in it
	NextTry   time.Time // not to be dialed before

	PeerTwin time.Time // when it last was found to be two live copies of one store
	OwnTwin  time.Time // when it last said that another live copy of this store is connected to it

	Waiting       string       // for what
	LastError     string       // that ended a session, or of dialing
	Missing       []LogMissing // logs it holds more of, at most 64
	EventsMissing uint64       // in all such logs

	BytesIn, BytesOut   uint64
	RateIn, RateOut     float64 // bytes a second
	EventsIn, EventsOut uint64
}

// Connected reports whether there is a session with the peer.
func (p PeerStatus) Connected() bool {
	return p.State == PeerGreeting || p.State == PeerSyncing || p.State == PeerInSync
}

// A LogMissing is a log of which a peer holds more than this store, or of which a
// part was fetched and what is before it is missing.
type LogMissing struct {
	Topic TopicID
	Log   LogID
	Held  uint64    // events here
	Known uint64    // events that the peer holds, or that the author signed
	From  PeerID    // zero if none is connected that holds more
	Since time.Time // when that was found, if a peer holds more
}

// Events returns how many events are missing.
func (m LogMissing) Events() uint64 { return m.Known - min(m.Held, m.Known) }

// A Listening is a place where this store listens.
type Listening struct {
	Address Address
	Trouble string // why nobody reaches it there at the moment, or ""
}

// A SyncEvent is something that happened between this store and a peer.
type SyncEvent struct {
	Time    time.Time
	Kind    SyncKind
	Peer    PeerID
	Address string
	Topic   TopicID // of SyncAgreed, SyncBehind and SyncCopied
	Log     LogID   // of SyncCopied
	Err     error   // of those that say so
	Lost    int     // of SyncLost: how many
}

// A SyncKind says what a SyncEvent is about.
type SyncKind string

// The kinds of SyncEvent.
const (
	SyncConnected    SyncKind = SyncKind(notices.Connected)    // a peer shares a topic with us
	SyncDisconnected SyncKind = SyncKind(notices.Disconnected) // its session ended; Err says why
	SyncUnreachable  SyncKind = SyncKind(notices.Unreachable)  // it could not be dialed; Err says why
	SyncUnheard      SyncKind = SyncKind(notices.Unheard)      // nobody reaches this store at Address, where it listens; Err says why,
	SyncListening    SyncKind = SyncKind(notices.Listening)    // and now they do again
	SyncAgreed       SyncKind = SyncKind(notices.Agreed)       // both hold the same events of Topic,
	SyncBehind       SyncKind = SyncKind(notices.Behind)       // and no longer do
	SyncStalled      SyncKind = SyncKind(notices.Stalled)      // a session without progress is replaced; Err is a *StallError
	SyncCopied       SyncKind = SyncKind(notices.Copied)       // Log, of Topic, is of a copy of this store (DB.Copies)
	SyncTwin         SyncKind = SyncKind(notices.Twin)         // Peer says that another live copy of this store is connected to it; Err is a *TwinError
	SyncPeerTwin     SyncKind = SyncKind(notices.PeerTwin)     // Peer is two live copies of one store; Err is a *TwinError
	SyncLost         SyncKind = SyncKind(notices.Lost)         // Lost events were not read in time
)

// SyncStatus returns where this store stands with its peers. It waits for
// nobody: what it says of a busy session is at most a second or so old.
func (db *DB) SyncStatus() SyncStatus {
	inner := db.node.SyncStatus()
	st := SyncStatus{Peers: peersOf(inner.Peers), Missing: missingOf(inner.Logs)}
	for _, l := range inner.Listening {
		st.Listening = append(st.Listening, Listening{Address: addressOf(l.Address), Trouble: l.Trouble})
	}
	for _, t := range inner.Unshared {
		st.Unshared = append(st.Unshared, TopicID(t))
	}
	return st
}

func peersOf(inner []session.PeerStatus) (all []PeerStatus) {
	for _, p := range inner {
		all = append(all, PeerStatus{
			Peer: PeerID(p.Peer), Address: p.Address, Carrier: p.Carrier, State: PeerState(p.State), Kept: p.Kept, Dialed: p.Dialed,
			Topics: p.Topics, InSync: p.InSync, Unsettled: p.Unsettled, More: p.More, Since: p.Since, Moved: p.Moved, NextTry: p.NextTry,
			PeerTwin: p.PeerTwin, OwnTwin: p.OwnTwin, Waiting: p.Waiting, LastError: p.LastError,
			Missing: missingOf(p.Missing), EventsMissing: p.Events,
			BytesIn: p.BytesIn, BytesOut: p.BytesOut, RateIn: p.RateIn, RateOut: p.RateOut, EventsIn: p.EventsIn, EventsOut: p.EventsOut,
		})
	}
	return all
}

func missingOf(inner []session.LogMissing) (all []LogMissing) {
	for _, m := range inner {
		all = append(all, LogMissing{Topic: TopicID(m.Topic), Log: LogID(m.Log), Held: m.Held, Known: m.Known, From: PeerID(m.From), Since: m.Since})
	}
	return all
}

// SyncEvents yields what happens between this store and its peers from now on,
// until ctx ends or the store is closed, which is the last thing it yields as
// an error. It never holds up a session: a loop that falls 256 events behind
// loses the oldest, and is told how many.
func (db *DB) SyncEvents(ctx context.Context) iter.Seq2[SyncEvent, error] {
	return func(yield func(SyncEvent, error) bool) {
		goOn := true
		db.node.Notices(ctx, func(e notices.Event) bool {
			goOn = yield(eventOf(e), nil)
			return goOn
		})
		switch {
		case !goOn:
		case ctx.Err() != nil:
			yield(SyncEvent{}, ctx.Err())
		default:
			yield(SyncEvent{}, ErrClosed)
		}
	}
}

func eventOf(e notices.Event) SyncEvent {
	return SyncEvent{Time: e.Time, Kind: SyncKind(e.Kind), Peer: PeerID(e.Peer), Address: e.Address, Topic: TopicID(e.Topic), Log: LogID(e.Log), Err: outward(e.Err), Lost: e.Lost}
}

// Peers returns the peers that are connected, ordered by id.
func (db *DB) Peers() []PeerStatus { return peersOf(db.node.Mesh().Peers()) }

// ForgetPeer drops a peer from the address book and ends the session with it. A
// peer that knows where this store listens may connect again.
func (db *DB) ForgetPeer(peer PeerID) { db.node.Mesh().Forget(identity.PeerID(peer)) }
