// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/messages"
)

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
	// take the log up anew; if it is ErrOtherHistory they did.
	Lost   map[digest.Hash]error
	Frozen []digest.Hash
	// Renewed are logs that begin anew: whatever a stage holds of them is nothing.
	Renewed []digest.Hash
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
	defaultID digest.Hash            // topic that is the default from this transaction on
	topics    map[digest.Hash]*Topic // those that it changes
	joining   map[digest.Hash]uint32 // numbers of those that are joined in it
	copied    []Copy                 // logs of copies of this device, which begin in it
	pending   map[digest.Hash]end    // roots that the transaction brings logs to
	ends      map[digest.Hash]end    // and those before it brought them to
	newcomers newcomers
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
		l, err := c.s.catalog.load(row.ID, func(digest.Hash) (*Log, error) { return c.s.newLog(row) })
		if err == nil {
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
	c.newcomers.reset()
	for _, m := range w.Sealed {
		c.loadLog(m.Log)
	}
	for _, a := range w.Appends {
		if c.loadLog(a.Log); a.Remote == nil {
			c.mayWrite(a.Log)
		}
		if c.failed[a.Log] != nil || c.newcomers.refused[a.Log] != nil {
			continue
		}
		if err := c.admit(a); err != nil {
			c.newcomers.refused[a.Log] = err
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

// refusal returns why events of a log are refused whatever they are, or nil.
func (c *Committer) refusal(id digest.Hash) error {
	if why := c.failed[id]; why != nil {
		return why
	}
	return c.newcomers.refused[id]
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
	c.defaultID, c.topics, c.joining = c.s.defaultTopic(), map[digest.Hash]*Topic{}, map[digest.Hash]uint32{}
	c.done = &Committed{Lost: map[digest.Hash]error{}, Appends: make([]Appended, len(w.Appends)), Changes: make([]error, len(w.Changes))}
	for _, m := range w.Sealed {
		if why := c.failed[m.Log]; why != nil {
			c.done.Lost[m.Log] = why
		} else if err := c.seal(t, m); err != nil {
			return err
		}
	}
	for _, i := range c.byNumber(w.Appends) {
		a := w.Appends[i]
		if why := c.refusal(a.Log); why != nil {
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

// byNumber returns the order in which appends are made: by the numbers of their logs,
// so that rows which lie together are put together, and fill their pages; logs that are
// created come last. Those of one log stay as they are.
func (c *Committer) byNumber(appends []*messages.Append) []int {
	order := make([]int, len(appends))
	for i := range order {
		order[i] = i
	}
	num := func(i int) uint32 {
		if l := c.logs[appends[i].Log]; l != nil {
			return l.Num
		}
		return math.MaxUint32
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(num(i), num(j)) })
	return order
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
	t, err := c.s.Topic(n.Topic)
	if err != nil {
		return aof.LogRow{}, err
	}
	// An older copy of a steward may hear from peers of a leg that it began.
	own := n.Own || n.Kind != identity.KindData && roster.Key(n.Author) == c.s.DeviceKey(t)
	row := aof.NewLogRow(n.LogName, own)
	if row.ID != id {
		return aof.LogRow{}, fmt.Errorf("%w: %s is not the id of that author's log", ErrUnknownLog, id)
	}
	return row, nil
}

// Close makes w durable and after it the newest head of each log of ours, so that
// opening the store again finds them signed, and counts that it was closed. The heads
// go in transactions of closingRows: a transaction takes new pages for all that it
// changes, and the file keeps them.
func (c *Committer) Close(w *Work) (*Committed, error) {
	if err := c.s.ReadOnly(); err != nil {
		return nil, err
	}
	c.load(w)
	defer c.release()
	own := c.s.catalog.ownLogs()
	c.s.signOwn(own)
	heads, err := c.s.unstored(own)
	if err != nil {
		return nil, err
	}
	var closed uint64
	for begin := true; begin || len(heads) > 0; begin = false {
		n := min(len(heads), closingRows)
		err := c.s.aof.Commit(func(t *aof.Txn) (err error) {
			if begin {
				err = c.fill(t, w)
			}
			if err = errors.Join(err, c.storeHeads(t, heads[:n])); err == nil && n == len(heads) {
				closed, err = device.CountClosing(t)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		heads = heads[n:]
	}
	c.made(w)
	_ = c.s.opts.FS.WriteFileAtomic(c.s.path(closedName), layout.EncodeClosed(closed), 0o600) // one that says less does no harm
	return c.done, nil
}

// closingRows is how many rows Close changes at a time.
const closingRows = 512

func (c *Committer) storeHeads(t *aof.Txn, logs []digest.Hash) error {
	for _, id := range logs {
		row, found, err := t.Log(id)
		if err != nil || !found {
			return err
		}
		if stored := row.HeadSize; c.storeOwnHead(&row) == stored {
			continue
		}
		if err := t.PutLog(&row); err != nil {
			return err
		}
	}
	return nil
}

// cached returns a log that is in memory.
func (s *Store) cached(id digest.Hash) (*Log, error) {
	if l := s.catalog.find(id); l != nil {
		return l, nil
	}
	return nil, ErrUnknownLog
}
