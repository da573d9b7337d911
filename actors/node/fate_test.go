// SPDX-License-Identifier: MPL-2.0

package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

var paid = event.Event{Type: "paid", Payload: []byte("7 francs"), ID: event.ID{1, 2, 3}}

// A context that ends while the commit is waited for leaves the fate open, and
// says what to ask; whoever asks hears once it is settled.
func TestEndedContextIsUncertain(t *testing.T) {
	arrived, goOn := make(chan struct{}, 100), make(chan struct{})
	var armed atomic.Bool
	x := startOn(t, t.TempDir(), store.Options{Fault: func(op string) error {
		if op == "commit" && armed.Load() {
			arrived <- struct{}{}
			<-goOn
		}
		return nil
	}}, nil, supervisor.Policy{})
	defer x.close()
	armed.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := x.n.Pipeline().Append(ctx, x.log, pipeline.Entry{Event: paid}, epoch)
		ended <- err
	}()
	<-arrived
	cancel()
	err := <-ended
	var u *pipeline.UncertainError
	if !errors.As(err, &u) || !errors.Is(err, pipeline.ErrUncertain) || !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want an UncertainError", err)
	}
	if u.Stored || u.Log != x.log || u.Topic != testTopic.Genesis.ID() || u.From != 0 || len(u.IDs) != 1 || u.IDs[0] != paid.ID {
		t.Errorf("it asks %+v", u)
	}
	close(goOn)
	at, found, err := x.n.Pipeline().Find(t.Context(), x.log, paid.ID)
	if err != nil || !found || at.Seq != 0 || at.Log != x.log {
		t.Errorf("found %v at %+v, %v", found, at, err)
	}
	again, err := x.n.Pipeline().Append(t.Context(), x.log, pipeline.Entry{Event: paid}, epoch)
	if err != nil || again.Repeated != 1 || again.Seq != 0 {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if _, found, err := x.n.Pipeline().Find(t.Context(), x.log, event.ID{9}); found || err != nil {
		t.Errorf("an id of nothing: %v, %v", found, err)
	}
}

// full returns a file system on which pages find no room as long as it is set.
func full(now *atomic.Bool) durable.FS {
	return durable.NewFaulty(durable.OS, func(op durable.Op, name string) error {
		if now.Load() && strings.Contains(name, ".seg") && (op == durable.OpWrite || op == durable.OpPreallocate || op == durable.OpCreate) {
			return syscall.ENOSPC
		}
		return nil
	})
}

// An event committed when the disk is full is stored, though its pages find no room,
// and appended again with its ids as often as one likes it is there once.
func TestFullDiskSaysWhatIsStored(t *testing.T) {
	dir := t.TempDir()
	var isFull atomic.Bool
	events := make([]event.Event, 20)
	for i := range events {
		events[i] = event.Event{Payload: make([]byte, 1000), ID: event.ID{1, byte(i)}}
	}
	for round := range 3 {
		isFull.Store(false) // opening packs what is committed
		x := startOn(t, dir, store.Options{FS: full(&isFull)}, nil, supervisor.Policy{})
		isFull.Store(true)
		more := append(events[:len(events):len(events)], event.Event{Payload: make([]byte, 9000), ID: event.ID{2, byte(round)}})
		at, err := x.n.Pipeline().AppendBatch(t.Context(), x.log, pipeline.Plain(more...), pipeline.Conditions{}, epoch)
		var u *pipeline.UncertainError
		if told := errors.As(err, &u) && u.Stored && errors.Is(err, syscall.ENOSPC); err != nil && !told {
			t.Fatalf("round %d: %+v, %v; want it to be stored, or known as stored", round, at, err)
		}
		eventually(t, func() string {
			if err := x.n.Broken(); !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, pipeline.ErrReadOnly) {
				return fmt.Sprintf("round %d: read-only because of %v", round, err)
			}
			return ""
		})
		if _, found, err := x.n.Pipeline().Find(t.Context(), x.log, more[20].ID); !found || err != nil {
			t.Errorf("round %d: found %v, %v", round, found, err)
		}
		if _, err := x.n.Pipeline().Append(t.Context(), x.log, pipeline.Entry{}, epoch); errors.Is(err, pipeline.ErrUncertain) || !errors.Is(err, pipeline.ErrReadOnly) {
			t.Errorf("round %d, after it: %v", round, err)
		}
		x.n.Close(t.Context())
		if err := x.st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	x := startNode(t, dir, nil, supervisor.Policy{})
	defer x.close()
	if size, _ := x.root(); size != uint64(len(events)+3) {
		t.Errorf("%d events, want %d and one of each round", size, len(events))
	}
}

// A commit that fails may have reached the disk.
func TestFailedCommitIsUncertain(t *testing.T) {
	dir := t.TempDir()
	var fails atomic.Bool
	o := store.Options{Fault: func(op string) error {
		if op == "commit" && fails.Load() {
			return syscall.EIO
		}
		return nil
	}}
	x := startOn(t, dir, o, nil, supervisor.Policy{})
	fails.Store(true)
	_, err := x.n.Pipeline().Append(t.Context(), x.log, pipeline.Entry{Event: paid}, epoch)
	var u *pipeline.UncertainError
	if !errors.As(err, &u) || u.Stored || !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, want an UncertainError", err)
	}
	if _, _, err := x.n.Pipeline().Find(t.Context(), x.log, paid.ID); !errors.Is(err, pipeline.ErrReadOnly) {
		t.Errorf("asked before it is opened again: %v", err)
	}
	fails.Store(false)
	x.n.Close(t.Context())
	x.st.Close()
	x = startNode(t, dir, nil, supervisor.Policy{})
	defer x.close()
	if _, err := x.n.Pipeline().Append(t.Context(), x.log, pipeline.Entry{Event: paid}, epoch); err != nil {
		t.Error(err)
	}
	if size, _ := x.root(); size != 1 {
		t.Errorf("%d events, want 1", size)
	}
}

// A stage that restarts takes from the AOF what is committed by then. What it leads
// to may be published before the AOF writer waits for it; the append ends all the
// same.
func TestPublishedBeforeItIsWaitedFor(t *testing.T) {
	var x *running
	var kill, publish sync.Once
	held, restart := make(chan struct{}), make(chan struct{})
	fault := func(stage string, point int) {
		switch {
		case stage == pipeline.StageSegment && point == pipeline.AtStart:
			kill.Do(func() {
				close(held)
				<-restart
				panic("killed before anything was packed")
			})
		case stage == pipeline.StageAOF && point == pipeline.AtWork && isClosed(held):
			publish.Do(func() {
				close(restart)
				eventually(t, func() string {
					if size, _ := x.root(); size != 2 {
						return "what the stage took from the AOF is not published"
					}
					return ""
				})
			})
		}
	}
	x = startOn(t, t.TempDir(), store.Options{}, fault, supervisor.Policy{Base: time.Microsecond, Cap: time.Microsecond})
	defer x.close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 2)
	appendOne := func() {
		_, err := x.n.Pipeline().Append(ctx, x.log, pipeline.Entry{Event: event.Event{Payload: []byte("x")}}, epoch)
		ended <- err
	}
	go appendOne()
	<-held
	go appendOne()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
