// SPDX-License-Identifier: MPL-2.0

// Package xaeroflux is an append-only event store without a server in the
// middle. Open a directory as you would an embedded database, append events,
// read them back; every device that shares a topic converges on the same
// events, each proven by a Merkle tree its author signed.
//
//	db, err := xaeroflux.Open("notes.xf", nil)
//	defer db.Close()
//	r, err := db.Append(ctx, xaeroflux.Event{Type: "note", Payload: []byte("hello")})
//	for rec, err := range db.Events(ctx, xaeroflux.Query{}) { … }
//	head := db.Head()
//	p, err := db.Prove(ctx, r.Seq, head.Size)
//	err = xaeroflux.Verify(rec, p, head)
//
// A topic is a set of logs that are shared together. Each device appends to a
// log of its own in it and replicates everybody else's. Share a topic with
// Invite and Join, connect with Listen and Connect, or give Options.Listen and
// Options.Peers and forget about it.
//
// All methods are safe for use by many goroutines. How it is made:
// docs/architecture.md; the files: docs/format.md; the protocol: docs/xsp.md.
package xaeroflux

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Errors that callers may want to tell apart. Each comes wrapped in what
// happened and, where there is one, the next step.
var (
	// ErrOptions is returned by Open for options out of range.
	ErrOptions = errors.New("invalid options")
	// ErrNoStore is returned by Open with MustExist if there is no store.
	ErrNoStore = store.ErrNoStore
	// ErrInUse is returned by Open for a store that is open already, in this
	// process or another.
	ErrInUse = durable.ErrLocked
	// ErrExists is returned by Open with MustCreate for a directory that holds a
	// store already.
	ErrExists = store.ErrExists
	// ErrLog is why one log takes nothing more while the store goes on: a *LogError
	// says what of its files is lost, damaged or may not be written.
	ErrLog = pipeline.ErrLog
	// ErrChanged is why a store is read-only if a file or directory of it was
	// removed, or replaced by another, while it was open. What was acknowledged
	// is read from what is held; the error says what happened and what to do.
	ErrChanged = durable.ErrChanged
	// ErrRemains is returned by Open for a directory that holds parts of a store
	// without its FORMAT: nothing is created over them.
	ErrRemains = store.ErrRemains
	// ErrIdentity is returned by Open for a store with another store's
	// identity.key.
	ErrIdentity = store.ErrIdentity
	// ErrFormat is returned by Open for a store of another version.
	ErrFormat = store.ErrFormat
	// ErrClosed is returned by every method after Close.
	ErrClosed = pipeline.ErrClosed
	// ErrReadOnly is returned for writes after one failed, and with
	// Options.ReadOnly; reads go on. DB.ReadOnly says why.
	ErrReadOnly = store.ErrReadOnly
	// ErrStale is returned for appends when a peer turned out to hold newer
	// events of this store's own log: the store is an older copy of itself.
	ErrStale = pipeline.ErrStale
	// ErrRestored is returned for appends to a store that was restored from a backup
	// and adopted, until it has agreed with a peer: a *RestoredError says of when the
	// backup is. Options.Alone is for one that no peer knows more of.
	ErrRestored = pipeline.ErrRestored
	// ErrUncertain is returned for an append whose events may be stored: an
	// *UncertainError says how to find out.
	ErrUncertain = pipeline.ErrUncertain
	// ErrExpect is returned for an append under Expect to a log of another size:
	// an *ExpectError says which.
	ErrExpect = store.ErrExpect
	// ErrQuota is returned for appends that a bound of Options.Quota leaves no
	// room for, and by Sync where it left logs of the peer alone.
	ErrQuota = pipeline.ErrQuota
	// ErrFrozen is returned for appends to a log that is forked: two heads of it
	// were signed that cannot both be true. For the own log that means that two
	// copies of this store were in use; a new store has to be made.
	ErrFrozen = store.ErrFrozen
	// ErrLogClosed is returned for appends to a log of this store in which a record
	// breaks a rule of the topic. What is before it can be read.
	ErrLogClosed = store.ErrClosed
	// ErrReserved is returned for an event whose type begins with "xf/".
	ErrReserved = event.ErrReserved
	// ErrRefs is returned for an event with refs that no peer would take.
	ErrRefs = event.ErrRefs
	// ErrTooLarge is returned for an event or a batch over its limit.
	ErrTooLarge = event.ErrTooLarge
	// ErrUnknownLog and ErrUnknownTopic are returned for ids this store does
	// not hold.
	ErrUnknownLog   = store.ErrUnknownLog
	ErrUnknownTopic = store.ErrUnknownTopic
	// ErrLeftAlone is returned by Sync where the peer has no room for all of it.
	ErrLeftAlone = session.ErrLeftAlone
	// ErrTooMany is returned where more logs are to be followed by name than a
	// session can say.
	ErrTooMany = store.ErrTooMany
	// ErrRange is returned for a sequence or size past the end of a log.
	ErrRange = store.ErrRange
	// ErrCorrupt is what every error is that IsCorrupt tells.
	ErrCorrupt = corrupt.Err
	// ErrAddress is returned for an address that cannot be read, and for an invite that
	// names none.
	ErrAddress = identity.ErrAddress
	// ErrInvite is returned for an invite that cannot be read.
	ErrInvite = identity.ErrInvite
)

// An UnfinishedError says that what was to become a store was cut off before it was
// one, and what completes it. It is an ErrNoStore.
type UnfinishedError = store.UnfinishedError

// A LogError says why one log takes nothing more while the store goes on.
type LogError = pipeline.LogError

// IsCorrupt reports whether err says that bytes on disk are not what was
// written there. Run `xaeroflux check` to see what is wrong and where.
func IsCorrupt(err error) bool { return errors.Is(err, ErrCorrupt) }
