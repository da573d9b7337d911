// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/xaeroflux/xaeroflux/actors/node"
	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/pipenet"
	"github.com/xaeroflux/xaeroflux/segwriter"
	"github.com/xaeroflux/xaeroflux/supervisor"
)

// A DB is an open store. Its own methods speak of the default topic and of the
// log that this store appends to in it; Topic and Log give the others.
type DB struct {
	opts Options
	st   *store.Store
	log  *slog.Logger
	hub  *hub
	node *node.Node

	pipes *pipenet.Carrier // one of the node's, for SyncOver and ServeOver

	system    *actor.ActorSystem
	ownSystem bool

	given *given // what the application was given, for refs

	names *names // that cursors are in use under

	defaults sync.RWMutex // held while an append means the default topic, and to change which it is

	closed    atomic.Bool
	readers   *readers
	closeOnce sync.Once
	closeErr  error
}

// Open opens the store in dir, creating it if there is none, and starts its
// actors. A store whose creation stopped before its first topic is none yet: Open
// goes on with it as with an empty directory. The error is ErrNoStore, ErrExists, ErrRemains, ErrInUse, ErrFormat,
// ErrOptions, ErrInvite, ErrPassphrase, ErrCorrupt, or one of the file system's.
func Open(dir string, options *Options) (_ *DB, err error) {
	defer out(&err)
	return open(dir, options, nil)
}

// open is Open, of a store that is one of the person's with these words if they are not nil.
func open(dir string, options *Options, words *identity.Words) (*DB, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	invite, err := o.invite()
	if err != nil {
		return nil, err
	}
	if err := notBackup(dir); err != nil {
		return nil, err
	}
	db := &DB{opts: o, log: o.Logger, hub: newHub(), given: newGiven(), readers: newReaders(), names: newNames()}
	db.st, err = store.Open(dir, store.Options{
		New: o.newStore(dir, invite), MapBytes: o.MapBytes, Copied: db.copied, Now: o.Now, Place: o.Place, Adopt: o.Adopt, Alone: o.Alone,
		Passphrase: o.Passphrase, MaxOpenFiles: o.MaxOpenFiles, CountBytes: o.Quota.StoreBytes > 0,
		ReadOnly: o.ReadOnly,
	})
	if err != nil {
		return nil, err
	}
	db.opts.NewPassphrase, db.opts.Passphrase = nil, nil // of no use any more, and secret
	if err := db.startOrClose(invite, words); err != nil {
		return nil, err
	}
	return db, nil
}

// startOrClose gives back the lock whatever happens: NewCarrier is of a program.
func (db *DB) startOrClose(invite *identity.Invite, words *identity.Words) (err error) {
	started := false
	defer func() {
		if !started {
			err = errors.Join(err, db.Close())
		}
	}()
	err = db.start(invite, words)
	started = err == nil
	return err
}

// unfounded reports whether a store is there whose creation stopped before its first
// topic: it goes on.
func unfounded(dir string, ask identity.Passphrase) bool {
	st, err := store.Open(dir, store.Options{ReadOnly: true, Passphrase: ask})
	if err != nil {
		return false
	}
	unfounded := st.Unfounded()
	return st.Close() == nil && unfounded != nil
}

// newStore is what to create if there is no store, or nil for nothing. A store
// without a topic is gone on with; joinFirst sees, under the lock, whether it is one.
func (o Options) newStore(dir string, invite *identity.Invite) *store.CreateOptions {
	if o.MustExist {
		return nil
	}
	pageBytes := o.PageBytes
	if pageBytes == 0 {
		pageBytes = segwriter.DefaultPageBytes
	}
	n := &store.CreateOptions{MustCreate: o.MustCreate && !unfounded(dir, o.Passphrase), Passphrase: o.NewPassphrase, PageBytes: pageBytes, SegmentPages: o.SegmentPages, Place: o.Place}
	if invite != nil && !links(invite) {
		n.First = invite.Topic()
	}
	return n
}

func (db *DB) start(invite *identity.Invite, words *identity.Words) error {
	if err := db.joinFirst(invite, words != nil); err != nil {
		return err
	}
	if words != nil {
		if err := db.returnHome(*words); err != nil {
			return err
		}
	}
	db.system, db.ownSystem = db.opts.Actors.System, db.opts.Actors.System == nil
	if db.ownSystem {
		db.system = supervisor.NewSystem(db.log)
	}
	carriers, pipes, err := db.opts.carriers(db.st.Device())
	if err != nil {
		return err
	}
	db.pipes = pipes
	db.node, err = node.Start(node.Config{
		System: db.system, Store: db.st, Logger: db.log, Fault: db.opts.fault,
		Carrier: carriers, Lookup: db.opts.lookup(), RetryBetter: db.opts.RetryQUIC, Now: db.opts.Now, PeerTimeout: db.opts.PeerTimeout, Quota: pipeline.Quota(db.opts.Quota),
		Advanced: db.hub.advanced, KeysCame: func(t identity.TopicID) { db.keysCame(t) }, Advertise: db.opts.Advertise, Doze: db.opts.Doze, Stall: db.opts.StallTimeout, Joining: db.joining,
	})
	if err != nil {
		return err
	}
	if db.opts.Listen != "" {
		if _, err := db.Listen(context.Background(), db.opts.Listen); err != nil {
			return err
		}
	}
	if invite != nil && !db.opts.ReadOnly {
		if err := db.meet(invite); err != nil {
			return err
		}
	}
	for _, p := range db.opts.Peers {
		if err := db.Connect(context.Background(), p); err != nil {
			return err
		}
	}
	return nil
}

