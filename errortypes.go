// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/doors"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/actors/session"
	"github.com/xaeroflux/xaeroflux/internal/backup"
	"github.com/xaeroflux/xaeroflux/internal/findings"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// An UncertainError says of an append whose events may be stored what to ask. It is an
// ErrUncertain. With an id it is enough to append the same again.
type UncertainError struct {
	Topic TopicID
	Log   LogID
	IDs   []EventID // of the events that have one; Topic.Find knows what became of them
	From  uint64    // size of the log before: the events are at or behind it, or nowhere
	// Stored says that they are on disk, the first at From, and only not counted
	// in the root: they are once the store is opened again.
	Stored bool
	cause
}

// A RestoredError says of which backup a store is that has met no peer since. It is
// an ErrRestored.
type RestoredError struct {
	Topic  TopicID
	Log    LogID
	Backup time.Time // when it was made
	cause
}

// A LogError says why one log takes nothing more while the store goes on. It is an
// ErrLog.
type LogError struct {
	Log LogID
	cause
}

// A QuotaError says which bound of a Quota was met. It is an ErrQuota.
type QuotaError struct {
	Bound string // "store bytes", "free bytes" or "log bytes"
	Limit int64
	Would int64 // what it would have come to
	cause
}

// An ExpectError says which size the log has that was expected to have another. It is
// an ErrExpect.
type ExpectError struct {
	Log            LogID
	Expected, Size uint64
	cause
}

// A GapError says which part of a log is missing around an event. It is an ErrNotHeld.
type GapError struct {
	Log LogID
	Seq uint64
	Gap Span
	cause
}

// An UnfinishedError says that what was to become a store was cut off before it was
// one, and what completes it. It is an ErrNoStore.
type UnfinishedError struct {
	Dir     string  // where
	What    string  // that was cut off
	Topic   TopicID // that was to be joined; zero if none was, or none is known
	Restore bool    // it was to be made of a backup
	Backup  string  // the directory of that, if it is known
	Adopt   bool    // the store was to stay the device that it was
	Do      string  // what completes it
	cause
}

// A TornCopyError is what Open returns for a store whose files disagree or are
// damaged, and which is in another place than they say: a running store was copied
// file by file. DB.Backup makes copies of it. It is a *RefusedError or an ErrCorrupt too.
type TornCopyError struct {
	Why string // what is different about the place, for people
	cause
}

// A RefusedError is what Open returns for a store whose files disagree: with what,
// and the next step. None of them was changed.
type RefusedError struct {
	Refused []Disagreement // at least one
	cause
}

// ByHand returns the first disagreement that no program can end, or nil: a file is to be
// put back.
func (e *RefusedError) ByHand() *Disagreement {
	var inner *recovery.RefusedError
	if !errors.As(e.err, &inner) || inner.ByHand() == nil {
		return nil
	}
	return &disagreementsOf([]recovery.Disagreement{*inner.ByHand()})[0]
}

// A LookError says what kept Check or Repair from looking at a store: descriptors,
// memory, modes, a disk that cannot be read. It is no damage, and goes away when its
// cause does.
type LookError struct {
	Where string
	cause
}

// A BackupDamageError lists what is wrong with a backup; it is an ErrBackupDamaged.
type BackupDamageError struct {
	Dir      string
	Findings []BackupFinding // at least one
	cause
}

// A BackupFinding is one thing that is wrong with a backup.
type BackupFinding struct {
	File string `json:"file"` // below the backup, with slashes
	What string `json:"what"`
}

// A TempError says what goes wrong in the directory for temporary files, which the
// environment names (TMPDIR) and no argument does.
type TempError struct {
	Dir string
	cause
}

// A StallError says that a session was replaced because the peer owed
// something and nothing moved for Options.StallTimeout.
type StallError struct {
	Peer    PeerID
	Waiting string // for what
	Stood   time.Duration
	cause
}

// A TwinError says that two copies of one store are open with one peer id: of
// this store, or of a peer's. Only one of them is connected at a time.
type TwinError struct {
	Peer PeerID // the peer with a twin or, of a store's own twin, the one that says so
	Own  bool   // it is this store that has a twin
	cause
}

// A CallRefusedError is a call that the peer refused, and its code.
type CallRefusedError struct {
	Capability string
	Peer       PeerID
	Code       Code
	cause
}

// A cause is the error that a typed one stands in front of. It says what happened.
type cause struct{ err error }

