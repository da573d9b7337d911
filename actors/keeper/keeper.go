// SPDX-License-Identifier: MPL-2.0

// Package keeper keeps the rosters of a store's topics: an actor that learns the keys
// which come with a roster and its boxes, and that writes the rosters whose steward this
// device is.
//
// Rule: what is written follows from the roster, the asks and the logs that the store
// holds, by package steward; this room reads and appends, one topic at a time. It knows
// no session.
//
// Start with New and Keeper.Props.
package keeper

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Name is the actor's.
const Name = "keeper"

// A Config is what a Keeper works with.
type Config struct {
	Context  context.Context
	Store    *store.Store
	Pipeline *pipeline.Pipeline
	Logger   *slog.Logger
	Now      func() time.Time
	// Turned is called when keys of a topic came, or this device goes on in another log of
	// it: it is offered to peers anew, and more of it can be read.
	Turned func(topic digest.Hash)
	// Found is called once for each fault of a roster.
	Found func(*store.RosterFault)
	Go    func(func()) // runs a function as one of the node's goroutines
	// Wake sends Look to the actor.
	Wake func()
	// SealLimit is how many events a log has under one epoch at most. Default: 2³¹.
	SealLimit uint64
}

// A Keeper keeps the rosters of a store's topics.
type Keeper struct {
	Config

	mu       sync.Mutex // guards due, met, timers, lent and suspects
	due      map[digest.Hash]bool
	lent     map[digest.Hash][]layout.KEMKey
	met      map[digest.Hash]bool // topics in which another device held the same since this store was opened
	timers   map[digest.Hash]*time.Timer
	suspects map[digest.Hash]bool // topics whose rosters are to be looked at for faults

	watchers watchers

	round   sync.Mutex // held while all that is due is tended
	tending sync.Mutex // held while a topic is tended, or its person acts; guards asks, own, healed and behind
	asks    map[digest.Hash]*asked
	told    map[digest.Hash]map[faultAt]bool // faults that were told; tending is held
	own     map[digest.Hash]*mine
	healed  map[digest.Hash]time.Time // when this device asked for a box last
	behind  map[digest.Hash]bool      // rosters that were told to wait for a person
}

// New returns a keeper. It has nothing to do before Look.
func New(c Config) *Keeper {
	c.SealLimit = cmp.Or(c.SealLimit, sealLimit)
	k := &Keeper{Config: c, due: map[digest.Hash]bool{}, lent: map[digest.Hash][]layout.KEMKey{}, met: map[digest.Hash]bool{}, timers: map[digest.Hash]*time.Timer{}, asks: map[digest.Hash]*asked{}, own: map[digest.Hash]*mine{}, healed: map[digest.Hash]time.Time{}, behind: map[digest.Hash]bool{}, suspects: map[digest.Hash]bool{}, told: map[digest.Hash]map[faultAt]bool{}, watchers: watchers{all: map[digest.Hash]map[*Watching]bool{}}}
	context.AfterFunc(c.Context, k.stopTimers) // each holds the store
	return k
}

// Look makes the actor look at the topics that have something new.
type Look struct{}

// Props returns the actor.
func (k *Keeper) Props() *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &keeping{k} })
}

type keeping struct{ k *Keeper }

// Receive implements actor.Actor.
func (a *keeping) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		for _, t := range a.k.Store.Topics() {
			a.k.note(t.ID)
			if !t.Genesis.Policy.Has(identity.PolicyOpen) {
				a.k.look(t.ID)
			}
		}
		a.k.tendAll()
	case *Look:
		a.k.tendAll()
	}
}

// Advanced takes note that a log has a new state. It returns at once.
func (k *Keeper) Advanced(l *store.Log) {
	if forked := l.Row().Frozen || l.Kind == identity.KindRoster; !forked && (!l.OfMembers() || l.Kind == identity.KindData && l.Own) {
		return // an open topic has no keys to learn and nobody to admit; what is ours is not asked for
	}
	if l.Kind != identity.KindData {
		k.look(l.Topic)
	}
	if k.note(l.Topic) {
		k.Wake()
	}
	if l.Kind == identity.KindRoster {
		k.watchers.news(l.Topic)
	}
}

