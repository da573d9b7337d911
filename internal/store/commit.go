// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/layout"
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

// ErrTimeBack is returned for events of ours whose time is before that of the
// last one: to commit them would close the log.
var ErrTimeBack = errors.New("store: time goes back within the log")

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
var errHuge = errors.New("store: more events than a log can have")

const _ = uint64(aof.MaxSize - messages.MaxCount) // what peers may say fits

// Work is what one transaction makes durable.
type Work struct {
	Appends []*messages.Append
	Sealed  []*messages.Sealed
	Changes []Change
}

// Empty reports whether there is nothing to commit.
func (w *Work) Empty() bool { return len(w.Appends)+len(w.Sealed)+len(w.Changes) == 0 }

// A Committed is what came of a Work, item by item.
type Committed struct {
	Appends []Appended
	Changes []error // why a change was refused, or what of it failed once it was durable
	Durable []messages.Durable
	// Lost are the logs whose pages could not be sealed. If the error is ErrGap,
	// events of another history were committed meanwhile, and the stages are to
	// take the log up anew; if it is ErrHistory they did.
	Lost   map[digest.Hash]error
	Frozen []digest.Hash
	// Advance is what a log of ours has come to, to be published at once.
	Advance Advance
}

// An Appended is what came of an append: the batch to send down the pipeline, or
// why it was refused. Of events that were there already it is neither.
type Appended struct {
	Batch   *messages.Batch
	Refused error
}

// A Committer is the core of the AOF writer: it gives events their sequence
// and makes them durable, many at once.
type Committer struct {
	s         *Store
	logs      map[digest.Hash]*Log        // of the work under way, as far as they are here
	failed    map[digest.Hash]error       // why one of them could not be loaded
	rows      map[digest.Hash]*aof.LogRow // changed in the transaction under way
	done      *Committed
	created   []*aof.LogRow
	defaultID digest.Hash         // topic that is the default from this transaction on
	copied    []Copy              // logs of copies of this device, which begin in it
	pending   map[digest.Hash]end // roots that the transaction brings logs to
	ends      map[digest.Hash]end // and those before it brought them to
	ahead     ahead
}

// NewCommitter returns the only Committer that s may have at a time.
func (s *Store) NewCommitter() *Committer { return &Committer{s: s, ends: map[digest.Hash]end{}} }

// Commit makes w durable in one synced transaction, and known. The error is the
// transaction's, or that of a store which is read-only: nothing of w is stored
// then.
func (c *Committer) Commit(w *Work) (*Committed, error) {
	if err := c.s.ReadOnly(); err != nil {
		return nil, err
	}
	c.load(w)
	defer c.release()
	if err := c.write(w); err != nil {
		return nil, err
	}
	c.ended()
	c.s.tellCopies(c.copied)
	c.made(w)
	return c.done, nil
}

// made makes the changes known that were committed.
func (c *Committer) made(w *Work) {
	for i, x := range w.Changes {
		if c.done.Changes[i] == nil {
			c.done.Changes[i] = x.made(c.s)
		}
	}
}

// write commits w and makes its rows known. Until then no log that is sealed is
// taken up anew, which would begin at the cursor that moves here.
func (c *Committer) write(w *Work) error {
	for id := range sealedLogs(w) {
		if l := c.logs[id]; l != nil {
			l.sealMu.Lock()
			defer l.sealMu.Unlock()
		}
	}
	c.s.catalog.creating.Lock()
	defer c.s.catalog.creating.Unlock()
	if err := c.s.aof.Commit(func(t *aof.Txn) error { return c.fill(t, w) }); err != nil {
		return err
	}
	c.done.Advance = c.ahead.committed()
	for id, row := range c.rows {
		if l := c.logs[id]; l != nil {
			l.row.Store(row)
			c.s.catalog.keep(l)
		}
	}
	for _, row := range c.created {
		if l, err := c.s.Log(row.ID); err == nil { // from the row just written
			c.s.countCreated(l)
		} else {
			c.s.countLater(row) // it is durable all the same
		}
	}
	return nil
}

