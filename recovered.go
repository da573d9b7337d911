// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// tell says what came back.
func (r *recovering) tell() error {
	listed, err := r.db.node.Home().State()
	if err != nil {
		return err
	}
	told := map[TopicID]bool{}
	for _, t := range r.db.st.Topics() {
		st, err := r.db.st.Roster(t.ID)
		if err != nil {
			return err
		}
		if r.db.st.IsHome(t.ID) || r.isOwn(t, st) {
			continue
		}
		x := r.recovered(t, st)
		told[x.Topic] = true
		r.got.Topics = append(r.got.Topics, x)
	}
	for _, t := range listed.Topics() {
		if id := TopicID(t.ID); !told[id] && !t.Left() && !r.known(t) {
			name, _ := t.Name()
			r.got.Topics = append(r.got.Topics, RecoveredTopic{Topic: id, Name: name, State: RecoveredLocked})
		}
	}
	return nil
}

// isOwn reports whether a topic is what a new store begins with, and nobody else's yet.
func (r *recovering) isOwn(t *store.Topic, st *roster.State) bool {
	return t.Name == "" && roster.Key(t.Genesis.Steward) == r.db.st.DeviceKey(t) && len(st.EveryDevice(t.Genesis.Owner)) <= 1 && len(st.EveryAccount()) <= 1
}

// known reports whether this store is in a topic, or left it.
func (r *recovering) known(t *home.Topic) bool {
	_, err := r.db.st.Topic(t.ID)
	return err == nil
}

// recovered says what came back of a topic.
func (r *recovering) recovered(t *store.Topic, st *roster.State) RecoveredTopic {
	x := RecoveredTopic{Topic: TopicID(t.ID), Name: t.Name}
	self := r.db.st.DeviceKey(t)
	d, _ := st.Device(self)
	x.TookOver = st.Steward().Author == self && st.Term() != nil
	account := d.Account
	if secret, ok := r.accounts[t.ID]; ok {
		account = identity.PublicKey(secret.Key())
		r.tellOthers(&x, st, recoveryPlace{t, secret})
	}
	a, known := st.Account(account)
	x.Role = Role(a.Role)
	switch {
	case !r.here(t, st):
		x.State = RecoveredUnreached
	case t.Genesis.Policy.Has(identity.PolicyOpen) || d.Belongs:
		x.State = RecoveredWhole
	case account.IsZero():
		x.State = RecoveredLocked
	case known && !a.Belongs():
		x.State, x.Role = RecoveredRemoved, 0
	default:
		x.State = RecoveredAsked
	}
	return x
}

// tellOthers says what became of the other devices.
func (r *recovering) tellOthers(x *RecoveredTopic, st *roster.State, p recoveryPlace) {
	if !r.opts.RemoveOthers {
		return
	}
	for _, d := range r.others(st, &p) {
		x.Asked = append(x.Asked, AuthorKey(d.Key))
	}
	for _, d := range st.EveryDevice(p.key()) {
		if !d.Belongs {
			x.Removed = append(x.Removed, AuthorKey(d.Key))
		}
	}
}
