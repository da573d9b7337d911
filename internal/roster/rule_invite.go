// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/identity"

func (r *MakeInvite) void(s *State) Void {
	v := &r.Invite
	return first(
		void(identity.SmallOrder(v.Key), VoidKeyUse), s.keyUse(v.Key, useInvite), s.kemLen(v.KEM), s.room(1), r.authorityVoid(s),
		s.boxes(r.Boxes, s.boxCount(1)),
	)
}

// authorityVoid returns why nobody may make this invite. One that links a device
// is the account's own business, as its signature shows.
func (r *MakeInvite) authorityVoid(s *State) Void {
	v := &r.Invite
	if v.Link == nil {
		actor, void1 := s.authority(r.Ask)
		return first(void1, void(actor.Role > Admin || actor.Role > v.Role, VoidRight))
	}
	if !r.Ask.None() {
		actor, void1 := s.authority(r.Ask)
		if w := first(void1, void(actor.Key != v.Link.Account, VoidRight)); w != "" {
			return w
		}
	}
	d := s.devices.at(v.Link.Signer)
	return first(
		void(!s.accounts.at(v.Link.Account).Belongs(), VoidUnknown),
		void(v.Link.Signer != v.Link.Account && !(d.Belongs && d.Account == v.Link.Account), VoidSignature),
		void(!s.signed && !v.VerifyLink(s.topic), VoidSignature),
	)
}

func (r *MakeInvite) carry(s *State, at when) {
	v := InviteState{Invite: r.Invite, Open: true, Since: at.pos, Time: at.ms}
	if v.Link != nil {
		v.By = v.Link.Account
	} else {
		actor, _ := s.authority(r.Ask)
		v.By = actor.Key
	}
	s.invites.set(v.Key, v)
	s.changed.set(v.Key, at.pos)
	s.readers++
	s.settle(r.Ask)
}

func (r *Uninvite) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	i := s.invites.at(r.Invite)
	return first(v,
		void(!i.Open, VoidUnknown),
		void(actor.Role > Admin && actor.Key != i.By, VoidRight),
	)
}

func (r *Uninvite) carry(s *State, at when) {
	s.closeInvite(r.Invite, at)
	s.epochDue = s.hasKEM()
	s.settle(r.Ask)
}
