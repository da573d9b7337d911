// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A RemovalState is what became of the removal of a device.
type RemovalState string

// The states.
const (
	RemovalDone    RemovalState = "removed" // the device belongs no more
	RemovalAsked   RemovalState = "asked"   // the steward of the topic was asked, and has not answered yet
	RemovalLater   RemovalState = "later"   // it is tried again by itself, as often as a member is met: Err says what is in the way
	RemovalRefused RemovalState = "refused" // Err says why: as a rule the device writes the roster
	RemovalAbsent  RemovalState = "absent"  // this store is not in the topic: another device of the person does it
	RemovalUnknown RemovalState = "unknown" // nobody knows which device of the topic it is: Topic.RemoveDevice, there
)

// A DeviceRemoval is what became of the removal of a device from one topic.
type DeviceRemoval struct {
	Topic  TopicID      `json:"topic,omitzero"`  // none for the list of the person's devices
	Name   string       `json:"name,omitempty"`  // of the topic
	Device AuthorKey    `json:"device,omitzero"` // as it is known there
	State  RemovalState `json:"state"`           // removed, asked, later, refused, absent or unknown
	Why    string       `json:"why,omitempty"`   // Err, for people
	Err    error        `json:"-"`

	ask roster.AskRef // that stands
}

// RemoveDeviceEverywhere takes a device off the list of this person's devices, which Devices
// returns, and removes it from each topic that it is in, as one that was lost or stolen.
// The person's other devices hear of that, and remove it from the topics that they are in
// and from those that it came into meanwhile; no device with that key is one of the person's
// again. It returns what became of that by the end of ctx, the topics by their ids and the
// list as the last: what was asked for stands, and what cannot be done yet is tried again.
// Errors are those of DB.RemoveDevice.
func (db *DB) RemoveDeviceEverywhere(ctx context.Context, device AuthorKey) (_ []DeviceRemoval, err error) {
	defer db.out(&err)
	all, err := db.removeEverywhere(ctx, roster.Key(device))
	return all, wrap("remove device", err)
}

func (db *DB) removeEverywhere(ctx context.Context, device roster.Key) ([]DeviceRemoval, error) {
	if err := db.mayChange(ctx); err != nil {
		return nil, err
	}
	list, err := db.home()
	if err != nil {
		return nil, err
	}
	st, err := list.roster()
	if err != nil {
		return nil, err
	}
	switch _, known := st.Device(device); {
	case !known:
		return nil, fmt.Errorf("%w: %s is no device of this person", ErrOptions, AuthorKey(device).Short())
	case device == db.st.DeviceKey(list.t):
		return nil, fmt.Errorf("%w: %s is this store: remove it at another device", ErrOptions, AuthorKey(device).Short())
	}
	at, err := db.node.Home().SayGone(device)
	if err != nil {
		return nil, err
	}
	var all []DeviceRemoval
	for _, p := range at {
		all = append(all, db.removalsFrom(p)...)
	}
	all = append(all, db.removeFrom(list, device))
	for i := range all {
		db.awaitRemoval(ctx, &all[i])
	}
	db.node.Home().Changed()
	return all, nil
}

// removalsFrom has a device removed from a topic, by each key that it has there.
func (db *DB) removalsFrom(p home.Presence) (all []DeviceRemoval) {
	one := DeviceRemoval{Topic: TopicID(p.Topic), Name: p.Name}
	t, err := db.st.Topic(p.Topic)
	switch {
	case err != nil || t.Left:
		one.State = RemovalAbsent
		return []DeviceRemoval{one}
	case len(p.Keys) == 0:
		one.State = RemovalUnknown
		return []DeviceRemoval{one}
	}
	for _, key := range p.Keys {
		x := db.removeFrom(&Topic{db: db, t: t}, key)
		x.Topic, x.Name = one.Topic, t.Name
		all = append(all, x)
	}
	return all
}

// removeFrom has a device removed from a topic, or asks for it.
func (db *DB) removeFrom(t *Topic, device roster.Key) DeviceRemoval {
	x := DeviceRemoval{Device: AuthorKey(device), State: RemovalDone}
	st, err := t.roster()
	if err != nil {
		return x.failed(err)
	}
	if d, _ := st.Device(device); !d.Belongs {
		return x
	}
	d, err := t.removable(st, device)
	if err != nil {
		return x.failed(err)
	}
	a, err := db.node.Keeper().AskToRemove(db.node.Context(), t.t.ID, d.Account, device)
	switch {
	case err != nil:
		return x.failed(err)
	case !a.Done:
		x.State, x.ask = RemovalAsked, a.Ask
	}
	return x
}

// failed is x that ended with an error.
func (x DeviceRemoval) failed(err error) DeviceRemoval {
	x.State, x.Err, x.Why = RemovalRefused, err, err.Error()
	if errors.Is(err, ErrUnmet) {
		x.State = RemovalLater
	}
	return x
}

// awaitRemoval waits until a steward has answered.
func (db *DB) awaitRemoval(ctx context.Context, x *DeviceRemoval) {
	if x.State != RemovalAsked {
		return
	}
	t, err := db.removedFrom(x)
	if err == nil {
		gone := func(st *roster.State) bool { d, _ := st.Device(roster.Key(x.Device)); return !d.Belongs }
		err = t.await(ctx, x.ask, gone)
	}
	switch {
	case err == nil:
		x.State = RemovalDone
	case !errors.Is(err, ErrAsked):
		*x = x.failed(err)
	}
}

// removedFrom returns the topic that a removal is about.
func (db *DB) removedFrom(x *DeviceRemoval) (*Topic, error) {
	if x.Topic.IsZero() {
		return db.home()
	}
	t, err := db.st.Topic([32]byte(x.Topic))
	return &Topic{db: db, t: t}, err
}

// KeepDevices has this store keep the list of this person's devices from now on, which
// the first one does until then: that one can be removed like any other then. It returns
// once that is so, or with ErrAsked when ctx ends: it stands then. If the one that keeps it
// is lost, see KeepDevicesByWords. The error is ErrNoWords if there is no list.
func (db *DB) KeepDevices(ctx context.Context) (err error) {
	defer db.out(&err)
	if err := db.mayChange(ctx); err != nil {
		return wrap("keep the list of devices", err)
	}
	t, err := db.home()
	if err != nil {
		return wrap("keep the list of devices", err)
	}
	if now, err := t.Roster(); err != nil || now.Self {
		return wrap("keep the list of devices", err)
	}
	return wrap("keep the list of devices", t.AskHandover(ctx))
}

// KeepDevicesByWords is KeepDevices by the person's words, whatever became of the device
// that kept the list. The error is ErrWords or ErrOtherWords.
func (db *DB) KeepDevicesByWords(ctx context.Context, phrase string) (err error) {
	defer db.out(&err)
	return wrap("keep the list of devices", db.keepByWords(ctx, phrase))
}

func (db *DB) keepByWords(ctx context.Context, phrase string) error {
	if err := db.mayChange(ctx); err != nil {
		return err
	}
	w, err := identity.ParseWords(phrase)
	if err != nil {
		return err
	}
	t, err := db.home()
	if err != nil {
		return err
	}
	h := w.Home()
	if h.Genesis.ID() != t.t.ID {
		return ErrOtherWords
	}
	return db.node.Keeper().TakeOver(ctx, t.t.ID, h.Account)
}
