// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
)

// Committed is what a spawned actor is sent: events of one log, in order and
// without a gap but for the engine's own ones (Query.Engine), durable and in the
// root. The actor calls Done when it is finished with them;
// nothing more comes before. The records are the actor's to keep.
type Committed struct {
	Records []Record
	once    sync.Once
	done    func(error)
}

// Done says that the events were handled: the actor's cursor moves behind them
// and is stored. With an error the cursor stays, and the same events come
// again after a restart of the actor.
func (c *Committed) Done(err error) { c.once.Do(func() { c.done(err) }) }

// SpawnOptions says what a spawned actor is fed with. The zero value, like
// nil, means every event of the default topic.
type SpawnOptions struct {
	Topic ID // default: the default topic
	Log   ID // default: all logs of the topic
	// Batch is the number of events in one message at most. Default: 256.
	Batch int
}

// A Spawned is an actor of the application under the supervision of the DB.
type Spawned struct {
	name   string
	pid    *actor.PID
	cancel context.CancelFunc
	ended  chan struct{}
	stop   func(context.Context) error
}

// PID is the actor's address in the actor system; it stays the same when the
// actor is restarted.
func (s *Spawned) PID() *actor.PID { return s.pid }

// Stop stops feeding and then the actor.
func (s *Spawned) Stop(ctx context.Context) error {
	s.cancel()
	<-s.ended
	return s.stop(ctx)
}

// Spawn starts an actor under the DB's supervision and feeds it with committed
// events as *Committed, from its durable cursor on, log by log and in order.
// The cursor belongs to the name: an actor that is spawned again under the same
// name, in this process or a later one, goes on where it stopped. When it
// panics it is restarted and is sent again what it had not done.
func (db *DB) Spawn(name string, props *actor.Props, options *SpawnOptions) (*Spawned, error) {
	var o SpawnOptions
	if options != nil {
		o = *options
	}
	if o.Batch <= 0 {
		o.Batch = 256
	}
	if name == "" || len(name) > 64 {
		return nil, fmt.Errorf("spawn: %w: a name of %d bytes, want 1 to 64", ErrOptions, len(name))
	}
	ctx, cancel := context.WithCancel(db.node.Context())
	f := &feeder{db: db, name: name, o: o, restarted: make(chan struct{}, 1)}
	pid, err := db.node.SpawnUser(name, props.Clone(actor.WithReceiverMiddleware(f.middleware)))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("spawn %q: %w", name, err)
	}
	f.pid = pid
	s := &Spawned{name: name, pid: pid, cancel: cancel, ended: make(chan struct{})}
	s.stop = func(ctx context.Context) error { return db.node.StopUser(ctx, name) }
	db.node.Go(func() {
		defer close(s.ended)
		f.run(ctx)
	})
	return s, nil
}

// A feeder sends events to one spawned actor, one message at a time, and
// keeps its cursors.
type feeder struct {
	db        *DB
	name      string
	o         SpawnOptions
	pid       *actor.PID
	restarted chan struct{} // the actor lost the message in hand
}

// middleware notices restarts: the message in hand is lost with the panic.
func (f *feeder) middleware(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
		if _, ok := env.Message.(*actor.Restarting); ok {
			select {
			case f.restarted <- struct{}{}:
			default:
			}
		}
		next(ctx, env)
	}
}

var errAgain = errors.New("again from the cursor")

// run feeds until ctx ends. After a restart, or an error that the actor
// reports, it begins again at the stored cursor.
func (f *feeder) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.feed(ctx)
		if err != nil && !errors.Is(err, errAgain) && ctx.Err() == nil {
			f.db.log.Sugar().Warnf("actor %s gets no more events: %v", f.name, err)
			return
		}
	}
}

func (f *feeder) feed(ctx context.Context) error {
	after, err := f.cursors()
	if err != nil {
		return err
	}
	var batch []Record
	flush := func(next uint64) error {
		if len(batch) == 0 {
			return nil
		}
		err := f.deliver(ctx, batch, next)
		batch = nil
		return err
	}
	sub := f.db.hub.subscribe()
	defer sub.stop()
	r, err := f.db.newReader(Query{Topic: f.o.Topic, Log: f.o.Log, After: after})
	for err == nil {
		var failed error
		err = r.pass(ctx, func(rec Record, _ error) bool {
			switch {
			case len(batch) > 0 && batch[0].Log != rec.Log:
				failed = flush(r.next[batch[0].Log])
			case len(batch) >= f.o.Batch:
				failed = flush(rec.Seq)
			}
			batch = append(batch, rec)
			return failed == nil
		})
		if failed != nil {
			return failed
		}
		if err == nil && len(batch) > 0 {
			err = flush(r.next[batch[0].Log])
		}
		if err != nil {
			break
		}
		select {
		case <-sub.wake:
		case <-sub.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// deliver sends one message, waits until the actor is done with it, and
// stores the cursor: the sequence of what comes next.
func (f *feeder) deliver(ctx context.Context, batch []Record, next uint64) error {
	done := make(chan error, 1)
	f.db.system.Root.Send(f.pid, &Committed{Records: batch, done: func(err error) { done <- err }})
	select {
	case err := <-done:
		if err != nil {
			return errAgain
		}
	case <-f.restarted:
		return errAgain
	case <-ctx.Done():
		return ctx.Err()
	}
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], next)
	return f.db.node.Pipeline().Put(ctx, aof.Cursors, f.key(batch[0].Log), n[:])
}

// key of a cursor: the actor's name, a zero, the log's id.
func (f *feeder) key(log ID) []byte { return append(append([]byte(f.name), 0), log[:]...) }

// cursors reads how far the actor is in each log.
func (f *feeder) cursors() (Frontier, error) {
	after := Frontier{}
	prefix := append([]byte(f.name), 0)
	err := f.db.st.AOF().View(func(v *aof.View) error {
		return v.ForEach(aof.Cursors, prefix, func(key, value []byte) error {
			if len(key) == len(prefix)+digest.Size && len(value) == 8 {
				after[ID(key[len(prefix):])] = binary.LittleEndian.Uint64(value)
			}
			return nil
		})
	})
	return after, err
}
