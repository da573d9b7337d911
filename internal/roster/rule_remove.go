// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"maps"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func (r *Remove) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	t := s.accounts[r.Target.Account]
	d := s.devices[r.Target.Device]
	steward := s.steward().Author
	whole := r.Target.Device.IsZero()
	return first(v,
		void(!t.Belongs() || !whole && !(d.Belongs && d.Account == t.Key), VoidUnknown),
		void(whole && t.Role == Owner, VoidOwner),
		void(whole && s.devices[steward].Belongs && s.devices[steward].Account == t.Key, VoidSteward),
		void(r.Target.Device == steward, VoidSteward),
		void(actor.Key != t.Key && !actor.over(t), VoidRight),
	)
}

func (r *Remove) carry(s *State, at when) {
	named := byLog(r.Cuts)
	for _, d := range s.Leaving(r.Target) {
		s.dropDevice(d.Key, named, at)
	}
	if r.Target.Device.IsZero() {
		s.dropAccount(r.Target.Account, at)
	}
	keep := map[Key]bool{}
	for _, k := range r.Keep {
		keep[k] = true
	}
	s.closeInvites(at.pos, func(v InviteState) bool {
		return !keep[v.Key] || v.Link != nil && !s.accounts[v.Link.Account].Belongs()
	})
	s.epochDue = s.hasKEM()
	s.settle(r.Ask)
}

// Leaving returns the devices that go if a target is removed, by rising key: those
// of the account, or the device with what it is a copy of and with copies of it.
func (s *State) Leaving(t Target) []DeviceState {
	if t.Device.IsZero() {
		return s.Devices(t.Account)
	}
	var all []DeviceState
	for _, k := range s.kin(t.Device) {
		all = append(all, s.devices[k])
	}
	return all
}

func (s *State) dropDevice(k Key, named map[digest.Hash]Prefix, at when) {
	d := s.devices[k]
	s.cutAll(d, named, at.pos)
	d.Belongs = false
	s.devices[k] = d
	s.changed[k] = at.pos
	s.readers--
}

func (s *State) dropAccount(k Key, at when) {
	a := s.accounts[k]
	a.Role = None
	s.accounts[k] = a
	s.changed[k] = at.pos
	s.readers--
	maps.DeleteFunc(s.rights, func(r rightKey, _ Right) bool { return r.account == k || r.on == k })
}

// closeInvites closes the open invites that goes holds for.
func (s *State) closeInvites(at Position, goes func(InviteState) bool) {
	for _, v := range s.Invites() {
		if goes(v) {
			s.closeInvite(v.Key, at)
		}
	}
}

func (r *SetRole) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	t := s.accounts[r.Change.Account]
	d := s.devices[s.steward().Author]
	return first(v,
		void(!t.Belongs(), VoidUnknown),
		void(t.Role == Owner, VoidOwner),
		void(t.Role == r.Change.Role, VoidNothing),
		void(r.Change.Role == Replica && d.Belongs && d.Account == t.Key, VoidSteward),
		void(!actor.over(t) || actor.Role > r.Change.Role, VoidRight),
	)
}

func (r *SetRole) carry(s *State, at when) {
	a := s.accounts[r.Change.Account]
	was := a.Role
	a.Role = r.Change.Role
	s.accounts[a.Key] = a
	s.changed[a.Key] = at.pos
	if was.Writes() != a.Role.Writes() {
		named := byLog(r.Cuts)
		for _, d := range s.Devices(a.Key) {
			s.cutAll(d, named, at.pos)
		}
	}
	if was.Reads() != a.Role.Reads() {
		s.epochDue = s.hasKEM()
	}
	if a.Role > Admin {
		s.closeInvites(at.pos, func(v InviteState) bool { return v.By == a.Key && v.Link == nil })
	}
	s.settle(r.Ask)
}
