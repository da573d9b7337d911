// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// ErrFrozen is returned for events of a log whose author signed two heads
// that cannot both be true.
var ErrFrozen = errors.New("the log is frozen: its author signed two heads of it that cannot both be true; what is held of it can be read")

// ErrOwnFrozen is ErrFrozen for a log of ours, and says what to do.
var ErrOwnFrozen = fmt.Errorf("%w, and the author is this store, of which two copies were in use: make a new store in another directory, join the topic there with an invite, and append there", ErrFrozen)

// ErrClosed is returned for events of a log that ends where it is, because the
// record that follows breaks a rule.
var ErrClosed = syncer.ErrClosed

// ErrCut is returned for events of ours behind the place at which the roster of the
// topic ends our log: nobody would count them.
var ErrCut = errors.New("the topic's roster ends the log here, so that nothing further in it counts; what came before does")

// ErrTimeBack is returned for events of ours whose time is before that of the
// last one: to commit them would close the log.
var ErrTimeBack = errors.New("time goes back within the log")

// ErrExpect is wrapped by every *ExpectError.
var ErrExpect = errors.New("the log has another size than was expected")

// An ExpectError refuses events that were to be appended at another size of
// their log.
type ExpectError struct {
	Log            digest.Hash
	Expected, Size uint64
}

func (e *ExpectError) Error() string {
	return fmt.Sprintf("%v: %d events, not %d (log %s); read what is new and decide again", ErrExpect, e.Size, e.Expected, e.Log.Short())
}

// Is makes the error an ErrExpect.
func (e *ExpectError) Is(target error) bool { return target == ErrExpect }

// errHuge is returned for a head that no row can hold. It must not fail the
// transaction: that would make the store read-only at a peer's word.
var errHuge = errors.New("more events than a log can have")

const _ = uint64(aof.MaxSize - messages.MaxCount) // what peers may say fits