// Met takes note that a peer holds the same of a topic as this store.
func (k *Keeper) Met(topic digest.Hash) {
	k.mu.Lock()
	first := !k.met[topic]
	k.met[topic] = true
	k.mu.Unlock()
	if t, err := k.Store.Topic(topic); err == nil && t.Genesis.Policy.Has(identity.PolicyOpen) {
		return // its asks are not answered, whoever was met
	}
	if first && k.note(topic) {
		k.Wake()
	}
}

// Trust takes note that a person says that what this store holds of a roster is all of it.
func (k *Keeper) Trust(topic digest.Hash) {
	k.Met(topic)
	if k.note(topic) {
		k.Wake()
	}
}

// note reports whether the actor has to be woken.
func (k *Keeper) note(topic digest.Hash) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	idle := len(k.due) == 0
	k.due[topic] = true
	return idle
}

// take returns the topics that are due.
func (k *Keeper) take() map[digest.Hash]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	due := k.due
	k.due = map[digest.Hash]bool{}
	return due
}

// Settle looks at all topics that have members, and returns once nothing of that is under
// way, or ctx ends: what a sync brought can be read then. It does not wait to be told of
// what is new: that may come a moment after a sync has seen it.
func (k *Keeper) Settle(ctx context.Context) {
	for _, t := range k.Store.Topics() {
		if !t.Genesis.Policy.Has(identity.PolicyOpen) {
			k.note(t.ID)
		}
	}
	k.await(ctx)
}

// SettleOne is Settle for one topic.
func (k *Keeper) SettleOne(ctx context.Context, topic digest.Hash) {
	k.SettleSome(ctx, []digest.Hash{topic})
}

// SettleSome is Settle for some topics, whether they have members or not: logs of others
// may be to begin anew.
func (k *Keeper) SettleSome(ctx context.Context, topics []digest.Hash) {
	for _, t := range topics {
		k.note(t)
	}
	k.await(ctx)
}

// await tends what is due, until ctx ends.
func (k *Keeper) await(ctx context.Context) {
	done := make(chan struct{})
	k.Go(func() {
		defer close(done)
		k.tendAll()
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (k *Keeper) tendAll() {
	k.round.Lock()
	defer k.round.Unlock()
	for topic := range k.take() {
		if k.Context.Err() != nil {
			return
		}
		if err := k.tend(topic); err != nil && !errors.Is(err, pipeline.ErrClosed) && k.Context.Err() == nil {
			k.Logger.Error("the roster of a topic is not kept", slog.String("topic", topic.Short()), slog.Any("error", err))
		}
	}
}

// tend learns what keys are new of a topic, and writes its roster if that is for this
// device.
func (k *Keeper) tend(topic digest.Hash) error {
	k.tending.Lock()
	defer k.tending.Unlock()
	if err := k.beginAnew(topic); err != nil {
		return err
	}
	if err := k.learn(topic); err != nil {
		return err
	}
	if err := k.keepSigned(topic); err != nil {
		return err
	}
	if err := errors.Join(k.moveOn(topic), k.heal(topic)); err != nil {
		return err
	}
	wrote, err := k.answer(topic)
	if err == nil && wrote {
		err = k.learn(topic)
	}
	if err != nil {
		return err
	}
	return k.tellFaults(topic)
}

// beginAnew lets forked logs begin anew of which the roster names another branch.
func (k *Keeper) beginAnew(topic digest.Hash) error {
	logs, err := k.Store.Astray(topic)
	for _, log := range logs {
		err = errors.Join(err, k.Pipeline.Renew(k.Context, log, proof.Head{}))
		delete(k.asks, topic) // they are read from the other branch
	}
	return err
}

// learn opens what boxes are here for this store.
func (k *Keeper) learn(topic digest.Hash) error {
	keys, err := k.Store.LearnKeys(topic, k.lentFor(topic)...)
	if err != nil || keys == nil {
		return err
	}
	if err := k.Pipeline.Do(k.Context, keys); err != nil {
		return err
	}
	k.Turned(topic)
	return nil
}

// keepSigned keeps how much of the roster was found to be signed, so that it is not looked
// at again when the store is opened.
func (k *Keeper) keepSigned(topic digest.Hash) error {
	t, err := k.Store.Topic(topic)
	if err != nil || k.Store.ReadOnly() != nil {
		return err
	}
	n, err := k.Store.NewSigned(t)
	if err != nil || n == nil {
		return err
	}
	return k.Pipeline.Do(k.Context, n)
}
