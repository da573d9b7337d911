// SPDX-License-Identifier: MPL-2.0

package homekeeper

import (
	"bytes"
	"log/slog"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/home"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// stateTopics says of each topic that this device is in, or was, what the home topic does not say
// yet, and forgets the secrets of accounts that it said, boxed for the words.
func (r *round) stateTopics() error {
	for _, t := range r.k.Store.AllTopics() {
		if r.isHome(t.ID) || r.k.Store.IsUnused(t.ID) {
			continue
		}
		if err := r.stateTopic(t); err != nil || r.did {
			return err
		}
	}
	return nil
}

func (r *round) stateTopic(t *store.Topic) error {
	listed := r.state.Topic(t.ID)
	var said *home.Statement
	if listed != nil {
		said = listed.Of(r.self())
	}
	if said == nil && t.Left {
		return nil // it was left before there was anybody to tell
	}
	if name, renames := r.otherName(t, listed, said); renames {
		c, err := r.k.Store.NewRenaming(t.ID, name)
		if err != nil {
			return err
		}
		return r.do(c)
	}
	now, err := r.statement(t, listed, said)
	if err != nil {
		return err
	}
	if now == nil { // the root key is not known yet
		return nil
	}
	if said == nil || r.differs(now, said, listed) {
		return r.say(home.TypeTopic, t.ID, now.Append(nil))
	}
	return r.forget(t, said)
}

// self is this device, as the home topic knows it.
func (r *round) self() roster.Key { return r.k.Store.DeviceKey(r.topic) }

// otherName returns the name that another device gave to a topic since this one said its
// own; a name that was given here since then wins.
func (r *round) otherName(t *store.Topic, listed *home.Topic, said *home.Statement) (string, bool) {
	if listed == nil {
		return "", false
	}
	name, _ := listed.Name()
	if said == nil {
		return name, name != "" && name != t.Name
	}
	return name, name != t.Name && said.Name == t.Name
}

// statement returns what this device says of a topic now; nil if it cannot yet.
func (r *round) statement(t *store.Topic, listed *home.Topic, said *home.Statement) (*home.Statement, error) {
	st := r.k.Store
	s := &home.Statement{Genesis: t.Genesis, Keys: t.Keys, Default: st.IsDefault(t.ID), Left: t.Left, Name: t.Name, Named: uint64(r.k.Now().UnixMilli()), Places: r.places()}
	if p, err := st.Source().Position(t.ID); err != nil {
		return nil, err
	} else if p.Check() == nil {
		s.Roster = &p
	}
	if listed != nil {
		if name, named := listed.Name(); name == t.Name {
			s.Named = named
		}
	}
	var err error
	if s.Account, err = st.Account(t); err != nil {
		return nil, err
	}
	switch {
	case said != nil && said.Account == s.Account && said.Box != nil:
		s.Box = said.Box
	case !t.Account.IsZero():
		if s.Box, err = st.RecoveryBox(t.ID, t.Account); s.Box == nil {
			return nil, err
		}
	default: // a card that was admitted may have one
		now, err := st.Roster(t.ID)
		if err != nil {
			return nil, err
		}
		if a, _ := now.Account(s.Account); len(a.Recovery) == roster.RecoveryBytes {
			s.Box = a.Recovery
		}
	}
	return s, nil
}

// differs reports whether what this device would say is news.
func (r *round) differs(now, said *home.Statement, listed *home.Topic) bool {
	keys, at := listed.Keys()
	newer := now.Keys.Join != keys.Join && home.ComparePositions(now.Roster, at) > 0
	return newer || now.Default != said.Default || now.Left != said.Left || now.Name != said.Name ||
		now.Account != said.Account || !bytes.Equal(now.Box, said.Box)
}

// forget wipes the secret of the person's account in a topic, once what this device said
// is durable. The roster of an open topic begins before, as it takes the secret.
func (r *round) forget(t *store.Topic, said *home.Statement) error {
	if t.Account.IsZero() || said.Box == nil || said.Account != roster.Key(identity.PublicKey(t.Account.Key())) {
		return nil
	}
	if begins, err := r.k.Store.BeginsRoster(t); err != nil {
		return err
	} else if begins {
		if _, unmet := r.k.Store.Unmet(t.ID); unmet || t.Left {
			return nil // nothing is appended there now
		}
		if err := r.k.BeginRoster(r.k.Context, t.ID); err != nil {
			return err
		}
	}
	w, err := r.k.Store.NewWiping(t)
	if err != nil {
		return err
	}
	r.k.Logger.Info("the secret of an account is kept by the words alone from now on", slog.String("topic", t.ID.Short()))
	return r.do(w)
}

// places are those of this store that others may be told.
func (r *round) places() (all []identity.Address) {
	for _, a := range r.k.Places() {
		if identity.CheckHost(a.Host) == nil && len(all) < home.MaxPlaces {
			all = append(all, a)
		}
	}
	return all
}