// joinFirst joins the topic of the invite, or founds a first one in a store that is
// being created. A store that was to join a topic when it stopped never founds another
// one, unless that is what MustCreate asks for.
func (db *DB) joinFirst(invite *identity.Invite, recovers bool) error {
	unfounded := db.st.Unfounded()
	switch {
	case unfounded == nil && db.opts.MustCreate:
		return fmt.Errorf("store %s: %w", db.Dir(), ErrExists)
	case unfounded != nil && db.opts.MustExist:
		return fmt.Errorf("store %s: %w", db.Dir(), unfounded)
	case invite != nil && db.hasLeft(invite):
		return nil
	case links(invite) && unfounded != nil: // the home topic is nobody's default
		if err := db.foundFirst(); err != nil {
			return err
		}
		return db.joinAs(invite)
	case invite != nil:
		return db.joinAs(invite)
	case unfounded == nil:
		return nil
	case !unfounded.Topic.IsZero() && !db.opts.MustCreate && !recovers:
		return fmt.Errorf("store %s: %w", db.Dir(), unfounded)
	}
	return db.foundFirst()
}

func (db *DB) foundFirst() error {
	policy, err := db.opts.Kind.policy()
	if err == nil {
		_, err = db.st.Found(db.opts.TopicName, store.Founding{Policy: policy, PageBytes: db.opts.PageBytes}, db.opts.Now())
	}
	return err
}

func (db *DB) joinAs(invite *identity.Invite) error {
	j, err := db.st.NewInvited(invite, db.opts.Now())
	if err != nil {
		return err
	}
	return db.st.Do(j)
}

// hasLeft reports whether a person left the topic of the invite: Join takes it up.
func (db *DB) hasLeft(invite *identity.Invite) bool {
	t, err := db.st.Topic(invite.Topic())
	return err == nil && t.Left
}

// meet connects to the peers of an invite, unless its topic was left.
func (db *DB) meet(invite *identity.Invite) error {
	if db.hasLeft(invite) {
		return nil
	}
	for _, a := range invite.Peers {
		if err := db.node.Mesh().KeepConnected(a); err != nil {
			return err
		}
	}
	return nil
}

// Close stops the network, waits for appends under way, stops the actors in
// pipeline order, and releases files and lock. After it, nothing of this store
// is left running. Loops over events and whatever else is under way end with
// ErrClosed; Close may be called inside of them, but not inside of a progress
// function. A handler of a Capability left running is ErrHandler, so Serve and Heard
// should not call it. Calling it again returns what the first call did.
func (db *DB) Close() (err error) {
	defer out(&err)
	db.closeOnce.Do(func() { db.closeErr = db.close() })
	return db.closeErr
}

func (db *DB) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), db.opts.CloseTimeout)
	defer cancel()
	db.closed.Store(true)
	db.hub.close()
	idle := db.readers.close()
	var errs []error
	if db.node != nil {
		errs = append(errs, db.node.Close(ctx))
	}
	if db.ownSystem && db.system != nil {
		db.system.Shutdown()
	}
	errs = append(errs, db.release(ctx, idle))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close %s: %w", db.st.Dir(), err)
	}
	return nil
}

// usable returns ErrClosed after Close.
func (db *DB) usable() error {
	if db.closed.Load() {
		return ErrClosed
	}
	return nil
}

// meets returns why this store meets no peers, if so.
func (db *DB) meets() error {
	if err := db.usable(); err != nil {
		return err
	}
	if db.opts.ReadOnly {
		return db.ReadOnly()
	}
	return nil
}

// Dir returns the store's directory.
func (db *DB) Dir() string { return db.st.Dir() }

// PeerID returns the identity under which peers know this store.
func (db *DB) PeerID() PeerID { return PeerID(db.node.PeerID()) }

// ReadOnly returns why the store takes nothing, an ErrReadOnly with the reason: the
// write that failed, or that it was opened read-only; and ErrClosed of a store that
// took everything until Close. Nil means that it does.
func (db *DB) ReadOnly() error { return outward(cmp.Or(db.node.Broken(), db.usable())) }
