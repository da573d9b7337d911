// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// LeaveOptions are for Leave. The zero value, like nil, means the defaults.
type LeaveOptions struct {
	// Delete has what is held of the topic deleted, files and rows, keys and the person's
	// secret in it: when the store is opened next, before anything of it is read. Until
	// then it can be read, and DB.Join keeps it. What others hold stays with them, and
	// backups hold what they hold.
	Delete bool
	// WithoutAsking leaves a topic that has members at once, and tells nobody: by the
	// roster this store goes on to belong.
	WithoutAsking bool
}

// Errors of leaving a topic that has members.
var (
	// ErrDeleted is returned by Join for a topic that has members, of which this store
	// deleted what it held: its log there cannot begin again.
	ErrDeleted = store.ErrDeleted
	// ErrSteward is returned to a store that writes the topic's roster: nobody could be
	// admitted or removed any more.
	ErrSteward = errors.New("this store writes the topic's roster: hand it over to another device first, or remove all others")
	// ErrOwnerKey is returned to a store that keeps the key of the topic's owner, if it is
	// to delete that: nobody could take the roster over any more.
	ErrOwnerKey = errors.New("this store keeps the key of the topic's owner, by which alone a lost roster is taken over: leave without deleting, or remove all others first")
)

// Leave ends this store's part in the topic: DB.Topics does not name it any more, no peer
// is offered it, and appends to it fail with ErrLeft. What is held of it stays and can
// be read, unless Delete is set; DB.Join takes it up again. The error is ErrOptions for the
// default topic, as DB.SetDefault has to name another one first.
//
// In a topic that has members the steward is asked first to remove this device, and the
// person with it if no other device of the person is there; Leave returns once it has. If ctx ends before, the error is
// ErrAsked: the ask stands, this store takes part until the steward has heard of it, and
// to leave then is to call Leave again. The steward itself is refused with ErrSteward, and
// the owner cannot be removed: the owner's only store leaves without asking, and belongs on.
func (t *Topic) Leave(ctx context.Context, o *LeaveOptions) (err error) {
	defer t.db.out(&err)
	if o == nil {
		o = &LeaveOptions{}
	}
	if t.Kind() != OpenTopic {
		if err := t.goodbye(ctx, o); err != nil {
			return wrap("leave topic", err)
		}
	}
	l, err := t.db.st.NewLeaving(t.t.ID, o.Delete)
	if err == nil {
		err = t.db.change(ctx, l)
	}
	switch {
	case errors.Is(err, store.ErrDefault):
		return fmt.Errorf("leave topic: %w: %w", ErrOptions, err)
	case err != nil:
		return fmt.Errorf("leave topic: %w", err)
	}
	t.db.node.Mesh().TopicsChanged()
	return nil
}

// goodbye has the steward remove this store's person, if that is for the steward to do.
func (t *Topic) goodbye(ctx context.Context, o *LeaveOptions) error {
	if err := t.mayChange(ctx); err != nil {
		return err
	}
	if t.db.def().ID() == t.ID() {
		return fmt.Errorf("%w: %w", ErrOptions, store.ErrDefault)
	}
	st, err := t.roster()
	if err != nil {
		return err
	}
	self := t.db.st.DeviceKey(t.t)
	d, _ := st.Device(self)
	owner := d.Account == roster.Key(t.t.Genesis.Owner) && len(st.Devices(d.Account)) == 1
	switch {
	case !d.Belongs || alone(st, self):
		return nil
	case writes(st, self):
		return ErrSteward
	case owner && o.Delete && !t.t.Account.Secret.IsZero():
		return ErrOwnerKey
	case owner || o.WithoutAsking:
		return nil
	}
	ask, err := t.db.node.Keeper().AskToLeave(ctx, t.t.ID)
	if err != nil {
		return err
	}
	return t.await(ctx, ask, func(st *roster.State) bool { d, _ := st.Device(self); return !d.Belongs })
}

// alone reports whether no other device belongs.
func alone(st *roster.State, self roster.Key) bool {
	for _, a := range st.Accounts() {
		for _, d := range st.Devices(a.Key) {
			if d.Key != self {
				return false
			}
		}
	}
	return true
}
