// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/supervisor"
)

// Committed is what a spawned actor is sent: events of one log, in order and
// without a gap but for the engine's own ones (Query.Engine), durable and in the
// root. The actor calls Done when it is finished with them; nothing more comes
// before. The records are the actor's to keep.
type Committed struct {
	Records []Record
	once    sync.Once
	done    chan error // holds one
}

// Done says that the events were handled: the actor's cursor moves behind them
// and is stored. With an error the cursor stays, DB.Actors shows the error, and
// the same events come again after a pause, which grows up to ten seconds while
// that log keeps failing; other logs go on.
func (c *Committed) Done(err error) { c.once.Do(func() { c.done <- err }) }

// SpawnOptions says what a spawned actor is fed with. The zero value, like
// nil, means every event of the default topic.
type SpawnOptions struct {
	Topic TopicID // default: the default topic
	Log   LogID   // default: all logs of the topic
	// Batch is the number of events in one message at most. Default: 256.
	Batch int
}

// A Spawned is an actor of the application under the supervision of the DB.
type Spawned struct {
	db      *DB
	feed    *feed
	child   *supervisor.Child
	quit    context.CancelFunc // no further batch
	stopped atomic.Bool        // by Stop
	done    chan struct{}
	err     error // why it ended; set before done is closed

	inFlight atomic.Pointer[Committed] // that the actor was given, until it is done or lost
	asker    atomic.Pointer[actor.PID] // who sent what is being handled
}

// Spawn starts an actor under the DB's supervision and feeds it with committed
// events as *Committed, from its durable cursors on, each log in order and the
// logs in turn. The cursors belong to the name, as those of Process: an actor that is
// spawned again under the same name, in this process or a later one, goes on where it
// stopped. When it panics it is restarted and is sent again what it had been given and
// not done. The error is ErrUnknownTopic or ErrUnknownLog for what this store does not
// hold, ErrOptions without props, and for a name that is not 1 to 64 bytes or has a slash
// in it, ErrRegistered while another Spawn or Process has the name, and ErrReadOnly of a
// store that was opened read-only, which keeps no cursor.
//
// A Receive that ends its goroutine, as t.FailNow of a test does, is restarted as one
// that panics: it runs on a goroutine of its own for each message.
func (db *DB) Spawn(name string, props *actor.Props, options *SpawnOptions) (s *Spawned, err error) {
	defer db.out(&err)
	if s, err = db.spawn(name, props, options); err != nil {
		return nil, fmt.Errorf("spawn %q: %w", name, err)
	}
	return s, nil
}

func (db *DB) spawn(name string, props *actor.Props, options *SpawnOptions) (*Spawned, error) {
	var o SpawnOptions
	if options != nil {
		o = *options
	}
	switch {
	case props == nil:
		return nil, fmt.Errorf("%w: no props, which say what the actor is", ErrOptions)
	case o.Batch < 0:
		return nil, fmt.Errorf("%w: Batch is %d", ErrOptions, o.Batch)
	}
	f, err := db.newFeed(name, Query{Topic: o.Topic, Log: o.Log}, nil)
	if err != nil {
		return nil, err
	}
	f.batch = cmp.Or(o.Batch, f.batch)
	s := &Spawned{db: db, feed: f, done: make(chan struct{})}
	f.give = s.give
	if s.child, err = db.node.SpawnUser(name, props.Clone(actor.WithReceiverMiddleware(s.watch))); err != nil {
		f.end()
		return nil, err
	}
	f.show(s.child.Entry())
	ctx, quit := context.WithCancel(db.node.Context())
	s.quit = quit
	fed := make(chan struct{})
	db.node.Go(func() {
		defer close(fed)
		_ = f.run(ctx) // that the actor has ended says more
	})
	go s.await(fed)
	return s, nil
}

// await ends the feed once the actor has ended. The node does not wait for it, which
// stops the actors after it has waited for its goroutines.
func (s *Spawned) await(fed <-chan struct{}) {
	defer close(s.done)
	<-s.child.Gone()
	s.quit()
	<-fed
	s.feed.end()
	s.err = s.why()
}

// why returns why the actor has ended.
func (s *Spawned) why() error {
	switch failed := s.child.Entry().Phase() == supervisor.Failed; {
	case failed:
		return fmt.Errorf("%w: %w", errGone, s.child.Entry().LastError())
	case s.stopped.Load():
		return nil
	case s.db.closed.Load():
		return ErrClosed
	}
	return errGone
}

// PID is the actor's address in the actor system; it stays the same when the
// actor is restarted.
func (s *Spawned) PID() *actor.PID { return s.child.PID() }

// Done is closed once the actor has ended: by Stop, by Close of the DB, by itself, or
// because it failed too often. A restart is no end.
func (s *Spawned) Done() <-chan struct{} { return s.done }

// Err returns why the actor has ended: ErrClosed if the DB was closed, an error that
// wraps the actor's last one if it failed too often. It is nil before Done is closed and
// after Stop.
func (s *Spawned) Err() error {
	select {
	case <-s.done:
		return outward(s.err)
	default:
		return nil
	}
}

// Stop stops the actor after it handled what it was sent, and stores the cursor behind
// what it is done with by then. Of an actor that has ended it does nothing. An actor that
// calls it would wait for itself.
func (s *Spawned) Stop(ctx context.Context) (err error) {
	defer out(&err)
	s.stopped.Store(true)
	s.quit()
	if err = s.child.Stop(ctx); err == nil {
		<-s.done
	}
	return err
}

// give sends one message and waits until the actor is done with it, also after Stop: it
// is still handled then.
func (s *Spawned) give(_ context.Context, batch []Record) error {
	m := &Committed{Records: batch, done: make(chan error, 1)}
	s.db.system.Root.Send(s.child.PID(), m)
	var err error
	select {
	case err = <-m.done:
	case <-s.child.Gone():
		err = errGone
	case <-s.db.node.Context().Done():
		err = ErrClosed
	}
	if len(m.done) > 0 {
		err = <-m.done // it was done with them before that
	}
	s.inFlight.CompareAndSwap(m, nil)
	return err
}

// watch is the actor's middleware. It notes which message the actor was given, and what
// becomes of it. A restart loses the one that it was given; one that is in its mailbox
// still comes to the next instance.
func (s *Spawned) watch(next actor.ReceiverFunc) actor.ReceiverFunc {
	return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
		switch m := env.Message.(type) {
		case *Committed:
			s.inFlight.Store(m)
		case *actor.Restarting:
			if lost := s.inFlight.Swap(nil); lost != nil {
				lost.Done(errLost)
			}
			s.lose(s.asker.Swap(nil))
		}
		if env.Sender == nil {
			next(ctx, env)
			return
		}
		s.asker.Store(env.Sender)
		next(ctx, env) // if it panics, the restart finds the asker
		s.asker.Store(nil)
	}
}
