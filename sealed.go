// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/seal"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// entries returns events as the topic's logs take them. In a sealed topic they are sealed
// here, in their caller's goroutine, under the newest epoch of the roster that is held.
func (t *Topic) entries(events []event.Event) ([]pipeline.Entry, error) {
	if err := t.maySpeak(); err != nil {
		return nil, err
	}
	all := make([]pipeline.Entry, len(events))
	if t.t.Genesis.Policy.Has(identity.PolicySealed) {
		return all, t.seal(all, events)
	}
	for i, e := range events {
		if err := e.CheckType(); err != nil {
			return nil, errorOf(events, i, err)
		}
		all[i] = t.clear(e)
	}
	return all, nil
}

// errorOf says which one an error is about, if there are several events.
func errorOf(events []event.Event, i int, err error) error {
	if len(events) > 1 {
		return fmt.Errorf("event %d: %w", i, err)
	}
	return err
}

// clear returns an event of a topic in which nothing is sealed.
func (t *Topic) clear(e event.Event) pipeline.Entry {
	if !t.t.Genesis.Policy.Has(identity.PolicyErasable) {
		return pipeline.Entry{Event: e}
	}
	var salt [event.SaltBytes]byte
	rand.Read(salt[:]) // never fails (crypto/rand)
	e.Payload = event.Salted(salt, e.Payload)
	return pipeline.Entry{Event: e, Flags: event.FlagSalted}
}

// maySpeak returns ErrRole for a member that may not write, or will not be allowed to once
// it is admitted, and ErrRemoved for one that does not belong any more.
func (t *Topic) maySpeak() error {
	if t.Kind() == OpenTopic {
		return nil
	}
	l, err := t.belonging()
	if err != nil {
		return err
	}
	mute := l.Mute()
	if l.Provisional() { // it gets the role of its invite
		role, known, err := t.db.st.RoleToBe(t.t, l)
		if err != nil {
			return err
		}
		mute = known && !role.Writes()
	}
	if mute {
		return fmt.Errorf("%w: this store's role in the topic is to read or to keep, and not to write: ask an admin for another one", ErrRole)
	}
	return nil
}

// belonging returns the log of this store in a topic that has members, or why nothing
// counts that is appended to it.
func (t *Topic) belonging() (*store.Log, error) {
	if err := t.db.st.CheckInvited(t.t); err != nil {
		return nil, err
	}
	l, err := t.db.st.Log(t.log())
	if err != nil {
		return nil, err
	}
	if _, cut := l.Cut(); cut {
		return nil, t.removed()
	}
	if l.Provisional() {
		if refused, err := t.refused(); refused != nil || err != nil {
			return nil, errors.Join(refused, err)
		}
		if account, err := t.db.st.Account(t.t); l.Whole().Size == 0 && (err != nil || account.IsZero()) {
			return nil, cmp.Or(err, ErrNotRecovered)
		}
	}
	return l, nil
}

// removed returns why nothing counts any more that this store appends.
func (t *Topic) removed() error {
	st, err := t.db.st.Roster(t.t.ID)
	if err != nil {
		return err
	}
	if d, ok := st.Device(t.db.st.DeviceKey(t.t)); ok && !d.Belongs {
		return ErrRemoved
	}
	return ErrCut
}

// sealRoom is how much memory is taken at once for what events are sealed into.
const sealRoom = 32 << 10

// seal seals events into entries, all under one key.
func (t *Topic) seal(all []pipeline.Entry, events []event.Event) error {
	key, err := t.sealingKey()
	if err != nil {
		return err
	}
	var room []byte
	for i := range events {
		p, err := plainOf(&events[i])
		if err != nil {
			return errorOf(events, i, err)
		}
		if n := p.SealedBytes(true); cap(room)-len(room) < n {
			room = make([]byte, 0, max(n, min(sealRoom, n*(len(events)-i))))
		}
		from := len(room)
		if room, err = key.Seal(room, &p, true); err != nil {
			return errorOf(events, i, err)
		}
		all[i] = pipeline.Entry{
			Event: event.Event{Payload: room[from:len(room):len(room)]},
			Flags: event.FlagSealedPayload | event.FlagSealedHeader, Inside: &events[i],
		}
	}
	return nil
}

// sealingKey returns the key that events are sealed with now. One that came a moment ago,
// in a box that nobody has looked into yet, is here, too.
func (t *Topic) sealingKey() (*seal.Key, error) {
	key, err := t.db.st.SealingKey(t.t, t.log())
	if errors.Is(err, store.ErrSealed) && !t.db.opts.ReadOnly {
		t.db.node.Keeper().SettleOne(t.db.node.Context(), t.t.ID)
		key, err = t.db.st.SealingKey(t.t, t.log())
	}
	return key, err
}

// plainOf returns an event as it is sealed.
func plainOf(e *event.Event) (p seal.Plain, err error) {
	if err := errors.Join(e.CheckType(), e.Check(0, 0)); err != nil {
		return p, err
	}
	p = seal.Plain{Type: []byte(e.Type), Key: e.Key, Payload: e.Payload}
	if len(e.Refs) > 0 {
		if p.Refs, err = event.AppendRefs(nil, e.Refs); err != nil {
			return p, err
		}
	}
	if e.ID != (event.ID{}) {
		p.ID = (*[seal.IDBytes]byte)(&e.ID)
	}
	return p, nil
}

// holdsBack reports whether those who follow a log wait before a record: its key is not
// here, and may come, as this store is a member that reads, or is to be admitted.
func (db *DB) holdsBack(l *store.Log, o *store.Opener, r *event.Record) bool {
	if !isSealed(r) || !errors.Is(o.HasKey(r), store.ErrSealed) {
		return false
	}
	t, err := db.st.Topic(l.Topic)
	if err != nil {
		return false
	}
	st, err := db.st.Roster(l.Topic)
	if err != nil {
		return false
	}
	d, known := st.Device(db.st.DeviceKey(t))
	return !known || d.Belongs && st.Role(d.Key).Reads()
}

// keysCame gives those who wait for a key another turn.
func (db *DB) keysCame(topic digest.Hash) {
	for l, err := range db.st.TopicLogs(topic) {
		if err != nil {
			return // whoever reads it hears of that
		}
		db.hub.advanced(l)
	}
}

// show puts what is sealed in a record in its place, or says that it cannot be read.
func (r *Record) show(plain seal.Plain, err error) {
	if err != nil {
		r.Type, r.Key, r.Payload, r.Sealed = "", nil, nil, err
		return
	}
	r.Type, r.Key, r.Payload = typeString(plain.Type), plain.Key, plain.Payload
	r.refs, r.id = plain.Refs, plain.ID
}
