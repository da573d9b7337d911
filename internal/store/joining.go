// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Errors of invites that admit nobody, as the roster that is held says.
var (
	ErrInviteUsed    = errors.New("not admitted: the invite was used up by others; ask an admin for another one, and join by that")
	ErrInviteExpired = errors.New("not admitted: the time of the invite was over; ask an admin for another one, and join by that")
	ErrInviteClosed  = errors.New("not admitted: the invite was closed; ask an admin for another one, and join by that")
)

// closedBy returns why nobody is admitted by an invite any more; nil if somebody may be.
func closedBy(v roster.InviteState, known bool) error {
	switch {
	case !known || v.Open:
		return nil
	case v.Used == v.Uses:
		return ErrInviteUsed
	case v.Expiry > 0 && v.Ended/1000 >= int64(v.Expiry):
		return ErrInviteExpired
	}
	return ErrInviteClosed
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
	err = s.askRoster(t, func(st *roster.State) {
		if d, _ := st.Device(l.Author); !d.Belongs {
			refused = closedBy(st.Invite(roster.Key(identity.PublicKey(inv.Key()))))
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
	invite, joins, err := s.joinedBy(l)
	if err != nil || !joins {
		return nil, err
	}
	err = s.askRoster(t, func(st *roster.State) {
		if named, _ := st.Log(l.ID); named.Admitted.Size == 0 {
			refused = closedBy(st.Invite(invite))
		}
	})
	return refused, err
}

// joinedBy returns the invite by which a log of ours asks for admission, if its first
// record does.
func (s *Store) joinedBy(l *Log) (invite roster.Key, joins bool, err error) {
	if l.State().Size == 0 {
		return invite, false, nil
	}
	first, err := s.rawRecord(l, 0)
	if err != nil {
		return invite, false, err
	}
	ask, err := roster.DecodeAsk(first.Type, first.Body)
	j, joins := ask.(*roster.Join)
	if err != nil || !joins {
		return invite, false, nil
	}
	return j.By.Invite, true, nil
}
