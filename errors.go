// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/actors/swarm"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/backup"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Each error that a method returns says what happened and, if there is one, the next
// step. errors.Is finds those below in it, errors.As the types of errortypes.go; each
// method's comment names those that it is worth to tell apart.

// Errors of opening a store, and of its options.
var (
	// ErrOptions is returned by Open for options out of range.
	ErrOptions = errors.New("invalid options")
	// ErrNoStore is returned by Open with MustExist if there is no store.
	ErrNoStore = store.ErrNoStore
	// ErrExists is returned by Open with MustCreate for a directory that holds a
	// store already.
	ErrExists = store.ErrExists
	// ErrInUse is returned by Open for a store that is open already, in this
	// process or another.
	ErrInUse = durable.ErrLocked
	// ErrFormat is returned by Open for a store of another version.
	ErrFormat = store.ErrFormat
	// ErrIdentity is returned by Open for a store with another store's
	// identity.key.
	ErrIdentity = store.ErrIdentity
	// ErrPassphrase is returned for a store whose identity.key has a passphrase, if none
	// is given or another one.
	ErrPassphrase = identity.ErrPassphrase
	// ErrClear is returned by SetPassphrase while secrets of the store lie in the clear,
	// from the time of an earlier version: the error says where, and what to do.
	ErrClear = store.ErrClear
	// ErrRemains is returned by Open for a directory that holds parts of a store
	// without its FORMAT: nothing is created over them.
	ErrRemains = store.ErrRemains
	// ErrOlder is what Open returns if aof/ is of an earlier time than the other files
	// of the store. Nothing was changed: put back the newer one.
	ErrOlder = store.ErrOlder
	// ErrIsBackup is returned by Open for a directory that holds a backup.
	ErrIsBackup = backup.ErrIsBackup
)

// Errors that any method may return.
var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = pipeline.ErrClosed
	// ErrReadOnly is returned for writes after one failed, and with
	// Options.ReadOnly; reads go on. DB.ReadOnly says why.
	ErrReadOnly = store.ErrReadOnly
	// ErrChanged is why a store is read-only if a file or directory of it was
	// removed, or replaced by another, while it was open. Acknowledged events
	// are read from what is held; the error says what happened and what to do.
	ErrChanged = durable.ErrChanged
	// ErrCorrupt says that bytes of a store or a backup are not what was written
	// there. Check says what is wrong and where.
	ErrCorrupt = corrupt.Err
)

// Errors of appending.
var (
	// ErrExpect is returned for an append under Expect to a log of another size:
	// an *ExpectError says which.
	ErrExpect = store.ErrExpect
	// ErrUncertain is returned for an append whose events may be stored: an
	// *UncertainError says how to find out.
	ErrUncertain = pipeline.ErrUncertain
	// ErrTooLarge is returned for an event or a batch over its limit.
	ErrTooLarge = event.ErrTooLarge
	// ErrReserved is returned for an event whose type begins with "xf/".
	ErrReserved = event.ErrReserved
	// ErrRefs is returned for an event with refs that no peer would take.
	ErrRefs = event.ErrRefs
	// ErrQuota is returned for appends that a bound of Options.Quota leaves no
	// room for, and by Sync if it left logs of the peer alone.
	ErrQuota = pipeline.ErrQuota
	// ErrFrozen is returned for appends to a log that is forked: two heads of it
	// were signed that cannot both be true. For the own log that means that two
	// copies of this store were in use; a new store has to be made.
	ErrFrozen = store.ErrFrozen
	// ErrLogClosed is returned for appends to a log of this store in which a record
	// breaks a rule of the topic. The records before it can be read.
	ErrLogClosed = store.ErrClosed
	// ErrCut is returned for appends to a log that the topic's roster ended: ask those
	// who keep the roster, or go on in another topic.
	ErrCut = store.ErrCut
	// ErrLeft is returned for appends to a topic that this store left.
	ErrLeft = store.ErrLeft
	// ErrStale is returned for appends when a peer turned out to hold newer
	// events of this store's own log: the store is an older copy of itself.
	ErrStale = pipeline.ErrStale
	// ErrRestored is returned for appends to a store that was restored from a backup
	// and adopted, until it has agreed with a peer: a *RestoredError says of when the
	// backup is. Options.Alone is for one that no peer knows more of.
	ErrRestored = pipeline.ErrRestored
	// ErrLog is why one log takes nothing more while the store goes on: a *LogError
	// says what of its files is lost, damaged or may not be written.
	ErrLog = pipeline.ErrLog
)

