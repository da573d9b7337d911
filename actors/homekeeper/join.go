// SPDX-License-Identifier: MPL-2.0

package homekeeper

import (
	"log/slog"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// joinTopics takes part in the topics that other devices are in. One that was left here
// stays left.
func (r *round) joinTopics() error {
	topics := r.state.Topics()
	for _, t := range topics {
		if _, err := r.k.Store.Topic(t.ID); err == nil || t.Left() {
			continue
		}
		j, err := r.join(t)
		if err != nil || r.did {
			return err
		}
		if j == nil {
			continue
		}
		if topics[0].Default() && !t.Default() {
			j.StaysDefault()
		}
		if err := r.k.Joining(func() error { return r.do(j) }); err != nil {
			return err
		}
		r.k.Logger.Info("joined a topic of another device of this person", slog.String("topic", t.ID.Short()))
		r.k.Joined(t.ID, t.Places())
		return nil
	}
	return nil
}

// join returns how a topic is joined; nil if another device has to let this one in first,
// which is asked to.
func (r *round) join(t *home.Topic) (*store.Join, error) {
	st, now := r.k.Store, r.k.Now()
	keys, _ := t.Keys()
	name, _ := t.Name()
	if t.Genesis.Policy.Has(identity.PolicyOpen) {
		return st.NewJoin(t.Genesis, keys, name), nil
	}
	accounts := t.Accounts()
	if len(accounts) == 0 {
		return nil, nil // nobody knows yet who the person is there
	}
	c, err := st.NewClaiming(t.Genesis, accounts[0])
	if err != nil {
		return nil, err
	}
	at := home.At{Topic: t.ID, Device: c.Claim.Card.Device}
	asked := r.state.Card(at, r.self())
	if asked == nil || asked.DeviceSig != c.Claim.DeviceSig {
		return nil, r.ask(t, c)
	}
	g := r.state.Granted(at, asked)
	if g == nil {
		return nil, nil
	}
	return st.NewGranted(t.Genesis, keys.Lobby, name, g, now)
}

// ask has other devices let this one in.
func (r *round) ask(t *home.Topic, c *store.Claiming) error {
	if err := r.do(c); err != nil {
		return err
	}
	b, err := home.AppendCard(nil, &c.Claim)
	if err != nil {
		return err
	}
	return r.say(home.TypeCard, t.ID, b)
}

// letIn answers other devices that ask to take part in a topic of this one.
func (r *round) letIn() error {
	for _, card := range r.state.Open() {
		t, err := r.k.Store.Topic(card.Topic)
		if err != nil || t.Left || r.isHome(t.ID) || card.Device == r.k.Store.DeviceKey(t) {
			continue
		}
		if err := r.grant(t, card); err != nil || r.did {
			return err
		}
	}
	return nil
}

// grant signs that a device is of the account that this one is of, if it belongs.
func (r *round) grant(t *store.Topic, card home.Card) error {
	if trusted, err := r.k.Store.TrustedDevice(r.topic, card.By); err != nil || !trusted || r.state.IsGone(card.By) {
		return err
	}
	c := card.Claim
	st, err := r.k.Store.Roster(t.ID)
	if err != nil {
		return err
	}
	self, _ := st.Device(r.k.Store.DeviceKey(t))
	if !self.Belongs || self.Account != c.Card.Account {
		return nil
	}
	e, here, err := r.k.Store.NewestEpoch(t)
	if err != nil || !here {
		return err
	}
	g := &home.Grant{Epoch: e}
	if g.Device, err = r.k.Store.SignClaim(t, *c); err != nil {
		return err
	}
	if st.ProvisionalDevice(&roster.DeviceAsk{Device: g.Device}) != "" {
		return nil // the roster would not admit it
	}
	b, err := g.Append(nil)
	if err != nil {
		return err
	}
	r.k.Logger.Info("another device of this person takes part in a topic", slog.String("topic", t.ID.Short()), slog.String("device", c.Card.Device.Short()))
	return r.say(home.TypeDevice, t.ID, b)
}
