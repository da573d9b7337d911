// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Clone returns a copy of s that can be taken further by itself. Other goroutines
// may read s meanwhile.
func (s *State) Clone() *State {
	c := *s
	c.legs = slices.Clone(s.legs)
	for i := range c.legs {
		c.legs[i].roots = slices.Clip(c.legs[i].roots) // only s appends in place, behind what c reads
	}
	c.tree = s.tree.Clone()
	c.world = s.world.clone()
	c.voids = slices.Clip(s.voids) // as of roots
	return &c
}

// Topic returns the topic id.
func (s *State) Topic() digest.Hash { return s.topic }

// Genesis returns the topic's genesis, which is not to be written to.
func (s *State) Genesis() *Genesis { return s.genesis }

// Position returns where s is; size 0 before any record. It is never behind a
// handover that counts, whatever the leg holds there.
func (s *State) Position() Position {
	l := s.steward()
	return Position{l.Term, l.Leg, s.size()}
}

// Point returns where s is, with the root of the leg there.
func (s *State) Point() Point { return Point{s.Position(), s.Prefix().Root} }

// Prefix returns the newest leg up to where s is, as a later leg or a term
// record names it; log 0 and the empty root before any record.
func (s *State) Prefix() Prefix {
	if len(s.legs) == 0 {
		return Prefix{Root: digest.Empty}
	}
	l := s.legs[len(s.legs)-1]
	return Prefix{l.Log, s.size(), l.roots[len(l.roots)-1]}
}

// Legs returns the legs that s has read, oldest first.
func (s *State) Legs() []LegID {
	ids := make([]LegID, len(s.legs))
	for i, l := range s.legs {
		ids[i] = l.LegID
	}
	return ids
}

// Holds reports whether p is a position of this roster. A roster with a point
// that another holds is the beginning of the other, or the same.
func (s *State) Holds(p Point) bool {
	for _, l := range s.legs {
		if l.Term == p.Term && l.Leg == p.Leg {
			return p.Size >= 1 && p.Size <= uint64(len(l.roots)) && l.roots[p.Size-1] == p.Root
		}
	}
	return false
}

// PointAt returns the point of this roster at a position, or false if it has none.
func (s *State) PointAt(p Position) (Point, bool) {
	for _, l := range s.legs {
		if l.Term == p.Term && l.Leg == p.Leg && p.Size >= 1 && p.Size <= uint64(len(l.roots)) {
			return Point{p, l.roots[p.Size-1]}, true
		}
	}
	return Point{}, false
}

// Steward returns the leg that is being written, by its author.
func (s *State) Steward() LegID { return s.steward() }

// Heir returns the device that the leg was handed over to, or zeros.
func (s *State) Heir() Key { return s.heir }

// Term returns the newest term record, or nil in term 0.
func (s *State) Term() *Term { return s.term }

// Closed returns why the leg ended by breaking a rule, or nil.
func (s *State) Closed() error { return s.closed }

// Voids returns the records of the legs read that change nothing, oldest first. An honest
// steward writes none.
func (s *State) Voids() []VoidRecord { return slices.Clone(s.voids) }

// Founded reports whether the owner's admit was read; nobody belongs before.
func (s *State) Founded() bool { return s.phase > phaseFounding }

// Account returns an account that belongs or did.
func (s *State) Account(k Key) (Account, bool) {
	a, ok := s.accounts.get(k)
	return a, ok
}

// Accounts returns all accounts that belong, by rising key.
func (s *State) Accounts() []Account {
	return sorted(s.accounts.each(), Account.Belongs, func(a Account) Key { return a.Key })
}

// EveryAccount returns all accounts that belong or did, by rising key.
func (s *State) EveryAccount() []Account {
	return sorted(s.accounts.each(), func(Account) bool { return true }, func(a Account) Key { return a.Key })
}

// Device returns a device that belongs or did.
func (s *State) Device(k Key) (DeviceState, bool) {
	d, ok := s.devices.get(k)
	return d, ok
}

// Devices returns the devices of an account that belong, by rising key.
func (s *State) Devices(account Key) []DeviceState {
	var all []DeviceState
	for _, k := range s.ofAccount.at(account) {
		if d := s.devices.at(k); d.Belongs {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b DeviceState) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return all
}

// EveryDevice returns the devices of an account that belong or did, by rising key.
func (s *State) EveryDevice(account Key) []DeviceState {
	mine := func(d DeviceState) bool { return d.Account == account }
	return sorted(s.devices.each(), mine, func(d DeviceState) Key { return d.Key })
}

// Role returns the role of the account that a device belongs to, or None.
func (s *State) Role(device Key) Role {
	d := s.devices.at(device)
	if !d.Belongs {
		return None
	}
	return s.accounts.at(d.Account).Role
}

// Invites returns the open invites, by rising key.
func (s *State) Invites() []InviteState {
	return sorted(s.invites.each(), func(v InviteState) bool { return v.Open }, func(v InviteState) Key { return v.Key })
}

// Invite returns an invite that is or was open.
func (s *State) Invite(k Key) (InviteState, bool) {
	v, ok := s.invites.get(k)
	return v, ok
}

// Log returns what the roster says of a log, or false if it says nothing.
func (s *State) Log(id digest.Hash) (Log, bool) {
	l, ok := s.logs.get(id)
	return l, ok
}

// LogAt is Log as it was at an earlier position of this roster; whether it is
// forked is told as of now.
func (s *State) LogAt(id digest.Hash, p Position) (Log, bool) {
	l, ok := s.logs.get(id)
	if !ok {
		return Log{}, false
	}
	n := 0
	for n < len(l.Cuts) && l.Cuts[n].At.Compare(p) <= 0 {
		n++
	}
	l.Cuts = l.Cuts[:n:n]
	admitted := l.Admitted.Size > 0 && l.Admitted.Compare(p) <= 0
	return l, admitted || n > 0
}

// LogTurns returns the logs that the roster says something of, each as often as it said
// something else, in its order: whoever read the first n of them knows of all logs but
// those behind. It is not to be written to.
func (s *State) LogTurns() []digest.Hash { return slices.Clip(s.logTurns) }

// Logs returns all logs that the roster says something of, by rising id.
func (s *State) Logs() []Log {
	return sorted(s.logs.each(), func(Log) bool { return true }, func(l Log) Key { return Key(l.ID) })
}

// Counts returns up to which size a data log counts at a position: limit, or all
// of it if cut is false; ok is false if it does not count at all. Author, page
// bytes and number are the log's; nothing else makes its id.
func (s *State) Counts(author Key, pageBytes uint32, number uint64, p Position) (limit Cut, cut, ok bool) {
	l, known := s.LogAt(DataLog(s.topic, author, pageBytes, number), p)
	if known {
		limit, cut = l.Cut()
		ok = l.Admitted.Size > 0 && l.Admitted.Compare(p) <= 0
	}
	return limit, cut, ok || s.CountsOpen(pageBytes, number)
}

// CountsOpen reports whether a data log with these page bytes and number counts
// without admission: the first of an author in an open topic.
func (s *State) CountsOpen(pageBytes uint32, number uint64) bool {
	return s.genesis.Policy.Has(identity.PolicyOpen) && number == 0 && pageBytes == s.genesis.PageBytes
}
