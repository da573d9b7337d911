// SPDX-License-Identifier: MPL-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/tests/storetest"
)

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// ownAndOther opens a store that holds a log of its own with n events and one of
// another store with a few.
func ownAndOther(t *testing.T, n int) (db *xaeroflux.DB, other xaeroflux.LogID) {
	t.Helper()
	b := storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Listen: "127.0.0.1:0"})
	storetest.MustAppend(t, b, 3, "other %d")
	db = storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Invite: storetest.Invited(b)})
	storetest.MustAppend(t, db, n, "own %d")
	if _, err := db.Sync(t.Context(), b.SyncStatus().Listening[0].Address.String()); err != nil {
		t.Fatal(err)
	}
	return db, b.Head().Log
}

// A log that is appended to all the time does not keep another one waiting: each
// gets its turn, whichever id is first.
func TestBusyLogStarvesNobody(t *testing.T) {
	const behind = 20_000
	db, other := ownAndOther(t, behind)
	more := storetest.Payloads(300, 10)
	own, others := 0, 0
	for r, err := range db.Subscribe(t.Context(), xaeroflux.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Log == other {
			if others++; others == 3 {
				break
			}
			continue
		}
		if own++; own%100 == 0 { // it is busier than it is read
			if _, err := db.AppendBatch(t.Context(), more); err != nil {
				t.Fatal(err)
			}
		}
		if own > behind/2 {
			t.Fatalf("%d events of the busy log, %d of the other one", own, others)
		}
	}
}

// A func is a user actor that is one function.
type receiver func(*xaeroflux.Committed)

func (f receiver) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*xaeroflux.Committed); ok {
		f(m)
	}
}

func (f receiver) props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return f })
}

func spawn(t *testing.T, db *xaeroflux.DB, f receiver, o *xaeroflux.SpawnOptions) *xaeroflux.Spawned {
	t.Helper()
	s, err := db.Spawn("it", f.props(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stateOf(db *xaeroflux.DB) xaeroflux.ActorStatus {
	all := db.Actors()
	return all[slices.IndexFunc(all, func(s xaeroflux.ActorStatus) bool { return s.Name == "user/it" })]
}

// Events that an actor does not take come again after a pause, which Actors
// explains, and do not hold up those of other logs.
func TestFailedBatchWaits(t *testing.T) {
	db, other := ownAndOther(t, 2000)
	var failures, done atomic.Int64
	reason := errors.New("no room for it here")
	fail := atomic.Bool{}
	fail.Store(true)
	var ofOther atomic.Int64
	began := time.Now()
	spawn(t, db, func(m *xaeroflux.Committed) {
		switch {
		case m.Records[0].Log != other:
			done.Add(int64(len(m.Records)))
			m.Done(nil)
		case fail.Load():
			failures.Add(1)
			m.Done(reason)
		default:
			ofOther.Add(int64(len(m.Records)))
			m.Done(nil)
		}
	}, &xaeroflux.SpawnOptions{Batch: 10})
	eventually(t, "events of the other log do not come again", func() bool { return failures.Load() >= 4 })
	if n, most := failures.Load(), 1+time.Since(began)/(30*time.Millisecond); n > int64(most) {
		t.Errorf("%d deliveries, want at most %d", n, most)
	}
	eventually(t, "the own log waits for the other one", func() bool { return done.Load() == 2000 })
	if s := stateOf(db); !strings.Contains(s.LastError, reason.Error()) || !strings.Contains(s.LastError, other.Short()) || !strings.Contains(s.Cursor, "wait") {
		t.Errorf("it is shown as %+v", s)
	}
	fail.Store(false)
	eventually(t, "they never come again", func() bool { return ofOther.Load() == 3 })
	eventually(t, "it still waits", func() bool { return stateOf(db).Cursor == "2003 events" })
}

// An actor that panics on another message is not sent what it has still before it.
func TestOneBatchAtATime(t *testing.T) {
	system := supervisor.NewSystem(nil)
	defer system.Shutdown()
	db := storetest.Open(t, t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, Actors: xaeroflux.ActorOptions{System: system}})
	inHand, goOn := make(chan struct{}), make(chan struct{})
	var got []uint64
	all := make(chan struct{})
	props := actor.PropsFromProducer(func() actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch m := ctx.Message().(type) {
			case string:
				inHand <- struct{}{}
				<-goOn
				panic(m)
			case *xaeroflux.Committed:
				for _, r := range m.Records {
					got = append(got, r.Seq)
				}
				if m.Done(nil); len(got) >= 20 {
					close(all)
				}
			}
		})
	})
	s, err := db.Spawn("it", props, nil)
	if err != nil {
		t.Fatal(err)
	}
	system.Root.Send(s.PID(), "boom")
	<-inHand
	storetest.MustAppend(t, db, 10, "event %d")
	eventually(t, "the batch is not on its way", func() bool { return stateOf(db).Queue > 0 })
	close(goOn)
	eventually(t, "no restart", func() bool { return stateOf(db).Restarts == 1 })
	storetest.MustAppend(t, db, 10, "event %d")
	<-all
	for i, seq := range got {
		if seq != uint64(i) {
			t.Fatalf("event %d at place %d: %v", seq, i, got)
		}
	}
}

