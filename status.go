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
	Peers     []PeerStatus `json:"peers"`               // connected ones first, then by id
	Missing   []LogMissing `json:"missing"`             // each log once, most first
	Listening []Listening  `json:"listening,omitempty"` // where this store listens
	Unshared  []TopicID    `json:"unshared,omitempty"`  // topics that no connected peer shares, in the order of joining
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
	Peer      PeerID    `json:"id"`
	Address   string    `json:"address"`             // where it is now, or was found
	Carrier   string    `json:"carrier,omitempty"`   // that connects to it, "quic", "tcp", "pipe"; "" if none does
	State     PeerState `json:"state"`               // "greeting", "syncing", "in sync", "dialing", "pausing" or "known"
	Kept      bool      `json:"kept"`                // a person wants it connected
	Dialed    bool      `json:"dialed"`              // this store connected to it
	InSync    bool      `json:"in_sync"`             // both hold the same, and it was heard since
	Topics    int       `json:"topics,omitempty"`    // shared with it
	Unsettled int       `json:"unsettled,omitempty"` // of Topics: not known to be the same on both sides
	More      bool      `json:"more,omitempty"`      // further topics are offered, in turn
	Since     time.Time `json:"since,omitzero"`      // of the session, or when it was last here
	Moved     time.Time `json:"moved,omitzero"`      // when something last moved in it
	Heard     time.Time `json:"heard,omitzero"`      // when it last said something; of one that is not connected, when its last session began or ended
	NextTry   time.Time `json:"next_try,omitzero"`   // not to be dialed before

	PeerTwin time.Time `json:"peer_twin,omitzero"` // when it last was found to be two live copies of one store
	OwnTwin  time.Time `json:"own_twin,omitzero"`  // when it last said that another live copy of this store is connected to it

	Waiting       string       `json:"waiting,omitempty"`      // for what
	LastError     string       `json:"last_error,omitempty"`   // that ended a session, or of dialing; it stays while things go well
	LastErrorAt   time.Time    `json:"last_error_at,omitzero"` // when that was, within a minute; zero if it is not known
	Missing       []LogMissing `json:"missing_logs,omitempty"` // logs it holds more of, at most 64
	EventsMissing uint64       `json:"missing"`                // in all such logs

	BytesIn   uint64  `json:"bytes_in"` // of this session, with all that it carried
	BytesOut  uint64  `json:"bytes_out"`
	RateIn    float64 `json:"rate_in"` // bytes a second
	RateOut   float64 `json:"rate_out"`
	EventsIn  uint64  `json:"events_in"` // of this session
	EventsOut uint64  `json:"events_out"`
}

// Connected reports whether there is a session with the peer.
func (p PeerStatus) Connected() bool {
	return p.State == PeerGreeting || p.State == PeerSyncing || p.State == PeerInSync
}

// A LogMissing is a log of which a peer holds more than this store, or of which a
// part was fetched and what is before it is missing.
type LogMissing struct {
	Topic TopicID   `json:"topic"`
	Log   LogID     `json:"log"`
	Held  uint64    `json:"held"`           // events here
	Known uint64    `json:"known"`          // events that the peer holds, or that the author signed
	From  PeerID    `json:"from,omitzero"`  // zero if none is connected that holds more
	Since time.Time `json:"since,omitzero"` // when that was found, if a peer holds more
}

// Events returns how many events are missing.
func (m LogMissing) Events() uint64 { return m.Known - min(m.Held, m.Known) }

// A Listening is a place where this store listens.
type Listening struct {
	Address Address `json:"address"`
	Trouble string  `json:"trouble,omitempty"` // why nobody reaches it there at the moment, or ""
}

// A SyncEvent is something that happened between this store and a peer.
type SyncEvent struct {
	Time    time.Time
	Kind    SyncKind
	Peer    PeerID
	Address string
	Topic   TopicID // of SyncAgreed, SyncBehind, SyncCopied and SyncRoster
	Log     LogID   // of SyncCopied and SyncRoster
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
	SyncRoster       SyncKind = SyncKind(notices.Roster)       // something is wrong with the roster of Topic; Err is a *RosterFault
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
		if db.st.IsHome(t) {
			continue
		}
		st.Unshared = append(st.Unshared, TopicID(t))
	}
	return st
}

// told is a time as the API tells it, which can be written as JSON: that ends with the
// year 9999, and a clock that was wrong once may have said more.
func told(t time.Time) time.Time {
	if last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC); t.After(last) {
		return last
	}
	return t.UTC()
}

func peersOf(inner []session.PeerStatus) []PeerStatus {
	all := make([]PeerStatus, len(inner))
	for i, p := range inner {
		all[i] = PeerStatus{
			Peer: PeerID(p.Peer), Address: p.Address, Carrier: p.Carrier, State: PeerState(p.State), Kept: p.Kept, Dialed: p.Dialed,
			Topics: p.Topics, InSync: p.InSync, Unsettled: p.Unsettled, More: p.More, Since: told(p.Since), Moved: told(p.Moved), Heard: told(p.Heard), NextTry: told(p.NextTry),
			PeerTwin: told(p.PeerTwin), OwnTwin: told(p.OwnTwin), Waiting: p.Waiting, LastError: p.LastError, LastErrorAt: told(p.LastErrorAt),
			Missing: missingOf(p.Missing), EventsMissing: p.Events,
			BytesIn: p.BytesIn, BytesOut: p.BytesOut, RateIn: p.RateIn, RateOut: p.RateOut, EventsIn: p.EventsIn, EventsOut: p.EventsOut,
		}
	}
	return all
}

func missingOf(inner []session.LogMissing) []LogMissing {
	all := make([]LogMissing, len(inner))
	for i, m := range inner {
		all[i] = LogMissing{Topic: TopicID(m.Topic), Log: LogID(m.Log), Held: m.Held, Known: m.Known, From: PeerID(m.From), Since: told(m.Since)}
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
