// SPDX-License-Identifier: MPL-2.0

package homekeeper

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// sayKeys says which key this device has in each topic that has members, so that another
// one of the person can have it removed there.
func (r *round) sayKeys() error {
	for _, t := range r.k.Store.AllTopics() {
		if r.isHome(t.ID) || t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) || r.k.Store.IsUnused(t.ID) {
			continue
		}
		if slices.Contains(r.state.Keys(r.self(), t.ID), r.k.Store.DeviceKey(t)) {
			continue
		}
		k, err := r.k.Store.SignHomeKey(t, r.topic.ID, r.self())
		if errors.Is(err, store.ErrIdentity) {
			continue // its log is that of a device of before, and it is about to have another
		}
		if err != nil {
			return err
		}
		return r.say(home.TypeKey, t.ID, k.Append(nil))
	}
	return nil
}

// askAgain is how long at least a device is not asked to be removed from a topic again,
// whatever became of that.
const askAgain = time.Hour

// removeGone has the devices removed, from the topics that this one is in, that the person
// removed from everywhere. What cannot be done now is done later.
func (r *round) removeGone() error {
	waits := false
	for _, device := range r.state.Gone() {
		if device == r.self() {
			continue
		}
		for _, at := range r.k.Store.AllTopics() {
			later, err := r.removeFrom(at, device)
			if err != nil {
				return err
			}
			waits = waits || later
		}
	}
	r.k.waits.Store(waits)
	return nil
}

// removeFrom has a device of this person removed from a topic, and reports whether that has
// to be tried again.
func (r *round) removeFrom(t *store.Topic, device roster.Key) (later bool, err error) {
	if t.Left || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return false, nil
	}
	st, err := r.k.Store.Roster(t.ID)
	if err != nil {
		return false, err
	}
	keys := r.state.Keys(device, t.ID)
	if r.isHome(t.ID) {
		keys = []roster.Key{device}
	}
	self, _ := st.Device(r.k.Store.DeviceKey(t))
	for _, key := range keys {
		d, _ := st.Device(key)
		if !self.Belongs || !d.Belongs || d.Account != self.Account || d.Key == self.Key || st.Steward().Author == d.Key {
			continue
		}
		at := home.At{Topic: t.ID, Device: d.Key}
		if last, asked := r.k.asked[at]; asked && r.k.Now().Sub(last) < askAgain {
			continue
		}
		if err := r.k.Remove(t.ID, d.Account, d.Key); err != nil {
			r.k.Logger.Debug("a device of this person is not removed from a topic yet", slog.String("topic", t.ID.Short()), slog.String("device", d.Key.Short()), slog.Any("error", err))
			later = true
			continue
		}
		r.k.asked[at] = r.k.Now()
	}
	return later, nil
}

// Met takes note that something that could not be done before may be done now.
func (k *Keeper) Met() {
	if k.waits.Load() {
		k.Changed()
	}
}

// SayGone says that a device, as the home topic knows it, is to be removed from every topic,
// unless somebody did, and returns where it is.
func (k *Keeper) SayGone(device roster.Key) ([]home.Presence, error) {
	k.tending.Lock()
	defer k.tending.Unlock()
	h := k.Store.Home()
	st, err := k.state(h)
	if err != nil {
		return nil, err
	}
	if st.IsGone(device) {
		return st.Presences(device), nil
	}
	t, err := k.Store.Topic(h.Topic)
	if err != nil {
		return nil, err
	}
	r := &round{k: k, home: h, topic: t, state: st}
	return st.Presences(device), r.say(home.TypeGone, [32]byte(device), home.AppendGone(nil))
}
