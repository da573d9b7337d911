// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"iter"

	"github.com/xaeroflux/xaeroflux/actors/mesh"
	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/notices"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/identity"
)

// A SyncStatus is where a store stands with its peers: for each peer and each
// log what is missing and since when, what is being waited for, the last error,
// and how fast bytes move.
type SyncStatus = node.SyncStatus

// A PeerStatus is what is known of one peer, connected or not.
type PeerStatus = session.PeerStatus

// A Listening is a place where this store listens, and why nobody reaches it there, if
// nobody does.
type Listening = mesh.Listening

// A LogMissing is a log of which a peer holds more than this store.
type LogMissing = session.LogMissing

// A SyncEvent is something that happened between this store and a peer.
type SyncEvent = notices.Event

// A StallError says that a session was replaced because the peer owed
// something and nothing moved for Options.StallTimeout.
type StallError = session.StallError

// A TwinError says that two copies of one store are open with one peer id: of
// this store, or of a peer's. Only one of them is connected at a time.
type TwinError = session.TwinError

// A SyncKind says what a SyncEvent is about.
type SyncKind = notices.Kind

// The kinds of SyncEvent.
const (
	SyncConnected    = notices.Connected    // a peer shares a topic with us
	SyncDisconnected = notices.Disconnected // its session ended; Err says why
	SyncUnreachable  = notices.Unreachable  // it could not be dialed; Err says why
	SyncUnheard      = notices.Unheard      // nobody reaches this store at Address, where it listens; Err says why,
	SyncListening    = notices.Listening    // and now they do again
	SyncAgreed       = notices.Agreed       // both hold the same events of Topic,
	SyncBehind       = notices.Behind       // and no longer do
	SyncStalled      = notices.Stalled      // a session without progress is replaced; Err is a *StallError
	SyncCopied       = notices.Copied       // Log, of Topic, is of a copy of this store (DB.Copies)
	SyncTwin         = notices.Twin         // Peer says that another live copy of this store is connected to it; Err is a *TwinError
	SyncPeerTwin     = notices.PeerTwin     // Peer is two live copies of one store; Err is a *TwinError
	SyncLost         = notices.Lost         // Lost events were not read in time
)

// SyncStatus returns where this store stands with its peers. It waits for
// nobody: what it says of a busy session is at most a second or so old.
func (db *DB) SyncStatus() SyncStatus { return db.node.SyncStatus() }

// SyncEvents yields what happens between this store and its peers from now on,
// until ctx ends or the store is closed, which is the last thing it yields as
// an error. It never holds up a session: a loop that falls 256 events behind
// loses the oldest, and is told how many.
func (db *DB) SyncEvents(ctx context.Context) iter.Seq2[SyncEvent, error] {
	return func(yield func(SyncEvent, error) bool) {
		goOn := true
		db.node.Notices(ctx, func(e SyncEvent) bool {
			goOn = yield(e, nil)
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

// Peers returns the peers that are connected, ordered by id.
func (db *DB) Peers() []PeerStatus { return db.node.Mesh().Peers() }

// Forget drops a peer from the address book and ends the session with it. A
// peer that knows where this store listens may connect again.
func (db *DB) Forget(peer identity.PeerID) { db.node.Mesh().Forget(peer) }
