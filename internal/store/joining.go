// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Errors of why a store is not admitted, as the roster that is held says.
var (
	ErrInviteUsed    = errors.New("not admitted: the invite was used up by others; ask an admin for another one, and join by that")
	ErrInviteExpired = errors.New("not admitted: the time of the invite was over; ask an admin for another one, and join by that")
	ErrInviteClosed  = errors.New("not admitted: the invite was closed; ask an admin for another one, and join by that")
	ErrInviteVoid    = errors.New("not admitted: the part of the roster that knows the invite is void; ask an admin for another one, and join by that")
	// ErrRemoved is returned to a store that was removed, and to a copy of one.
	ErrRemoved = errors.New("this store was removed from the topic: what it holds can be read; to belong again, join by a new invite")
)

// refusalOf returns why nobody is admitted by an invite that the roster named at a place;
// nil if somebody may be, or the roster that is held does not lead there.
func refusalOf(st *roster.State, invite roster.Key, place identity.Position) error {
	v, known := st.Invite(invite)
	switch {
	case !known:
		return voidAt(st, place)
	case v.Open:
		return nil
	case v.Link != nil:
		return fmt.Errorf("%w (it links a device: a device of that person makes it)", closedBy(&v))
	}
	return closedBy(&v)
}

// voidAt returns ErrInviteVoid if a roster leads to a place, or is of a higher term: what
// was known there and is not in it counts no more. Zero is no place.
func voidAt(st *roster.State, place identity.Position) error {
	if place.Size > 0 && reaches(st, place) {
		return ErrInviteVoid
	}
	return nil
}

// closedBy returns why an invite is open no more.
func closedBy(v *roster.InviteState) error {
	switch {
	case v.Used == v.Uses:
		return ErrInviteUsed
	case v.Expiry > 0 && v.Ended/1000 >= int64(v.Expiry):
		return ErrInviteExpired
	}
	return ErrInviteClosed
}

// refusalOfAsk is refusalOf for what a log of ours begins with. For a device an invite
// asks, or a device of its account, or the account's key.
func refusalOfAsk(st *roster.State, ask roster.Ask, place identity.Position) error {
	x, is := ask.(*roster.DeviceAsk)
	if !is {
		return refusalOf(st, askedBy(ask), place)
	}
	if v, _ := st.Invite(x.Device.Signer); v.Link != nil {
		return refusalOf(st, v.Key, place)
	}
	account, known := st.Account(x.Device.Card.Account)
	signer, device := st.Device(x.Device.Signer)
	switch {
	case known && !account.Belongs(), device && !signer.Belongs:
		return ErrRemoved
	case !known, !device && x.Device.Signer != account.Key:
		return voidAt(st, place)
	}
	return nil
}

// MayJoin returns why an invite admits this store to a topic no more, as far as the roster
// that is here tells.
func (s *Store) MayJoin(inv *identity.Invite) (refused error, err error) {
	t, err := s.Topic(inv.Topic())
	if err != nil || t.Genesis.Policy.Has(identity.PolicyOpen) {
		return nil, nil // nothing is known of it, or everybody may
	}
	l, err := s.Log(t.Log)
	if err != nil {
		return nil, err
	}
	var place identity.Position
	if inv.Roster != nil {
		place = *inv.Roster
	}
	err = s.askRoster(t, func(st *roster.State) {
		if d, _ := st.Device(l.Author); !d.Belongs {
			refused = refusalOf(st, roster.Key(identity.PublicKey(inv.Key())), place)
		}
	})
	return refused, err
}

// Refused returns why this store is not admitted to a topic: nil if it is, or waits for
// that. A store that was removed is not, unless it joined again since.
func (s *Store) Refused(t *Topic) (refused error, err error) {
	l, err := s.Log(t.Log)
	if err != nil || !l.Provisional() {
		return nil, err
	}
	ask, err := s.origin(t, l)
	if err != nil || ask == nil {
		return nil, err
	}
	place, err := s.placeKept(t.ID)
	if err != nil {
		return nil, err
	}
	err = s.askRoster(t, func(st *roster.State) {
		if named, _ := st.Log(l.ID); named.Admitted.Size == 0 {
			refused = refusalOfAsk(st, ask, place)
		}
	})
	return refused, err
}

// origin returns with what a log of ours asks for admission. A copy of a device asks by
// that, and as long as the roster does not know it, what it asked with decides.
func (s *Store) origin(t *Topic, l *Log) (roster.Ask, error) {
	ask, err := s.beginsWith(l)
	for x, is := ask.(*roster.DeviceAsk); err == nil && is && x.Device.Signer == x.Device.Card.Parent; x, is = ask.(*roster.DeviceAsk) {
		_, known, _, err := s.deviceIn(t, x.Device.Signer)
		if err != nil || known {
			return ask, err
		}
		before, err := s.formerLog(t.ID, x.Device.Signer)
		if err != nil || before == nil {
			return ask, err
		}
		earlier, err := s.beginsWith(before)
		if err != nil || earlier == nil {
			return ask, err
		}
		ask = earlier
	}
	return ask, err
}

// formerLog returns the log that this store had as an earlier device, or nil.
func (s *Store) formerLog(topic digest.Hash, author roster.Key) (*Log, error) {
	var id digest.Hash
	err := s.aof.View(func(v *aof.View) (err error) {
		id, _, err = aof.Row(v, layout.Formers, layout.FormerKey{Topic: topic, Author: author})
		return err
	})
	if err != nil || id.IsZero() {
		return nil, err
	}
	return s.knownLog(id)
}

// beginsWith returns with what a log of ours asks for admission; nil if its first record
// does not.
func (s *Store) beginsWith(l *Log) (roster.Ask, error) {
	if l.State().Size == 0 {
		return nil, nil
	}
	first, err := s.rawRecord(l, 0)
	if err != nil {
		return nil, err
	}
	ask, err := roster.DecodeAsk(first.Type, first.Body)
	if err != nil {
		return nil, nil // it is the application's
	}
	switch ask.(type) {
	case *roster.Join, *roster.DeviceAsk:
		return ask, nil
	}
	return nil, nil
}

// askedBy returns the invite by which a log asks for admission, or who else signed that.
func askedBy(ask roster.Ask) roster.Key {
	switch a := ask.(type) {
	case *roster.Join:
		return a.By.Invite
	case *roster.DeviceAsk:
		return a.Device.Signer
	}
	return roster.Key{}
}

// accountIn returns the account that a log asks to be one of.
func accountIn(ask roster.Ask) roster.Key {
	switch a := ask.(type) {
	case *roster.Join:
		return a.Card.Card.Account
	case *roster.DeviceAsk:
		return a.Device.Card.Account
	}
	return roster.Key{}
}

// RoleToBe returns the role that this store will have once it is admitted to a topic, by
// what it asks with; false if the roster that is here does not tell.
func (s *Store) RoleToBe(t *Topic, l *Log) (role roster.Role, known bool, err error) {
	ask, err := s.origin(t, l)
	if err != nil || ask == nil {
		return role, false, err
	}
	err = s.askRoster(t, func(st *roster.State) { role, known = st.RoleAsked(ask) })
	return role, known, err
}
