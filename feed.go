// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// A feed gives the events of a query to one taker, a batch at a time: each log in
// order, the logs in turn. It stands below Process, whose taker is a function, and
// Spawn, whose taker is an actor. A field not said to be guarded belongs to run.
type feed struct {
	db     *DB
	name   string
	batch  int
	give   func(context.Context, []Record) error // returns once the taker is done with them
	keep   bool                                  // the cursors belong to the name, and are stored
	entry  *supervisor.Entry
	reader *reader // its frontier is ahead of taken while a batch is given
	turns  *turns
	leave  func()

	mu     sync.Mutex         // guards all below
	taken  Frontier           // the cursors: of each log, what comes next
	failed map[LogID]*failure // logs that wait after an error
	count  uint64             // of events that were taken
}

// Ends of giving a batch to an actor.
var (
	errLost = errors.New("the actor failed with these events in flight")
	errGone = errors.New("the actor has stopped")
)

// newFeed returns the feed of a name, which it has to itself until end is called. With
// from nil it begins at the stored cursors and keeps them.
func (db *DB) newFeed(name string, q Query, from Frontier) (*feed, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	done, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	if from == nil && db.opts.ReadOnly {
		return nil, fmt.Errorf("its cursor cannot be stored: %w", db.ReadOnly())
	}
	if err := db.names.take(name); err != nil {
		return nil, err
	}
	f := &feed{db: db, name: name, batch: turnEvents, keep: from == nil, taken: from.Clone(), failed: map[LogID]*failure{}}
	if err := f.begin(q); err != nil {
		db.names.free(name)
		return nil, err
	}
	return f, nil
}

func (f *feed) begin(q Query) (err error) {
	if f.keep {
		if f.taken, err = f.db.cursors(f.name); err != nil {
			return err
		}
	}
	q.After = f.taken
	f.reader = newReader(f.db, q)
	f.turns, f.leave, err = f.reader.follow()
	return err
}

// end forgets what waits, and gives the name back.
func (f *feed) end() {
	f.leave()
	f.mu.Lock()
	for _, w := range f.failed {
		w.timer.Stop()
	}
	f.mu.Unlock()
	f.db.names.free(f.name)
}

// show lets DB.Actors tell how far the taker is.
func (f *feed) show(e *supervisor.Entry) {
	f.entry = e
	e.SetLag(f.lag)
	e.SetCursor(func() string {
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := len(f.failed); n > 0 {
			return fmt.Sprintf("%d events, %d logs wait after an error", f.count, n)
		}
		return fmt.Sprintf("%d events", f.count)
	})
}

// run gives events until ctx ends, the DB is closed, or the taker has come to its end.
// The error says which.
func (f *feed) run(ctx context.Context) error {
	for {
		log, err := f.turns.next(ctx)
		if err != nil {
			return err
		}
		if f.waits(log) {
			continue // its timer gives it a turn
		}
		err = f.turn(ctx, log)
		switch {
		case err == nil:
			f.recovered(log)
		case f.db.closed.Load():
			return ErrClosed
		case errors.Is(err, ErrStop), errors.Is(err, errGone):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errLost):
			f.turns.add(log) // the supervisor made the pause
		default:
			f.pause(log, err)
		}
	}
}

// turn gives one batch of a log and moves its cursor.
func (f *feed) turn(ctx context.Context, log LogID) error {
	batch, err := f.collect(ctx, log)
	if err == nil && len(batch) > 0 {
		err = f.give(ctx, batch)
	}
	if err != nil {
		f.rewind(log)
		return err
	}
	if f.advance(log, len(batch)); f.keep && len(batch) > 0 {
		f.store(ctx, log)
	}
	return nil
}

// collect reads the next events of a log, and gives it another turn if there
// are more.
func (f *feed) collect(ctx context.Context, log LogID) (batch []Record, err error) {
	size := 0
	err = f.reader.turn(ctx, log, f.turns, func(rec Record, _ error) bool {
		batch = append(batch, rec)
		size += len(rec.Payload) + len(rec.Key)
		return len(batch) < f.batch && size < turnBytes
	})
	if errors.Is(err, errLeft) {
		f.turns.add(log)
		err = nil
	}
	return batch, err
}

// advance takes note that the taker is done with what was read of a log.
func (f *feed) advance(log LogID, events int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next, ok := f.reader.next[log]; ok {
		f.taken[log] = next
	}
	f.count += uint64(events)
}

// rewind has the events of a log read again that were not taken.
func (f *feed) rewind(log LogID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next, ok := f.taken[log]; ok {
		f.reader.next[log] = next
	} else {
		delete(f.reader.next, log)
	}
}

// lag returns how many events the taker has still before it. A log that neither waits
// for its turn, nor has it, nor waits after an error, has no more.
func (f *feed) lag() (n uint64) {
	done, err := f.db.reading()
	if err != nil {
		return 0
	}
	defer done()
	for log, next := range f.behind() {
		if l, err := f.db.st.Log(digest.Hash(log)); err == nil {
			size := l.State().Size
			n += size - min(size, next)
		}
	}
	return n
}

// behind returns the cursors of the logs that may have more.
func (f *feed) behind() Frontier {
	at, logs := Frontier{}, f.turns.all()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, log := range logs {
		at[log] = f.taken[log]
	}
	for log := range f.failed {
		at[log] = f.taken[log]
	}
	return at
}