// load holds the logs of w from before their rows change until that is known, so
// that nobody loads one in between.
func (c *Committer) load(w *Work) {
	c.logs, c.failed = map[digest.Hash]*Log{}, map[digest.Hash]error{}
	for _, m := range w.Sealed {
		c.loadLog(m.Log)
	}
	for _, a := range w.Appends {
		if c.loadLog(a.Log); a.Remote == nil {
			c.mayWrite(a.Log)
		}
	}
	for _, x := range w.Changes {
		if o, ok := x.(ofLog); ok {
			c.loadLog(o.log())
		}
	}
}

func (c *Committer) loadLog(id digest.Hash) {
	if c.logs[id] != nil || c.failed[id] != nil {
		return
	}
	l, err := c.s.Log(id)
	if err == nil {
		c.logs[id] = l
	} else if !errors.Is(err, ErrUnknownLog) { // it is to be created
		c.failed[id] = err
	}
}

// mayWrite holds the key of a log of ours against its author before the first events
// that we append to it.
func (c *Committer) mayWrite(id digest.Hash) {
	if l := c.logs[id]; l != nil && l.Own {
		if _, err := l.key(); err != nil {
			c.failed[id] = err
		}
	}
}

func (c *Committer) release() { c.logs, c.failed = nil, nil }

func sealedLogs(w *Work) map[digest.Hash]bool {
	ids := map[digest.Hash]bool{}
	for _, m := range w.Sealed {
		ids[m.Log] = true
	}
	return ids
}

// fill runs once or, if the map had to grow, again from the start.
func (c *Committer) fill(t *aof.Txn, w *Work) error {
	c.rows = make(map[digest.Hash]*aof.LogRow)
	c.created, c.copied, c.pending = nil, nil, map[digest.Hash]end{}
	c.ahead.reset()
	c.defaultID = c.s.defaultTopic()
	c.done = &Committed{Lost: map[digest.Hash]error{}, Appends: make([]Appended, len(w.Appends)), Changes: make([]error, len(w.Changes))}
	for _, m := range w.Sealed {
		if why := c.failed[m.Log]; why != nil {
			c.done.Lost[m.Log] = why
		} else if err := c.seal(t, m); err != nil {
			return err
		}
	}
	for i, a := range w.Appends {
		if why := c.failed[a.Log]; why != nil {
			c.done.Appends[i] = Appended{Refused: why}
			continue
		}
		b, err := c.append(t, a)
		if err != nil && !isRefusal(err) {
			return err
		}
		c.done.Appends[i] = Appended{b, err}
	}
	for i, x := range w.Changes {
		if o, ok := x.(ofLog); ok && c.failed[o.log()] != nil {
			c.done.Changes[i] = c.failed[o.log()]
		} else if err := x.write(c, t); err != nil && !isRefusal(err) {
			return err
		} else if err != nil {
			c.done.Changes[i] = err
		}
	}
	for _, row := range c.rows {
		if err := t.PutLog(row); err != nil {
			return err
		}
	}
	return nil
}

