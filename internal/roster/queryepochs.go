// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"iter"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Rights returns the rights of an account, by rising target and name.
func (s *State) Rights(account Key) []Right {
	var all []Right
	for k, r := range s.rights.each() {
		if k.account == account && r.Calls > 0 {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Right) int {
		if c := bytes.Compare(a.On[:], b.On[:]); c != 0 {
			return c
		}
		return bytes.Compare([]byte(a.What), []byte(b.What))
	})
	return all
}

// Epoch returns the newest epoch, or false if there is none.
func (s *State) Epoch() (EpochState, bool) {
	if len(s.epochs) == 0 {
		return EpochState{}, false
	}
	return s.epochs[len(s.epochs)-1], true
}

// Epochs returns all epochs, oldest first.
func (s *State) Epochs() []EpochState { return slices.Clone(s.epochs) }

// EpochDue reports whether the steward has to make an epoch before anything
// else: there is none, or since the newest one somebody lost or changed what an
// epoch gives, or a term began.
func (s *State) EpochDue() bool {
	return s.hasKEM() && s.Founded() && (s.epochDue || len(s.epochs) == 0)
}

// EpochWorn reports whether the newest epoch is known by a key that is to know no more:
// of an invite that closed, or that a device had before another one. A steward makes a
// new one then, in its own time.
func (s *State) EpochWorn() bool { return s.worn }

// Erasures returns what admins had erased, oldest first.
func (s *State) Erasures() []Erasure { return slices.Clone(s.erased) }

// Snapshots returns what accounts vouched for, oldest first. A caller that wants only
// those that belong now asks Account.
func (s *State) Snapshots() []SnapshotState { return slices.Clone(s.snapshots) }

// Settled returns below which sequence the asks of a log are settled.
func (s *State) Settled(log digest.Hash) uint64 { return s.asks.at(log) }

// Changed returns when the account, device, invite or log with this key or id
// last changed.
func (s *State) Changed(subject Key) (Position, bool) {
	p, ok := s.changed.get(subject)
	return p, ok
}

// Recipients returns who gets a box of an epoch made now, by rising key.
func (s *State) Recipients() []Recipient {
	if !s.hasKEM() {
		return nil
	}
	var all []Recipient
	for _, a := range s.accounts.each() {
		if a.Belongs() {
			all = append(all, Recipient{a.Key, boxKind(a.Role), a.KEM})
		}
	}
	for _, d := range s.devices.each() {
		if d.Belongs {
			all = append(all, Recipient{d.Key, boxKind(s.accounts.at(d.Account).Role), d.KEM})
		}
	}
	for _, v := range s.invites.each() {
		if v.Open {
			all = append(all, Recipient{v.Key, boxKind(s.inviteRole(v.Invite)), v.KEM})
		}
	}
	slices.SortFunc(all, func(a, b Recipient) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}

// RoleAsked returns the role of whoever is admitted as an ask wants; false if the roster
// does not know by whose word.
func (s *State) RoleAsked(ask Ask) (Role, bool) {
	switch a := ask.(type) {
	case *Join:
		v, known := s.invites.get(a.By.Invite)
		return s.inviteRole(v.Invite), known
	case *DeviceAsk:
		account, known := s.accounts.get(a.Device.Card.Account)
		return account.Role, known
	}
	return 0, false
}

// inviteRole returns the role that whoever joins by v gets.
func (s *State) inviteRole(v Invite) Role {
	if v.Link != nil {
		return s.accounts.at(v.Link.Account).Role
	}
	return v.Role
}

func boxKind(r Role) uint8 {
	if r.Reads() {
		return BoxAll
	}
	return BoxJoin
}

// sorted returns the values of rows that want holds for, by rising key.
func sorted[K comparable, V any](rows iter.Seq2[K, V], want func(V) bool, key func(V) Key) []V {
	var all []V
	for _, v := range rows {
		if want(v) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b V) int {
		x, y := key(a), key(b)
		return bytes.Compare(x[:], y[:])
	})
	return all
}
