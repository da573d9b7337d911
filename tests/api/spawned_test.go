// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// spawnFunc spawns an actor that is one function, as "it".
func spawnFunc(t *testing.T, db *xaeroflux.DB, f actor.ReceiveFunc) *xaeroflux.Spawned {
	t.Helper()
	s, err := db.Spawn("it", actor.PropsFromFunc(f), nil)
	storetest.Must(t, err)
	return s
}

// forGood is a failure after which no restart can help.
type forGood struct{ error }

func (f forGood) Unwrap() error { return f.error }
func (forGood) Corrupt() bool   { return true }

// A Spawned says that it ended, and why; its name is free then.
func TestSpawnedSaysHowItEnded(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	reason := errors.New("its own files are damaged")
	ends := map[string]func(actor.Context){
		"itself": func(c actor.Context) { c.Stop(c.Self()) },
		"broken": func(actor.Context) { panic(forGood{reason}) },
	}
	end := func(c actor.Context) {
		if how, ok := c.Message().(string); ok {
			ends[how](c)
		}
	}
	s := spawnFunc(t, db, end)
	select {
	case <-s.Done():
		t.Error("it has ended before anything happened")
	default:
	}
	storetest.Must(t, s.Err())
	storetest.Must(t, s.Stop(ctx))
	<-s.Done()
	storetest.Must(t, s.Err())

	first := spawnFunc(t, db, end)
	_, err := first.Request(ctx, "itself")
	<-first.Done()
	if err == nil || first.Err() == nil || errors.Is(first.Err(), xaeroflux.ErrClosed) {
		t.Errorf("one that stopped itself: %v, and of a request %v", first.Err(), err)
	}
	s = spawnFunc(t, db, end)
	storetest.Must(t, first.Stop(ctx)) // the second one goes on
	if _, err = s.Request(ctx, "broken"); err == nil {
		t.Error("a request that broke the actor was answered")
	}
	<-s.Done()
	if err := s.Err(); !errors.Is(err, reason) {
		t.Errorf("one that failed for good: %v", err)
	}
	s = spawnFunc(t, db, end)
	storetest.Must(t, db.Close())
	<-s.Done()
	if !errors.Is(s.Err(), xaeroflux.ErrClosed) {
		t.Errorf("with the store: %v", s.Err())
	}
	if _, err := s.Request(ctx, "anything"); !errors.Is(err, xaeroflux.ErrClosed) {
		t.Errorf("a request after Close: %v", err)
	}
}

// An event that an actor had done when it was told to stop does not come again.
func TestStopKeepsWhatIsDone(t *testing.T) {
	db := storetest.Open(t, filepath.Join(t.TempDir(), "s"), nil)
	storetest.MustAppend(t, db, 3, "event %d")
	given, goOn := make(chan struct{}), make(chan struct{})
	s := spawn(t, db, func(m *xaeroflux.Committed) {
		close(given)
		<-goOn
		m.Done(nil)
	}, nil)
	<-given
	stopped := make(chan error)
	go func() { stopped <- s.Stop(ctx) }()
	eventually(t, "the actor is not told to stop", func() bool { return stateOf(db).Queue > 0 })
	close(goOn)
	storetest.Must(t, <-stopped)
	storetest.MustAppend(t, db, 1, "event %d")
	if seqs := processed(t, db, "it", nil, 1); len(seqs) != 1 || seqs[0] != 3 {
		t.Errorf("then %v came", seqs)
	}
}

// A request is answered, now or later; one that the actor fails with ends at once, and so
// does one that nobody waits for any more.
func TestRequest(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	reason := errors.New("not with me")
	stashed := make(chan func(any), 1)
	s := spawnFunc(t, db, func(c actor.Context) {
		switch m := c.Message().(type) {
		case int:
			c.Respond(m + 1)
		case error:
			c.Respond(m)
		case string:
			panic(m)
		case bool:
			to, system := c.Sender(), c.ActorSystem()
			stashed <- func(answer any) { system.Root.Send(to, answer) }
		}
	})
	if n, err := s.Request(ctx, 41); n != 42 || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := s.Request(ctx, reason); !errors.Is(err, reason) {
		t.Errorf("an answer that is an error: %v", err)
	}
	if _, err := s.Request(ctx, "boom"); err == nil {
		t.Error("a request that the actor failed with was answered")
	}
	if n, err := s.Request(ctx, 1); n != 2 || err != nil {
		t.Errorf("after the restart: %v, %v", n, err)
	}
	later := make(chan any)
	go func() {
		a, err := s.Request(ctx, true)
		storetest.Must(t, err)
		later <- a
	}()
	answer := <-stashed
	s.Request(ctx, "boom") // not that one
	answer("at last")
	if a := <-later; a != "at last" {
		t.Errorf("%v", a)
	}
	short, cancel := context.WithCancel(ctx)
	go func() { <-stashed; cancel() }()
	if _, err := s.Request(short, true); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}
