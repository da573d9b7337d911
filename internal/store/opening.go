// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// An Opener opens the sealed records of a log one after another: it keeps the key that
// the last one was sealed with, as events that lie together have one. It is for one
// goroutine; the zero value is no Opener.
type Opener struct {
	s    *Store
	l    *Log
	key  *seal.Key
	turn uint64 // of the keyrings, when the key was looked up
}

// Opener returns an Opener of a log.
func (s *Store) Opener(l *Log) Opener { return Opener{s: s, l: l} }

// Open opens one sealed record of a log as an Opener does.
func (s *Store) Open(l *Log, r *event.Record) (seal.Plain, error) {
	o := s.Opener(l)
	plain, _, err := o.Open(nil, r)
	return plain, err
}

// Of reports whether o is of a log.
func (o *Opener) Of(l *Log) bool { return o.l == l }

// Open opens a sealed record behind room, as seal.Key.OpenTo does. The error is ErrSealed
// if there is no key of its epoch here, and seal.ErrUnreadable if it does not open.
func (o *Opener) Open(room []byte, r *event.Record) (seal.Plain, []byte, error) {
	key, err := o.keyOf(r.Payload)
	if err != nil {
		return seal.Plain{}, room, err
	}
	return key.OpenTo(room, seal.Clear{Flags: r.Flags, Type: r.Type, Key: r.Key}, r.Payload)
}

// HasKey returns ErrSealed if there is no key here of the epoch of a sealed record.
func (o *Opener) HasKey(r *event.Record) error {
	_, err := o.keyOf(r.Payload)
	return err
}

// keyOf returns the key that a payload of the log was sealed with.
func (o *Opener) keyOf(payload []byte) (*seal.Key, error) {
	turn := o.s.keyrings.turn.Load()
	if o.key != nil && o.turn == turn && o.key.Sealed(payload) {
		return o.key, nil
	}
	key, err := o.s.openingKey(o.l, payload)
	if err == nil {
		o.key, o.turn = key, turn
	}
	return key, err
}

// openingKey returns the key that a payload of a log was sealed with.
func (s *Store) openingKey(l *Log, payload []byte) (*seal.Key, error) {
	short, err := seal.Epoch8(payload)
	if err != nil {
		return nil, err
	}
	t, err := s.Topic(l.Topic)
	if err != nil {
		return nil, err
	}
	s.keyrings.mu.Lock()
	defer s.keyrings.mu.Unlock()
	k, err := s.keyringOf(t)
	if err != nil {
		return nil, err
	}
	at := opener{short, l.ID}
	if key := k.ready[at]; key != nil {
		return key, nil
	}
	key, err := k.ring.Key(payload, l.ID)
	if errors.Is(err, seal.ErrNoEpoch) {
		return nil, s.noKey(t, k, short, l)
	}
	if err != nil {
		return nil, err
	}
	if len(k.ready) >= maxOpeners {
		clear(k.ready)
	}
	k.ready[at] = key
	return key, nil
}

// ErrWithheld is returned for events from before this device was let in, in a topic whose
// newcomers read no history: their key never comes.
var ErrWithheld = errors.New("it is from before this device was let in, and newcomers of the topic read no history")

// noKey returns why there is no key of an epoch here: ErrWithheld if there is one of a later
// epoch, and nothing that leads back; else ErrSealed.
func (s *Store) noKey(t *Topic, k *keyring, short [8]byte, l *Log) error {
	why := ErrSealed
	err := s.askRoster(t, func(st *roster.State) {
		if t.Genesis.Policy.Has(identity.PolicyHistory) {
			return
		}
		known := false
		for _, e := range st.Epochs() {
			known = known || [8]byte(e.ID[:8]) == short
			if _, here := k.ring.Secret(e.ID); known && here {
				why = ErrWithheld
			}
		}
	})
	return errors.Join(err, fmt.Errorf("%w (log %s)", why, l.ID.Short()))
}
