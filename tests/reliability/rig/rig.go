// SPDX-License-Identifier: MPL-2.0

// Package rig runs a store with its actors inside the process of a harness, on a
// file system that the harness owns.
package rig

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/supervisor"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/transport"
)

// Small pages and segments, so that few events make many files.
const (
	PageBytes    = 4096
	SegmentPages = 4
)

// Place is where the stores of all rigs are, whatever a harness does to their
// directories: they are hurt, and not copied.
const Place = "rig"

// Patience is how long an append may take before it counts as hanging.
const Patience = 15 * time.Second

// system is shared: making one costs more than most positions.
var system = sync.OnceValue(func() *actor.ActorSystem { return supervisor.NewSystem(nil) })

// Options of a Rig; the zero value works.
type Options struct {
	FS      durable.FS
	Fault   func(op string) error // of the AOF
	Strike  pipeline.Fault        // of the stages and sessions
	Policy  supervisor.Policy
	Network *transport.Memory
	Seed    byte          // of the store's identity
	Wait    time.Duration // that an append or Close may take; 0 is Patience
}

// A Rig is a running store.
type Rig struct {
	Store *store.Store
	Node  *node.Node
	o     *oracle.Oracle
	wait  time.Duration
}

// Create makes the store of a rig, and its logs' topics.
func Create(dir string, o Options) error {
	return store.Create(dir, store.CreateOptions{
		PageBytes: PageBytes, SegmentPages: SegmentPages, Seed: identity.Seed{1, o.Seed}, Place: Place, FS: o.FS, Fault: o.Fault,
	})
}

// Open opens a store, joins the topics of the oracle's logs and starts actors.
func Open(dir string, want *oracle.Oracle, o Options) (*Rig, error) {
	st, err := store.Open(dir, store.Options{FS: o.FS, Place: Place, Fault: o.Fault, MapBytes: 1 << 20})
	if err != nil {
		return nil, err
	}
	for n := range want.Logs() {
		topic := oracle.Topic(n)
		if _, err := st.Join(topic.Genesis, topic.Keys, ""); err != nil {
			return nil, errors.Join(err, st.Close())
		}
	}
	if o.Network == nil {
		o.Network = transport.NewMemory(transport.MemoryOptions{})
	}
	node, err := node.Start(node.Config{
		System: system(), Store: st, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.UnixMilli(oracle.Epoch) },
		Carrier: o.Network.Node(st.Device().PeerID()), Fault: o.Strike, Policy: o.Policy,
	})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	if o.Wait == 0 {
		o.Wait = Patience
	}
	return &Rig{Store: st, Node: node, o: want, wait: o.Wait}, nil
}

// Append appends count events to log n, in one transaction, and tells the oracle.
func (r *Rig) Append(ctx context.Context, n, count int) error {
	l, err := oracle.Find(r.Store, n)
	if err != nil {
		return err
	}
	from := l.State().Size
	r.o.Issue(n, from+uint64(count))
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	at, err := r.Node.Pipeline().AppendBatch(ctx, l.ID, pipeline.Plain(oracle.Events(r.o.Seed(), n, from, count)...), pipeline.Conditions{}, time.UnixMilli(oracle.Epoch))
	if err != nil {
		return err
	}
	r.o.Ack(n, at.Seq+uint64(count))
	return nil
}

// Oracle knows what was appended.
func (r *Rig) Oracle() *oracle.Oracle { return r.o }

// Wait returns how long an append or Close may take.
func (r *Rig) Wait() time.Duration { return r.wait }

// Close stops actors and store.
func (r *Rig) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.wait)
	defer cancel()
	return errors.Join(r.Node.Close(ctx), r.Store.Close())
}
