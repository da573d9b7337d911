// SPDX-License-Identifier: MPL-2.0

// Package homekeeper keeps the home topic of a person, if this store is one of the
// person's devices: an actor that says there which topics this device is in, joins those
// that others are in, and lets others in.
//
// Rule: what is to be said follows from what the home topic and the store's topics say,
// by package home; this room reads, appends and joins. It knows no session.
//
// Start with New and Keeper.Props.
package homekeeper

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Name is the actor's.
const Name = "homekeeper"

// A Config is what a Keeper works with.
type Config struct {
	Context  context.Context
	Store    *store.Store
	Pipeline *pipeline.Pipeline
	Logger   *slog.Logger
	Now      func() time.Time
	Go       func(func()) // runs a function as one of the node's goroutines
	// Wake sends Look to the actor.
	Wake func()
	// Joining runs a function that may change which topic is the default.
	Joining func(func() error) error
	// Joined is called when a topic was joined; peers of it may be at some places.
	Joined func(topic identity.TopicID, places []identity.Address)
	// BeginRoster has the roster of an open topic begin, if that is for this store to do.
	BeginRoster func(context.Context, identity.TopicID) error
	// Places are where peers find this store.
	Places func() []identity.Address
	// Remove has a device of an account removed from a topic, unless that was asked for and
	// is not answered.
	Remove func(topic digest.Hash, account, device roster.Key) error
}

// A Keeper keeps the home topic.
type Keeper struct {
	Config

	mu  sync.Mutex // guards due
	due bool

	waits atomic.Bool // a device is to be removed that could not be

	tending sync.Mutex // held while the home topic is tended; guards read, asked and told
	read    reading
	asked   map[home.At]time.Time // when devices were asked to be removed
	told    bool                  // that this store is not linked
}

// New returns a keeper. It has nothing to do before Look.
func New(c Config) *Keeper { return &Keeper{Config: c, asked: map[home.At]time.Time{}} }

// Look makes the actor look at the home topic and at the topics of the store.
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
		a.k.note()
		a.k.tendDue()
	case *Look:
		a.k.tendDue()
	}
}

// Advanced takes note that a log has a new state. It returns at once.
func (k *Keeper) Advanced(l *store.Log) {
	begins := l.Own && l.Kind == identity.KindData && l.GrewFrom() == 0 // its topic is used from now on
	if begins || l.OfMembers() && (l.Kind == identity.KindRoster || k.Store.IsHome(l.Topic)) {
		k.Changed()
	}
}

// Changed takes note that there may be something new. It returns at once.
func (k *Keeper) Changed() {
	if k.Store.Home() != nil && k.note() {
		k.Wake()
	}
}

// note reports whether the actor has to be woken.
func (k *Keeper) note() (first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	first, k.due = !k.due, true
	return first
}

func (k *Keeper) take() (due bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	due, k.due = k.due, false
	return due
}

// Settle looks at the home topic, and returns once nothing of that is under way, or ctx ends.
func (k *Keeper) Settle(ctx context.Context) {
	k.note()
	done := make(chan struct{})
	k.Go(func() {
		defer close(done)
		k.tendDue()
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (k *Keeper) tendDue() {
	k.tending.Lock()
	defer k.tending.Unlock()
	if !k.take() || k.Store.Home() == nil || k.Context.Err() != nil {
		return
	}
	err := k.tend()
	if err != nil && !errors.Is(err, pipeline.ErrClosed) && !errors.Is(err, store.ErrSealed) && k.Context.Err() == nil {
		k.Logger.Error("the home topic is not kept", slog.Any("error", err))
	}
}

// State returns what the home topic says by now; nil without one. It is the caller's.
func (k *Keeper) State() (*home.State, error) {
	h := k.Store.Home()
	if h == nil {
		return nil, nil
	}
	k.tending.Lock()
	defer k.tending.Unlock()
	st, err := k.state(h)
	if err != nil {
		return nil, err
	}
	return st.Clone(), nil
}

// tend says and does what is due, until nothing is.
func (k *Keeper) tend() error {
	for {
		if refused, err := k.Store.Unlinked(); err != nil || refused != nil {
			k.tellUnlinked(refused)
			return err
		}
		h := k.Store.Home()
		st, err := k.state(h)
		if err != nil {
			return err
		}
		t, err := k.Store.Topic(h.Topic)
		if err != nil {
			return err
		}
		r := &round{k: k, home: h, topic: t, state: st}
		if err := r.run(); err != nil || !r.did {
			return err
		}
	}
}

// tellUnlinked says once that this store is none of the person's devices.
func (k *Keeper) tellUnlinked(refused error) {
	if refused != nil && !k.told {
		k.told = true
		k.Logger.Warn("this store is no device of the person that linked it: join by another link", slog.Any("error", refused))
	}
}

// A round is one look at all that may be due.
type round struct {
	k     *Keeper
	home  *layout.Home
	topic *store.Topic // the home topic
	state *home.State
	did   bool // something was said or done: what is due now is another question
}

func (r *round) run() error {
	for _, step := range []func() error{r.keepRoot, r.stateTopics, r.sayKeys, r.joinTopics, r.letIn, r.tellPetnames, r.removeGone} {
		if err := step(); err != nil || r.did {
			return err
		}
	}
	return nil
}

// do makes a change of the store durable.
func (r *round) do(c store.Change) error {
	r.did = true
	return r.k.Pipeline.Do(r.k.Context, c)
}

// keepRoot keeps the person's root KEM key once another device has said it.
func (r *round) keepRoot() error {
	if r.home.Root != nil || r.state.Root() == nil {
		return nil
	}
	return r.do(r.k.Store.NewRoot(&r.state.Root().KEM))
}

// isHome reports whether a topic is the home topic.
func (r *round) isHome(id digest.Hash) bool { return id == r.home.Topic }
