// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/steward"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A recoveryPlace is a topic, and the secret of the account there.
type recoveryPlace struct {
	t       *store.Topic
	account identity.AccountSecret
}

func (p *recoveryPlace) key() roster.Key { return identity.PublicKey(p.account.Key()) }

// admission sees to it that this store is admitted wherever the steward is a device of the
// person: it waits for that one a moment, and then goes on in its place.
func (r *recovering) admission(ctx context.Context) error {
	if !r.got.Home && r.opts.RemoveOthers {
		if err := r.foundHome(ctx); err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(r.opts.Wait); ; {
		waits, err := r.waiting()
		if err != nil || len(waits) == 0 {
			return err
		}
		if r.opts.RemoveOthers || !time.Now().Before(deadline) {
			return r.takeOver(ctx, waits)
		}
		if err := pause(ctx, recoveryPause); err != nil {
			return err
		}
		r.sync(ctx)
	}
}

// waiting returns where a device of the person writes the roster and has not admitted this
// one; if others are to be removed, all where another one writes it.
func (r *recovering) waiting() (all []recoveryPlace, err error) {
	for _, p := range r.places() {
		st, err := r.db.st.Roster(p.t.ID)
		if err != nil {
			return nil, err
		}
		self := r.db.st.DeviceKey(p.t)
		d, _ := st.Device(self)
		if st.Founded() && p.writes(st, self) && (!d.Belongs || r.opts.RemoveOthers) {
			all = append(all, p)
		}
	}
	return all, nil
}

// writes reports whether another device of the owner's writes the roster, if that is the
// account.
func (p *recoveryPlace) writes(st *roster.State, self roster.Key) bool {
	author := st.Steward().Author
	if heir := st.Heir(); !heir.IsZero() {
		author = heir
	}
	if author == self || p.key() != roster.Key(p.t.Genesis.Owner) {
		return false
	}
	d, known := st.Device(author)
	return !known || d.Account == p.key() // the owner's word made it the steward, if the roster does not know it
}

// takeOver begins a new term in topics whose steward does not answer.
func (r *recovering) takeOver(ctx context.Context, all []recoveryPlace) error {
	for _, p := range all {
		if err := r.db.node.Keeper().TakeOver(ctx, p.t.ID, p.account); err != nil {
			return err
		}
	}
	r.db.node.Keeper().Settle(ctx) // it admits this device
	r.sync(ctx)
	return nil
}

// foundHome begins the list of topics anew.
func (r *recovering) foundHome(ctx context.Context) error {
	f, err := r.db.st.NewHomeFounding(r.home.Account, r.db.opts.Now())
	if err == nil {
		err = r.db.node.Keeper().FoundHome(ctx, f)
	}
	if err != nil {
		return err
	}
	root := home.SignRoot(f.Leg.Topic, r.root.Public(), r.home.Account.Key())
	if err := r.db.node.Home().SayRoot(root); err != nil {
		return err
	}
	r.got.Home, r.got.NewHome = true, true
	r.db.node.Home().Changed()
	return nil
}

// removeOthers has the other devices of the person be removed.
func (r *recovering) removeOthers(ctx context.Context) error {
	for _, p := range r.places() {
		st, err := r.db.st.Roster(p.t.ID)
		if err != nil {
			return err
		}
		if x := st.Term(); x != nil && x.Steward == r.db.st.DeviceKey(p.t) && x.By == roster.ByOwner && p.key() == roster.Key(p.t.Genesis.Owner) {
			r.db.node.Keeper().Met(p.t.ID) // a recovery that was cut off began that term, and the words say so again
		}
		for _, d := range r.others(st, &p) {
			body, err := roster.NewRequest(st, &roster.Target{Account: p.key(), Device: d.Key})
			if err == nil {
				_, err = r.db.node.Keeper().Act(ctx, p.t.ID, steward.Act{Body: body})
			}
			if err != nil && !errors.Is(err, ErrRole) {
				return err
			}
		}
	}
	for deadline := time.Now().Add(r.opts.Wait); r.met(); {
		r.sync(ctx) // what stewards answer comes with a later one
		left, err := r.left()
		if err != nil || left == 0 || time.Now().After(deadline) {
			return err
		}
		if err := pause(ctx, recoveryPause); err != nil {
			return err
		}
	}
	return nil
}

// left counts the other devices that belong somewhere.
func (r *recovering) left() (n int, err error) {
	for _, p := range r.places() {
		st, err := r.db.st.Roster(p.t.ID)
		if err != nil {
			return 0, err
		}
		n += len(r.others(st, &p))
	}
	return n, nil
}

// others returns the devices of an account that are not this one.
func (r *recovering) others(st *roster.State, p *recoveryPlace) []roster.DeviceState {
	self := r.db.st.DeviceKey(p.t)
	return slices.DeleteFunc(st.Devices(p.key()), func(d roster.DeviceState) bool { return d.Key == self })
}
