// SPDX-License-Identifier: MPL-2.0

package nodeapi

import (
	"errors"
	"net/http"

	"github.com/xaeroflux/xaeroflux"
)

// A Kind is what an error is to whoever reads it: it decides the exit code and
// the next thing to try, and it is what remains of an error's type on the way
// from the node to a command.
type Kind string

// Kinds of errors.
const (
	Failure      Kind = "failure"       // none of the others
	Usage        Kind = "usage"         // what was asked is not well formed
	Proof        Kind = "proof"         // a proof or a signature does not verify
	Corrupt      Kind = "corrupt"       // bytes on disk are not what was written
	BadBackup    Kind = "bad-backup"    // a backup is not what was written
	InUse        Kind = "in-use"        // another process has the store
	NoStore      Kind = "no-store"      // there is none
	Exists       Kind = "exists"        // there is one already
	Format       Kind = "format"        // of another version
	Unknown      Kind = "unknown"       // a log or topic that is not here
	Range        Kind = "range"         // past the end of a log
	NotHeld      Kind = "not-held"      // in a log, and not here
	ReadOnly     Kind = "read-only"     // an earlier write failed
	Frozen       Kind = "frozen"        // the log was forked
	Stale        Kind = "stale"         // the store is an older copy of itself
	NoSpace      Kind = "no-space"      // the disk is full
	Quota        Kind = "quota"         // a bound that was set for the store
	Denied       Kind = "denied"        // the file system says no
	TooLarge     Kind = "too-large"     // over a limit
	Network      Kind = "network"       // a peer, or the way to it
	Alone        Kind = "alone"         // fewer peers are connected than it takes
	Closed       Kind = "closed"        // the node is stopping, or has stopped
	Silent       Kind = "silent"        // the node does not answer
	Busy         Kind = "busy"          // the node has as many callers as it takes
	Interrupt    Kind = "interrupt"     // a signal ended the command
	Forbidden    Kind = "forbidden"     // the roster of a topic does not allow it
	Asked        Kind = "asked"         // its steward has not answered yet
	Unmet        Kind = "unmet"         // this store is the steward, and has met no other member
	Sealed       Kind = "sealed"        // no key of it is here
	Locked       Kind = "locked"        // the store has a passphrase
	Removed      Kind = "removed"       // this store does not belong to the topic any more
	NotOwner     Kind = "not-owner"     // this store does not keep the key of the topic's owner
	NotAsked     Kind = "not-asked"     // the device did not ask to write the roster
	NoRoster     Kind = "no-roster"     // nothing of the topic's roster is here
	NotShared    Kind = "not-shared"    // no topic is shared with the peer any more
	Unsettled    Kind = "unsettled"     // two stores hold branches that contradict each other
	NoKeys       Kind = "no-keys"       // one of two stores lacks the newest key
	NotTaken     Kind = "not-taken"     // one of two stores does not take or bring what the other lacks
	ByWords      Kind = "by-words"      // only the words lead to it
	NotRecovered Kind = "not-recovered" // a recovery is under way
	NoWords      Kind = "no-words"      // there are none yet
	WordsKept    Kind = "words-kept"    // there are some already
	Steward      Kind = "steward"       // this store writes the topic's roster
	OwnerKey     Kind = "owner-key"     // this store keeps the key of the topic's owner

	InviteUsed    Kind = "invite-used"    // this store is not admitted: others used the invite up,
	InviteExpired Kind = "invite-expired" // or its time was over,
	InviteClosed  Kind = "invite-closed"  // or somebody closed it,
	InviteVoid    Kind = "invite-void"    // or the part of the roster is void that knows it

	Exhausted Kind = "exhausted" // descriptors, memory, address space
	Failing   Kind = "failing"   // the device reads or writes with errors
	Changed   Kind = "changed"   // somebody removed or replaced files of an open store
)

// An Error is an error with its kind, as it travels.
type Error struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"`

	// Restart says that the node goes on so until it is started again, even if the
	// cause has gone.
	Restart bool `json:"restart,omitempty"`
}

func (e *Error) Error() string { return e.Text }

// sentinels are the errors that stand for a kind of their own, also at the other end.
var sentinels = map[Kind]error{
	Forbidden: xaeroflux.ErrRole, Asked: xaeroflux.ErrAsked, Unmet: xaeroflux.ErrUnmet, Locked: xaeroflux.ErrPassphrase, Sealed: xaeroflux.ErrSealed,
	Removed: xaeroflux.ErrRemoved, NotOwner: xaeroflux.ErrNotOwner, NotAsked: xaeroflux.ErrNotAsked, NoRoster: xaeroflux.ErrNoRoster, NotShared: xaeroflux.ErrNotShared,
	NoWords: xaeroflux.ErrNoWords, WordsKept: xaeroflux.ErrWordsKept,
	Steward: xaeroflux.ErrSteward, OwnerKey: xaeroflux.ErrOwnerKey,
	Unsettled: xaeroflux.ErrUnsettled, NoKeys: xaeroflux.ErrNoKeys, NotTaken: xaeroflux.ErrNotTaken,
	InviteUsed: xaeroflux.ErrInviteUsed, InviteExpired: xaeroflux.ErrInviteExpired, InviteClosed: xaeroflux.ErrInviteClosed, InviteVoid: xaeroflux.ErrInviteVoid,
	ByWords: xaeroflux.ErrByWords, NotRecovered: xaeroflux.ErrNotRecovered,
}

// Is has errors.Is find what a kind stands for.
func (e *Error) Is(target error) bool {
	s, ok := sentinels[e.Kind]
	return ok && s == target
}

// ErrNoNode is returned by Dial if no node serves the store.
var ErrNoNode = errors.New("no node is running")

// status is the HTTP status that fits a kind; only people with curl look at it.
func (k Kind) status() int {
	switch k {
	case Usage, TooLarge, Range:
		return http.StatusBadRequest
	case Forbidden, Removed, NotOwner, InviteUsed, InviteExpired, InviteClosed, InviteVoid:
		return http.StatusForbidden
	case Unmet, NotAsked, NoRoster, NoWords, WordsKept, Steward, OwnerKey, ByWords, NotRecovered:
		return http.StatusConflict
	case Asked:
		return http.StatusGatewayTimeout
	case Unknown, NoStore, NotHeld, Sealed:
		return http.StatusNotFound
	case InUse, Exists, Frozen:
		return http.StatusConflict
	case Closed, ReadOnly, Exhausted, Busy:
		return http.StatusServiceUnavailable
	case NoSpace, Quota:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}