// Error says what happened.
func (c cause) Error() string { return c.err.Error() }

// Unwrap returns what errors.Is and errors.As ask next.
func (c cause) Unwrap() error { return c.err }

// outward puts the API's own type in front of an error that has one of the engine's. An
// error that went through it before stays as it is.
func outward(err error) error {
	if err == nil {
		return nil
	}
	for _, put := range outwards {
		err = put(err)
	}
	return err
}

var outwards = []func(error) error{
	typed(func(e *pipeline.UncertainError, c cause) *UncertainError {
		u := &UncertainError{Topic: TopicID(e.Topic), Log: LogID(e.Log), From: e.From, Stored: e.Stored, cause: c}
		for _, id := range e.IDs {
			u.IDs = append(u.IDs, EventID(id))
		}
		return u
	}),
	typed(func(e *pipeline.RestoredError, c cause) *RestoredError {
		return &RestoredError{Topic: TopicID(e.Topic), Log: LogID(e.Log), Backup: e.Backup, cause: c}
	}),
	typed(func(e *pipeline.LogError, c cause) *LogError { return &LogError{Log: LogID(e.Log), cause: c} }),
	typed(func(e *pipeline.QuotaError, c cause) *QuotaError {
		return &QuotaError{Bound: e.Bound, Limit: e.Limit, Would: e.Would, cause: c}
	}),
	typed(func(e *store.ExpectError, c cause) *ExpectError {
		return &ExpectError{Log: LogID(e.Log), Expected: e.Expected, Size: e.Size, cause: c}
	}),
	typed(func(e *store.GapError, c cause) *GapError {
		return &GapError{Log: LogID(e.Log), Seq: e.Seq, Gap: Span(e.Gap), cause: c}
	}),
	typed(func(e *store.UnfinishedError, c cause) *UnfinishedError {
		return &UnfinishedError{Dir: e.Dir, What: e.What, Topic: TopicID(e.Topic), Restore: e.Restore, Backup: e.Backup, Adopt: e.Adopt, Do: e.Do, cause: c}
	}),
	typed(func(e *store.TornCopyError, c cause) *TornCopyError { return &TornCopyError{Why: e.Why, cause: c} }),
	typed(func(e *recovery.RefusedError, c cause) *RefusedError {
		return &RefusedError{Refused: disagreementsOf(e.Refused), cause: c}
	}),
	typed(func(e *findings.LookError, c cause) *LookError { return &LookError{Where: e.Where, cause: c} }),
	typed(func(e *backup.DamageError, c cause) *BackupDamageError {
		d := &BackupDamageError{Dir: e.Dir, cause: c}
		for _, f := range e.Findings {
			d.Findings = append(d.Findings, BackupFinding(f))
		}
		return d
	}),
	typed(func(e *backup.TempError, c cause) *TempError { return &TempError{Dir: e.Dir, cause: c} }),
	typed(func(e *session.StallError, c cause) *StallError {
		return &StallError{Peer: PeerID(e.Peer), Waiting: e.Waiting, Stood: e.Stood, cause: c}
	}),
	typed(func(e *session.TwinError, c cause) *TwinError {
		return &TwinError{Peer: PeerID(e.Peer), Own: e.Own, cause: c}
	}),
	typed(func(e *store.RosterFault, c cause) *RosterFault {
		f := faultOf(e)
		if c.err != error(e) {
			f.cause = c // there is more to be said
		}
		return f
	}),
	typed(func(e *doors.RefusedError, c cause) *CallRefusedError {
		return &CallRefusedError{Capability: e.Capability, Peer: PeerID(e.Peer), Code: Code(e.Code), cause: c}
	}),
}

// typed returns what puts a type of the API in front of an error of the engine's.
func typed[Inner, Outer error](put func(Inner, cause) Outer) func(error) error {
	return func(err error) error {
		var inner Inner
		if !errors.As(err, &inner) {
			return err
		}
		var outer Outer
		if errors.As(err, &outer) {
			return err // it is there already
		}
		return put(inner, cause{err})
	}
}

// out is deferred by what may fail: it makes the error that is returned one of the API.
func out(err *error) { *err = outward(*err) }

func (db *DB) out(err *error) { *err = db.failed(*err) }

// failed is outward for what Close may be the cause of: it takes contexts and
// connections away from what is under way.
func (db *DB) failed(err error) error {
	if err != nil && db.closed.Load() && !errors.Is(err, ErrClosed) {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return outward(err)
}
