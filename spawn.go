// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
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
	pid    *actor.PID
	cancel context.CancelFunc
	ended  chan struct{}
	stop   func(context.Context) error
}

// PID is the actor's address in the actor system; it stays the same when the
// actor is restarted.
func (s *Spawned) PID() *actor.PID { return s.pid }

// Stop stops feeding and then the actor.
func (s *Spawned) Stop(ctx context.Context) (err error) {
	defer out(&err)
	s.cancel()
	<-s.ended
	return s.stop(ctx)
}

// Spawn starts an actor under the DB's supervision and feeds it with committed
// events as *Committed, from its durable cursors on, each log in order and the
// logs in turn. The cursors belong to the name: an actor that is spawned again
// under the same name, in this process or a later one, goes on where it stopped.
// When it panics it is restarted and is sent again what it had been given and not
// done. The error is ErrUnknownTopic or ErrUnknownLog for what this store does not
// hold, and ErrOptions without props, and for a name that is not 1 to 64 bytes or has
// a slash in it.
//
// A Receive that ends its goroutine, as t.FailNow of a test does, is restarted as one
// that panics: it runs on a goroutine of its own for each message.
func (db *DB) Spawn(name string, props *actor.Props, options *SpawnOptions) (_ *Spawned, err error) {
	defer db.out(&err)
	var o SpawnOptions
	if options != nil {
		o = *options
	}
	if o.Batch == 0 {
		o.Batch = turnEvents
	}
	switch {
	case name == "" || len(name) > 64:
		return nil, fmt.Errorf("spawn: %w: a name of %d bytes, want 1 to 64", ErrOptions, len(name))
	case strings.Contains(name, "/"):
		return nil, fmt.Errorf("spawn: %w: the name %q has a slash in it", ErrOptions, name)
	case props == nil:
		return nil, fmt.Errorf("spawn %q: %w: no props, which say what the actor is", name, ErrOptions)
	case o.Batch < 0:
		return nil, fmt.Errorf("spawn %q: %w: Batch is %d", name, ErrOptions, o.Batch)
	}
	f, err := newFeeder(db, name, o)
	if err != nil {
		return nil, fmt.Errorf("spawn %q: %w", name, err)
	}
	if f.pid, err = db.node.SpawnUser(name, props.Clone(actor.WithReceiverMiddleware(f.middleware))); err != nil {
		f.end()
		return nil, fmt.Errorf("spawn %q: %w", name, err)
	}
	f.show(db.node.UserEntry(name))
	ctx, cancel := context.WithCancel(db.node.Context())
	s := &Spawned{pid: f.pid, cancel: cancel, ended: make(chan struct{})}
	s.stop = func(ctx context.Context) error { return db.node.StopUser(ctx, name) }
	db.node.Go(func() {
		defer close(s.ended)
		defer f.end()
		f.run(ctx)
	})
	return s, nil
}
