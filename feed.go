// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// A feeder sends events to one spawned actor, one message at a time, and keeps
// its cursors. All of it but what is said to be shared belongs to run.
type feeder struct {
	db     *DB
	name   string
	batch  int
	pid    *actor.PID
	entry  *supervisor.Entry
	reader *reader // its frontier is the actor's
	turns  *turns
	leave  func()
	failed map[LogID]*failure // logs that wait after an error

	hand  atomic.Pointer[Committed] // that the actor was given, until it is done or lost; shared
	gone  chan struct{}             // closed when the actor has stopped for good
	fed   atomic.Uint64             // events that were done; shared
	waits atomic.Int64              // len(failed); shared
}

// A failure is of a log of which the actor, or the disk, did not take the next
// events.
type failure struct {
	count int
	until time.Time
	timer *time.Timer // gives the log another turn
}

// failurePauses says how long a log waits that fails again and again.
var failurePauses = supervisor.Policy{Base: 50 * time.Millisecond, Cap: 10 * time.Second}

// Ends of a delivery.
var (
	errLost = errors.New("the actor failed with these events in hand")
	errGone = errors.New("the actor has stopped")
)

// newFeeder returns the feeder of an actor that is not spawned yet.
func newFeeder(db *DB, name string, o SpawnOptions) (*feeder, error) {
	f := &feeder{db: db, name: name, batch: o.Batch, failed: map[LogID]*failure{}, gone: make(chan struct{})}
	done, err := db.reading()
	if err != nil {
		return nil, err
	}
	defer done()
	after, err := f.cursors()
	if err != nil {
		return nil, err
	}
	f.reader = newReader(db, Query{Topic: o.Topic, Log: o.Log, After: after})
	f.turns, f.leave, err = f.reader.follow()
	return f, err
}

// middleware notes which message the actor was given, and what becomes of it. A
// restart loses the one that it was given; one that is in its mailbox still comes
// to the next instance.
func (f *feeder) middleware(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
		switch m := env.Message.(type) {
		case *Committed:
			f.hand.Store(m)
		case *actor.Restarting:
			if lost := f.hand.Swap(nil); lost != nil {
				lost.Done(errLost)
			}
		case *actor.Stopped:
			defer close(f.gone)
		}
		next(ctx, env)
	}
}

// show lets DB.Actors tell how far the actor is.
func (f *feeder) show(e *supervisor.Entry) {
	f.entry = e
	e.SetCursor(func() string {
		if n := f.waits.Load(); n > 0 {
			return fmt.Sprintf("%d events, %d logs wait after an error", f.fed.Load(), n)
		}
		return fmt.Sprintf("%d events", f.fed.Load())
	})
}

// run feeds until ctx ends or the actor stops.
func (f *feeder) run(ctx context.Context) {
	for {
		log, err := f.turns.next(ctx)
		if err != nil {
			return
		}
		if w := f.failed[log]; w != nil && time.Now().Before(w.until) {
			continue // its timer gives it a turn
		}
		err = f.turn(ctx, log)
		switch {
		case err == nil:
			f.recovered(log)
		case ctx.Err() != nil, errors.Is(err, errGone), errors.Is(err, ErrClosed):
			return
		case errors.Is(err, errLost):
			f.turns.add(log) // the supervisor made the pause
		default:
			f.pause(log, err)
		}
	}
}

// end forgets what waits.
func (f *feeder) end() {
	f.leave()
	for _, w := range f.failed {
		w.timer.Stop()
	}
}

// turn delivers one batch of a log and moves its cursor.
func (f *feeder) turn(ctx context.Context, log LogID) error {
	from, known := f.reader.next[log]
	batch, err := f.collect(ctx, log)
	if err == nil && len(batch) > 0 {
		err = f.deliver(ctx, batch)
	}
	if err != nil {
		if delete(f.reader.next, log); known {
			f.reader.next[log] = from
		}
		return err
	}
	f.fed.Add(uint64(len(batch)))
	if len(batch) == 0 {
		return nil // nothing of the application's
	}
	return f.store(ctx, log)
}

// collect reads the next events of a log, and gives it another turn if there
// are more.
func (f *feeder) collect(ctx context.Context, log LogID) (batch []Record, err error) {
	size := 0
	err = f.reader.turn(ctx, log, f.turns, func(rec Record, _ error) bool {
		batch = append(batch, rec)
		size += len(rec.Payload) + len(rec.Key)
		return len(batch) < f.batch && size < turnBytes
	})
	if errors.Is(err, errStop) {
		f.turns.add(log)
		err = nil
	}
	return batch, err
}

// deliver sends one message and waits until the actor is done with it.
func (f *feeder) deliver(ctx context.Context, batch []Record) error {
	m := &Committed{Records: batch, done: make(chan error, 1)}
	f.db.system.Root.Send(f.pid, m)
	select {
	case err := <-m.done:
		f.hand.CompareAndSwap(m, nil)
		return err
	case <-f.gone:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// store stores the cursor of a log: the sequence of what comes next. If that
// fails, the actor goes on all the same; it may be given these events again after
// the store was opened anew.
func (f *feeder) store(ctx context.Context, log LogID) error {
	k := layout.ProgressKey{Actor: f.name, Log: digest.Hash(log)}
	err := f.db.node.Pipeline().Put(ctx, aof.Cursors, layout.Progress.Key(k), layout.Progress.Value(f.reader.next[log]))
	if err != nil && ctx.Err() == nil {
		f.entry.Note(fmt.Errorf("the cursor of log %s is not stored: %w", log.Short(), err), time.Now())
		return nil
	}
	return err
}

// pause lets a log wait after an error, which is shown.
func (f *feeder) pause(log LogID, err error) {
	w := f.failed[log]
	if w == nil {
		w = &failure{}
		f.failed[log] = w
		f.waits.Add(1)
	}
	w.count++
	wait := failurePauses.Pause(w.count)
	w.until = time.Now().Add(wait)
	w.timer = time.AfterFunc(wait, func() { f.turns.add(log) })
	f.entry.Note(fmt.Errorf("log %s from event %d: %w; again in %s", log.Short(), f.reader.next[log], err, wait.Round(time.Millisecond)), time.Now())
}

func (f *feeder) recovered(log LogID) {
	if f.failed[log] != nil {
		delete(f.failed, log)
		f.waits.Add(-1)
	}
}

// cursors reads how far the actor is in each log.
func (f *feeder) cursors() (Frontier, error) {
	after := Frontier{}
	err := f.db.st.AOF().View(func(v *aof.View) error {
		return v.ForEach(aof.Cursors, layout.ProgressOf(f.name), func(key, value []byte) error {
			k, next, err := layout.Progress.Parse(key, value)
			if err == nil && k.Actor == f.name {
				after[LogID(k.Log)] = next
			}
			return err
		})
	})
	return after, err
}