// isRefusal tells an append that cannot be accepted from a transaction that
// cannot go on.
func isRefusal(err error) bool {
	for _, refusal := range []error{ErrGap, ErrHistory, ErrFrozen, ErrClosed, ErrTimeBack, ErrExpect, errHuge, ErrUnknownLog, ErrUnknownTopic} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// row returns the row of a log as this transaction has it so far.
func (c *Committer) row(t *aof.Txn, id digest.Hash, create *messages.NewLog) (*aof.LogRow, error) {
	if row := c.rows[id]; row != nil {
		return row, nil
	}
	row, found, err := t.Log(id)
	if err != nil {
		return nil, err
	}
	if !found {
		if row, err = c.create(id, create); err != nil {
			return nil, err
		}
		if err := t.PutLog(&row); err != nil { // gives it its number
			return nil, err
		}
		c.created = append(c.created, &row)
	}
	c.rows[id] = &row
	return &row, nil
}

func (c *Committer) create(id digest.Hash, n *messages.NewLog) (aof.LogRow, error) {
	if n == nil {
		return aof.LogRow{}, fmt.Errorf("%w: %s", ErrUnknownLog, id)
	}
	if _, err := c.s.Topic(n.Topic); err != nil {
		return aof.LogRow{}, err
	}
	row := aof.NewLogRow(n.LogName, n.Own)
	if row.ID != id {
		return aof.LogRow{}, fmt.Errorf("%w: %s is not the id of that author's log", ErrUnknownLog, id)
	}
	return row, nil
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
	if row.Frozen {
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
		return fmt.Errorf("%w: log %s: it is said to end at %d, %d events are held", ErrHistory, a.Log.Short(), end, row.Size)
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

// seal moves a log's sealed cursor and trims the AOF below it. Of pages of a peer
// that are committed by it, the stage is to publish what they lead to.
func (c *Committer) seal(t *aof.Txn, m *messages.Sealed) error {
	row, err := c.row(t, m.Log, nil)
	if err != nil {
		return err
	}
	if m.Size > row.SealedSize {
		if why, ok := c.unsealable(row, m); !ok {
			if why != nil {
				c.done.Lost[m.Log] = why
			}
			return nil
		}
		if err := c.sealTo(t, row, m); err != nil {
			return err
		}
	}
	if m.Remote != nil {
		c.done.Durable = append(c.done.Durable, messages.Durable{Log: m.Log, Size: m.Size})
	}
	return nil
}

// unsealable returns whether pages may be sealed, or why not, if that is a loss:
// what the AOF holds is sealed with a later page.
func (c *Committer) unsealable(row *aof.LogRow, m *messages.Sealed) (why error, ok bool) {
	l, err := c.s.cached(m.Log)
	switch {
	case err != nil || l.epoch.Load() != m.Epoch:
		if m.Remote != nil {
			why = fmt.Errorf("%w: log %s: it was taken up anew", ErrHistory, m.Log.Short())
		}
	case row.Closed != 0 && m.Size > row.Size:
		why = fmt.Errorf("%w: %w", ErrGap, closedError(row))
	case shadowed(row, m):
		why = fmt.Errorf("%w: log %s: pages to %d under events to %d of another history", ErrGap, m.Log.Short(), m.Size, row.Size)
	default:
		return nil, true
	}
	return why, false
}

func (c *Committer) sealTo(t *aof.Txn, row *aof.LogRow, m *messages.Sealed) error {
	row.SealedPages, row.SealedSize = m.Pages, m.Size
	if m.Size > row.Size {
		if m.Remote == nil {
			return fmt.Errorf("store: log %s sealed to %d, but holds %d", m.Log.Short(), m.Size, row.Size)
		}
		begins := row.Size == 0
		row.Size = m.Size
		setHead(row, m.Remote)
		if begins {
			if err := c.firstOfPages(t, row); err != nil {
				return err
			}
		}
	}
	return t.TrimEvents(row.Num, m.Size)
}

// Close makes w durable together with the newest head of each log of ours, so
// that opening the store again finds them signed, and counts that it was closed.
func (c *Committer) Close(w *Work) (*Committed, error) {
	if err := c.s.ReadOnly(); err != nil {
		return nil, err
	}
	c.load(w)
	defer c.release()
	var closed uint64
	own := c.s.catalog.ownLogs()
	c.s.signOwn(own)
	err := c.s.aof.Commit(func(t *aof.Txn) (err error) {
		if err := c.fill(t, w); err != nil {
			return err
		}
		if closed, err = device.CountClosing(t); err != nil {
			return err
		}
		for _, id := range own {
			row, err := c.row(t, id, nil)
			if err != nil {
				return err
			}
			if stored := row.HeadSize; c.storeOwnHead(row) == stored {
				continue
			}
			if err := t.PutLog(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.made(w)
	_ = c.s.opts.FS.WriteFileAtomic(c.s.path(closedName), layout.EncodeClosed(closed), 0o600) // one that says less does no harm
	return c.done, nil
}

// cached returns a log that is in memory.
func (s *Store) cached(id digest.Hash) (*Log, error) {
	if l := s.catalog.find(id); l != nil {
		return l, nil
	}
	return nil, ErrUnknownLog
}