// An actor that cannot be fed is not spawned.
func TestSpawnOfUnknownIsRefused(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	none := receiver(func(m *xaeroflux.Committed) { m.Done(nil) }).props()
	if _, err := db.Spawn("it", none, &xaeroflux.SpawnOptions{Topic: xaeroflux.TopicID{1}}); !errors.Is(err, xaeroflux.ErrUnknownTopic) {
		t.Errorf("of an unknown topic: %v", err)
	}
	if _, err := db.Spawn("it", none, &xaeroflux.SpawnOptions{Log: xaeroflux.LogID{1}}); !errors.Is(err, xaeroflux.ErrUnknownLog) {
		t.Errorf("of an unknown log: %v", err)
	}
	for _, name := range []string{"", "a/b", strings.Repeat("n", 65)} {
		if _, err := db.Spawn(name, none, nil); !errors.Is(err, xaeroflux.ErrOptions) {
			t.Errorf("as %q: %v", name, err)
		}
	}
	if _, err := db.Spawn("it", nil, nil); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("without props: %v", err)
	}
	if _, err := db.Spawn("it", none, &xaeroflux.SpawnOptions{Batch: -1}); !errors.Is(err, xaeroflux.ErrOptions) {
		t.Errorf("a batch of -1: %v", err)
	}
	if _, err := db.Spawn("it", none, nil); err != nil {
		t.Errorf("after it was refused: %v", err)
	}
}

// An actor that ends its goroutine has failed: it is shown, is given the same events
// again, and can be stopped.
func TestActorThatEndsItsGoroutineIsRestarted(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	var given atomic.Int64
	spawn(t, db, func(m *xaeroflux.Committed) {
		if given.Add(1) == 1 {
			runtime.Goexit()
		}
		m.Done(nil)
	}, nil)
	storetest.MustAppend(t, db, 1, "event %d")
	for deadline := time.Now().Add(10 * time.Second); given.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not given the event again")
		}
	}
	for _, a := range db.Actors() {
		if a.Name == "user/it" && (a.Restarts != 1 || !strings.Contains(a.LastError, supervisor.ErrGone.Error())) {
			t.Errorf("%+v", a)
		}
	}
}

// Events yields what there was when it was called.
func TestEventsIsASnapshot(t *testing.T) {
	db := storetest.Open(t, t.TempDir(), nil)
	storetest.MustAppend(t, db, 10, "event %d")
	events := db.Events(t.Context(), xaeroflux.Query{})
	storetest.MustAppend(t, db, 10, "event %d")
	for range 2 {
		n := 0
		for r, err := range events {
			if err != nil || r.Seq >= 10 {
				t.Fatalf("event %d, %v", r.Seq, err)
			}
			n++
			storetest.MustAppend(t, db, 1, "event %d")
		}
		if n != 10 {
			t.Errorf("%d events, want 10", n)
		}
	}
}

// A blocked actor does not keep a store from closing, and is reported once.
func TestBlockedActorIsOneError(t *testing.T) {
	release, blocked := make(chan struct{}), make(chan struct{})
	db, err := xaeroflux.Open(t.TempDir(), &xaeroflux.Options{Kind: xaeroflux.OpenTopic, CloseTimeout: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	spawn(t, db, func(*xaeroflux.Committed) { close(blocked); <-release }, nil)
	storetest.MustAppend(t, db, 1, "event %d")
	<-blocked
	err = db.Close()
	close(release)
	if n := strings.Count(fmt.Sprint(err), "user/it"); n != 1 || !errors.Is(err, supervisor.ErrStuck) {
		t.Errorf("%d times: %v", n, err)
	}
	if text := fmt.Sprint(err); strings.Contains(text, "\n") || strings.Contains(text, "storage") || errors.Is(err, context.Canceled) {
		t.Errorf("more than one error: %v", err)
	}
}
