// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/internal/digest"

func (r *Remove) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	t := s.accounts.at(r.Target.Account)
	d := s.devices.at(r.Target.Device)
	steward := s.steward().Author
	whole := r.Target.Device.IsZero()
	return first(v,
		void(!t.Belongs() || !whole && !(d.Belongs && d.Account == t.Key), VoidUnknown),
		void(whole && t.Role == Owner, VoidOwner),
		void(whole && s.devices.at(steward).Belongs && s.devices.at(steward).Account == t.Key, VoidSteward),
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
	s.closeInvites(at, func(v InviteState) bool {
		return !keep[v.Key] || v.Link != nil && !s.accounts.at(v.Link.Account).Belongs()
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
		all = append(all, s.devices.at(k))
	}
	return all
}

func (s *State) dropDevice(k Key, named map[digest.Hash]Prefix, at when) {
	d := s.devices.at(k)
	s.cutAll(d, named, at.pos)
	d.Belongs = false
	s.devices.set(k, d)
	s.changed.set(k, at.pos)
	s.readers--
}

func (s *State) dropAccount(k Key, at when) {
	a := s.accounts.at(k)
	a.Role = None
	s.accounts.set(k, a)
	s.changed.set(k, at.pos)
	s.readers--
	s.endRights(k)
}

// endRights ends the rights of an account, and those on it.
func (s *State) endRights(account Key) {
	var ends []rightKey
	for k, r := range s.rights.each() {
		if r.Calls > 0 && (k.account == account || k.on == account) {
			ends = append(ends, k)
		}
	}
	for _, k := range ends {
		s.rights.set(k, Right{})
	}
}

// closeInvites closes the open invites that goes holds for.
func (s *State) closeInvites(at when, goes func(InviteState) bool) {
	for _, v := range s.Invites() {
		if goes(v) {
			s.closeInvite(v.Key, at)
		}
	}
}

func (r *SetRole) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	t := s.accounts.at(r.Change.Account)
	d := s.devices.at(s.steward().Author)
	return first(v,
		void(!t.Belongs(), VoidUnknown),
		void(t.Role == Owner, VoidOwner),
		void(t.Role == r.Change.Role, VoidNothing),
		void(r.Change.Role == Replica && d.Belongs && d.Account == t.Key, VoidSteward),
		void(!actor.over(t) || actor.Role > r.Change.Role, VoidRight),
	)
}

func (r *SetRole) carry(s *State, at when) {
	a := s.accounts.at(r.Change.Account)
	was := a.Role
	a.Role = r.Change.Role
	s.accounts.set(a.Key, a)
	s.changed.set(a.Key, at.pos)
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
		s.closeInvites(at, func(v InviteState) bool { return v.By == a.Key && v.Link == nil })
	}
	s.settle(r.Ask)
}
