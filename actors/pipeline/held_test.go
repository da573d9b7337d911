// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"bytes"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// newHolder returns an AOF writer, and the batches that the next stage is sent.
func newHolder(t *testing.T) (*aofWriter, <-chan *messages.Batch) {
	t.Helper()
	p := &Pipeline{system: supervisor.NewSystem(nil)}
	came := make(chan *messages.Batch, 64)
	next := func(ctx actor.Context) {
		if b, ok := ctx.Message().(*messages.Batch); ok {
			came <- b
		}
	}
	pid := p.system.Root.Spawn(actor.PropsFromFunc(next))
	p.stages[atSegment].pid.Store(pid)
	t.Cleanup(func() {
		_ = p.system.Root.StopFuture(pid).Wait()
		p.system.Shutdown()
	})
	return &aofWriter{p}, came
}

func batchOf(log byte, first uint64, n int) *messages.Batch {
	return &messages.Batch{
		Log: digest.Hash{log}, First: first, Leaves: make([]digest.Hash, n), Records: bytes.Repeat([]byte{byte(first)}, 10*n),
	}
}

// wants takes the next batch that came.
func wants(t *testing.T, came <-chan *messages.Batch, log byte, first, end uint64) {
	t.Helper()
	select {
	case b := <-came:
		if b.Log != (digest.Hash{log}) || b.First != first || b.End() != end || len(b.Records) != 10*len(b.Leaves) {
			t.Errorf("came [%d, %d) of log %d with %d bytes, want [%d, %d) of %d", b.First, b.End(), b.Log[0], len(b.Records), first, end, log)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
}

// Published events go on together, in their order, before all that follows them.
func TestPublishedEventsAreGathered(t *testing.T) {
	w, came := newHolder(t)
	returned := 0
	for i := range uint64(3) {
		b := batchOf(1, i, 1)
		b.Recycle = func([]byte) { returned++ }
		w.sendOn(b, true)
	}
	if returned != 3 || w.p.held.End() != 3 {
		t.Errorf("%d buffers were returned, held is [0, %d)", returned, w.p.held.End())
	}
	w.sendOn(batchOf(2, 7, 1), true) // of another log
	wants(t, came, 1, 0, 3)
	w.sendOn(batchOf(2, 8, 2), false) // nobody published it
	wants(t, came, 2, 7, 8)
	wants(t, came, 2, 8, 10)
	for at := uint64(10); at < 10+heldEvents; at++ { // as many as are held at most
		w.sendOn(batchOf(2, at, 1), true)
	}
	wants(t, came, 2, 10, 10+heldEvents)
	w.sendOn(batchOf(2, 200, 1), true)
	w.sendOn(batchOf(2, 300, 1), true) // what is between was sent on before, by one that was restarted
	wants(t, came, 2, 200, 201)
	if w.sendHeld(); w.p.held != nil {
		t.Error("it holds what it sent")
	}
	wants(t, came, 2, 300, 301)
}

// Held events go on though nothing follows them.
func TestHeldEventsGoOnByThemselves(t *testing.T) {
	w, came := newHolder(t)
	pid := w.p.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *messages.Batch:
			w.sendOn(m, true)
		case *messages.Release:
			w.sendHeld()
		}
	}))
	defer func() { _ = w.p.system.Root.StopFuture(pid).Wait() }()
	w.p.stages[atAOF].pid.Store(pid)
	w.p.tell(atAOF, batchOf(1, 0, 1))
	wants(t, came, 1, 0, 1)
}