// isRefusal tells an append that cannot be accepted from a transaction that
// cannot go on.
func isRefusal(err error) bool {
	for _, refusal := range []error{ErrGap, ErrOtherHistory, ErrFrozen, ErrClosed, ErrTimeBack, ErrExpect, errHuge, ErrUnknownLog, ErrUnknownTopic, ErrLeft, ErrDefault, ErrCut, ErrHome} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func (c *Committer) append(t *aof.Txn, a *messages.Append) (*messages.Batch, error) {
	row, err := c.row(t, a.Log, a.Create)
	if err != nil || len(a.Leaves) == 0 && !closes(a) {
		return nil, err
	}
	if row.Closed != 0 && a.Remote == nil {
		return nil, closedError(row)
	}
	if row.Frozen && row.Own {
		return nil, fmt.Errorf("%w (log %s)", ErrOwnFrozen, a.Log.Short())
	}
	if l := c.logs[a.Log]; row.Frozen && (a.Remote == nil || l == nil || !l.takes(a.First+uint64(len(a.Leaves)))) {
		return nil, fmt.Errorf("%w (log %s)", ErrFrozen, a.Log.Short())
	}
	b := &messages.Batch{Log: a.Log, First: row.Size, Records: a.Records, Leaves: a.Leaves, Remote: a.Remote, Recycle: a.Recycle}
	if a.Remote != nil && a.Remote.Head.Size > aof.MaxSize {
		return nil, fmt.Errorf("%w: a head of %d events of log %s", errHuge, a.Remote.Head.Size, a.Log.Short())
	}
	if a.Expect != nil && *a.Expect != row.Size {
		return nil, &ExpectError{Log: a.Log, Expected: *a.Expect, Size: row.Size}
	}
	if a.Remote == nil {
		if t, err := c.topic(row.Topic); err == nil && t.Left {
			return nil, fmt.Errorf("%w (topic %s)", ErrLeft, t.ID.Short())
		}
		cut, err := c.s.cutOf(row.Topic, row.Kind, row.ID)
		if row.Kind == identity.KindRoster {
			cut = c.s.legCut(row.Topic, row.ID)
		}
		if err != nil || cut != nil && row.Size+uint64(len(a.Leaves)) > cut.Size {
			return nil, cmp.Or(err, fmt.Errorf("%w (log %s)", ErrCut, row.ID.Short()))
		}
		a.First = row.Size
		c.storeOwnHead(row)
		if row.LastTime, err = laterThan(row.LastTime, a); err != nil {
			return nil, err
		}
	} else if err := follow(b, a, row); err != nil || len(b.Leaves) == 0 && (!closes(a) || row.Closed != 0) {
		return nil, err
	} else if row.Closed != 0 {
		return nil, closedError(row)
	} else if err := c.continues(row, a); err != nil {
		return nil, err
	} else if b.Remote, err = provenFrom(a, b.First); err != nil {
		return nil, err
	}
	if len(b.Leaves) > 0 {
		if err := t.AppendEvents(row.Num, b.First, b.Records, len(b.Leaves)); err != nil {
			return nil, err
		}
		if err := c.putIDs(t, row, a, b); err != nil {
			return nil, err
		}
		if a.Remote != nil && b.First == 0 {
			if err := c.first(t, row, b.Records); err != nil {
				return nil, err
			}
		}
	}
	row.Size = b.End()
	if a.Remote == nil {
		c.ahead.add(c.s, row, b)
	} else {
		setHead(row, a.Remote)
		c.pending[row.ID] = end{row.Size, a.Remote.Root}
	}
	if len(b.Leaves) == 0 {
		return nil, nil // the log is closed, and nothing of it is new
	}
	return b, nil
}

// closes reports whether a log ends behind a's events, which may be none.
func closes(a *messages.Append) bool { return a.Remote != nil && a.Remote.Closed != 0 }

func closedError(row *aof.LogRow) error {
	return fmt.Errorf("%w (log %s, record %d: %s)", ErrClosed, row.ID.Short(), row.Size, row.Closed)
}

// laterThan returns the time of the last of a's events, which are ours. None is
// before another, so the first is held against the last event of the log.
func laterThan(last int64, a *messages.Append) (int64, error) {
	if first := event.TimeOf(a.Records); first < last {
		return last, fmt.Errorf("%w: %d ms after %d ms (log %s)", ErrTimeBack, first, last, a.Log.Short())
	}
	rest, err := event.SkipRecords(a.Records, uint64(len(a.Leaves)-1))
	if err != nil {
		return last, err
	}
	return event.TimeOf(rest), nil
}

// follow cuts off what the log holds already; what is left must follow it.
func follow(b *messages.Batch, a *messages.Append, row *aof.LogRow) error {
	if a.First > row.Size {
		return fmt.Errorf("%w: log %s: %d after %d", ErrGap, a.Log.Short(), a.First, row.Size)
	}
	for n := row.Size - a.First; n > 0 && len(b.Leaves) > 0; n-- {
		length, err := event.RecordLen(b.Records)
		if err != nil {
			return err
		}
		b.Records, b.Leaves = b.Records[length:], b.Leaves[1:]
	}
	if end := a.First + uint64(len(a.Leaves)); closes(a) && end < row.Size {
		return fmt.Errorf("%w: log %s: it is said to end at %d, %d events are held", ErrOtherHistory, a.Log.Short(), end, row.Size)
	}
	return nil
}

// setHead keeps the head that proves a log. Of our own log, whose events came
// back from a peer, only one that covers just what is held: a larger one would
// say that this copy is too old to be opened.
func setHead(row *aof.LogRow, p *messages.Proven) {
	row.LastTime, row.Closed = p.Time, p.Closed
	if row.Own && p.Head.Size != row.Size {
		return
	}
	row.HeadSize, row.HeadRoot, row.HeadSig = p.Head.Size, p.Head.Root, p.Head.Sig
	row.Right = p.Right
}

// storeOwnHead keeps the newest head signed so far with the next events. It
// may lag behind what was published: opening the store signs the same head of
// the same events again.
func (c *Committer) storeOwnHead(row *aof.LogRow) (size uint64) {
	if h := c.s.catalog.ownHead(row.ID); h.Size > row.HeadSize {
		row.HeadSize, row.HeadRoot, row.HeadSig = h.Size, h.Root, h.Sig
		row.HighWater = max(row.HighWater, h.Size)
	}
	return row.HeadSize
}
