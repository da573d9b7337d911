// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/ed25519"
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Rule: the roster of an open topic says nothing before somebody writes to it, so it has no
// log before: the first batch of its steward begins with the two records that found it, in
// one commit with the rest. They are signed by the owner's account, whose secret the store
// that founded the topic keeps in the topic's row. So it begins once: whoever lost what was
// written of it lost the secret too, or is kept from appending like to any log of its own
// (unmet.go, package repair), and a secret that is wiped for the words begins the roster
// before that.

// FirstRecords returns the records with which the roster of an open topic begins, if this
// store founded the topic and nothing of its roster was written yet; else nil.
func (s *Store) FirstRecords(t *Topic) ([]roster.Raw, error) {
	if begins, err := s.BeginsRoster(t); err != nil || !begins {
		return nil, err
	}
	card, key, err := s.ownerCard(t, t.Account)
	if err != nil {
		return nil, err
	}
	first, err := roster.FirstRecords(t.ID, t.Genesis.Append(nil), card, t.Account.Key(), key)
	return s.ofNow(first[:]), err
}

// FirstOfTerm returns the leg, and its records, with which this device begins the roster of
// an open topic of which nothing is here, by the secret of the owner's account. If there is
// one all the same, it is void.
func (s *Store) FirstOfTerm(t *Topic, term uint32, owner identity.AccountSecret) (leg identity.LogName, all []roster.Raw, err error) {
	card, key, err := s.ownerCard(t, owner)
	if err != nil {
		return leg, nil, err
	}
	first, err := roster.HomeRecords(t.ID, term, card, owner.Key(), key)
	return identity.RosterLog(t.ID, card.Device, term, 0), s.ofNow(first[:]), err
}

// ownerCard returns the card of an open topic's owner with this device, and its key.
func (s *Store) ownerCard(t *Topic, owner identity.AccountSecret) (roster.Card, ed25519.PrivateKey, error) {
	key := s.device.AuthorKey(t.Genesis)
	recovery, err := s.RecoveryBox(t.ID, owner)
	return roster.Card{
		Account: identity.PublicKey(owner.Key()), Device: identity.PublicKey(key), PageBytes: t.Genesis.PageBytes, Recovery: recovery,
	}, key, err
}

// ofNow gives records the time of now.
func (s *Store) ofNow(all []roster.Raw) []roster.Raw {
	now := s.opts.Now().UnixMilli()
	for i := range all {
		all[i].Time = now
	}
	return all
}

// BeginsRoster reports whether the roster of a topic is this store's to begin.
func (s *Store) BeginsRoster(t *Topic) (bool, error) {
	g := t.Genesis
	if !g.Policy.Has(identity.PolicyOpen) || device.AccountKept(t) != roster.Key(g.Owner) || s.DeviceKey(t) != roster.Key(g.Steward) {
		return false, nil
	}
	ids, err := s.legIDs(t)
	if err != nil || len(ids) > 1 {
		return false, err
	}
	row, err := s.knownRow(ids[0])
	if errors.Is(err, ErrUnknownLog) {
		return true, nil
	}
	return err == nil && row.Size == 0, err
}

// begun returns a topic's roster, and if it is this store's to begin, as it begins, with the
// records of that, which are not written yet.
func (s *Store) begun(t *Topic) (st *roster.State, first []roster.Raw, err error) {
	if st, err = s.Roster(t.ID); err != nil || st.Founded() {
		return st, nil, err
	}
	if first, err = s.FirstRecords(t); err != nil || first == nil {
		return st, nil, err
	}
	st = st.Clone()
	leg := legOf(t.Roster())
	if err = st.BeginLeg(leg.Log, leg.Author, leg.Term, leg.Leg); err != nil {
		return nil, nil, err
	}
	for i, r := range first {
		if _, err = st.Apply(uint64(i), r.Type, r.Time, r.Body); err != nil {
			return nil, nil, err
		}
	}
	return st, first, nil
}

// RosterToChange returns the roster that a change is made to: as it begins, if this store
// begins it by that.
func (s *Store) RosterToChange(t *Topic) (*roster.State, error) {
	st, _, err := s.begun(t)
	return st, err
}