// Errors of reading and proving.
var (
	// ErrUnknownLog and ErrUnknownTopic are returned for ids this store does
	// not hold.
	ErrUnknownLog   = store.ErrUnknownLog
	ErrUnknownTopic = store.ErrUnknownTopic
	// ErrRange is returned for a sequence or size past the end of a log.
	ErrRange = store.ErrRange
	// ErrNotHeld is returned for an event that is in a log and not held here: a
	// *GapError says what is missing around it. Fetch brings it.
	ErrNotHeld = store.ErrNotHeld
	// ErrStop is what the function of a Process returns to end it.
	ErrStop = errors.New("stop")
	// ErrWitnesses is returned if fewer witnesses cosigned a head than wanted.
	ErrWitnesses = proof.ErrWitnesses
)

// Errors of meeting peers.
var (
	// ErrInvite is returned for an invite that cannot be read.
	ErrInvite = identity.ErrInvite
	// ErrAddress is returned for an address that cannot be read, and for an invite that
	// names none.
	ErrAddress = identity.ErrAddress
	// ErrNoPeer is returned by Fetch if there is no peer to ask.
	ErrNoPeer = swarm.ErrNoPeer
	// ErrNotConnected is returned for a call to a peer that is not connected.
	ErrNotConnected = node.ErrNotConnected
	// ErrPeerFull is returned by Sync if the peer has no room for all of it.
	ErrPeerFull = session.ErrPeerFull
	// ErrUnsettled is returned by Sync if the two stores hold different branches of a log
	// that its author forked, or of a roster, and nothing that they hold decides.
	ErrUnsettled = session.ErrUnsettled
	// ErrNoKeys is returned by Sync if one of the two stores lacks the newest key of a
	// topic, and nothing that either holds leads to it.
	ErrNoKeys = session.ErrNoKeys
	// ErrNotTaken is returned by Sync if one of the two stores does not take, or bring,
	// what the other lacks, again and again. It wraps why, as far as that is known here.
	ErrNotTaken = session.ErrNotTaken
	// ErrTooMany is returned if more logs are to be followed by name than a
	// session can say.
	ErrTooMany = store.ErrTooMany
	// ErrOwnLog is returned by Fetch for a log that this store appends to.
	ErrOwnLog = swarm.ErrOwnLog
)

// Errors of capabilities.
var (
	// ErrCapability is returned for a name that cannot be registered: empty, over 32
	// bytes, or the protocol's own.
	ErrCapability = doors.ErrName
	// ErrRegistered is returned for a name that is registered already.
	ErrRegistered = doors.ErrRegistered
	// ErrCallLimit is what reading or writing a Call returns beyond its bytes.
	ErrCallLimit = doors.ErrLimit
	// ErrHandler is returned by Close for a Serve or Heard that did not return in half of
	// Options.CloseTimeout, and was left behind.
	ErrHandler = doors.ErrBusy
)

// Errors of backups.
var (
	// ErrNoBackup is returned for a directory that holds no backup.
	ErrNoBackup = backup.ErrNone
	// ErrBackupManifest is returned for a backup whose manifest is damaged, or of
	// another version. It is an ErrCorrupt too.
	ErrBackupManifest = backup.ErrManifest
	// ErrBackupDamaged is returned for a backup that is not what was written. It is
	// an ErrCorrupt too.
	ErrBackupDamaged = backup.ErrDamaged
	// ErrBackupTarget is returned for a directory that a backup cannot be written
	// to, or restored to.
	ErrBackupTarget = backup.ErrTarget
	// ErrIsArchive is returned for a file, an archive say, where the directory of a
	// backup is wanted.
	ErrIsArchive = backup.ErrArchive
)
