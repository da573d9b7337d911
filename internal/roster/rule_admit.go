// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"errors"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func (*Founding) void(*State) Void   { return VoidPlace }
func (*Founding) carry(*State, when) {}
func (*Begin) void(*State) Void      { return VoidPlace }
func (*Begin) carry(*State, when)    {}

// ownerFlaw returns why a is not the owner's admit, which record 1 of a first leg
// by this author has to be.
func (a *Admit) ownerFlaw(topic digest.Hash, g *Genesis, author Key) error {
	k := &a.Card.Card
	switch {
	case k.Account != Key(g.Owner):
		return errors.New("it admits another account than the owner's")
	case k.Device != author:
		return errors.New("it admits another device than the steward's")
	case a.Role != Owner || !a.Ask.None() || a.By != nil || a.Boxes != nil || k.Number != 0:
		return errors.New("it has another role, log number, ask, invite or boxes than the owner's")
	case kemLen(g, k.KEM, k.AccountKEM) != "":
		return errors.New("it has KEM keys in an open topic, or none in another")
	case k.Device == k.Account:
		return errors.New("account and device have one key")
	case !a.Card.Verify(topic):
		return errors.New("a signature is wrong")
	}
	return nil
}

func (a *Admit) void(s *State) Void {
	if a.Role == Owner {
		return VoidOwner
	}
	if v := s.cardVoid(&a.Card); v != "" {
		return v
	}
	return first(a.authorityVoid(s), s.boxes(a.Boxes, s.boxCount(2)))
}

// boxCount returns n in a topic that has KEM keys, else 0.
func (s *State) boxCount(n int) int {
	if s.hasKEM() {
		return n
	}
	return 0
}

// cardVoid returns why nobody can be admitted with this card.
func (s *State) cardVoid(c *SignedCard) Void {
	k := &c.Card
	d, known := s.devices.get(k.Device)
	return first(
		void(k.Account == Key(s.genesis.Owner), VoidOwner),
		void(s.accounts.at(k.Account).Belongs() || d.Belongs, VoidBelongs),
		void(known && d.Account != k.Account, VoidForeign),
		void(k.Account == k.Device, VoidKeyUse),
		s.keyUse(k.Account, useAccount), s.keyUse(k.Device, useDevice),
		s.number(k.Device, k.Log(s.topic), k.Number),
		s.kemLen(k.KEM, k.AccountKEM), void(s.kems.at(digest.Sum(k.KEM)), VoidKEM),
		s.room(2),
		void(!s.signed && !c.Verify(s.topic), VoidSignature),
	)
}

// authorityVoid returns why nobody let the newcomer in.
func (a *Admit) authorityVoid(s *State) Void {
	if a.By != nil {
		own := AskRef{Log: a.Card.Card.Log(s.topic)}
		return first(void(a.Ask != own, VoidAsk), s.askable(a.Ask), s.inviteVoid(a.By, &a.Card.Card, a.Role))
	}
	actor, v := s.authority(a.Ask)
	return first(v, void(actor.Role > Admin || actor.Role > a.Role, VoidRight))
}

// inviteVoid returns why the invite does not let in whoever made the card.
func (s *State) inviteVoid(p *InviteProof, k *Card, role Role) Void {
	v := s.invites.at(p.Invite)
	return first(void(!v.Open || v.Role != role, VoidInvite), void(!s.signed && !p.Verify(s.topic, k), VoidSignature))
}

func (a *Admit) carry(s *State, at when) {
	k := &a.Card.Card
	acc := Account{Key: k.Account, Role: a.Role, Since: at.pos, Time: at.ms, Ask: a.Ask, KEM: k.AccountKEM, Recovery: k.Recovery}
	if a.By != nil {
		acc.Invite = a.By.Invite
		s.useInvite(a.By.Invite, at)
	}
	s.accounts.set(k.Account, acc)
	s.changed.set(k.Account, at.pos)
	d := s.devices.at(k.Device)
	d.Parent = Key{}
	s.addDevice(d, k.Account, k.Device, k.KEM, a.Ask, at)
	s.readers++
	s.newLog(k.Device, k.PageBytes, k.Number, at)
	s.settle(a.Ask)
}

// addDevice makes a device belong; d is what is known of it from before.
func (s *State) addDevice(d DeviceState, account, key Key, kem []byte, ask AskRef, at when) {
	if d.Key.IsZero() { // of an account for ever
		s.ofAccount.set(account, append(slices.Clip(s.ofAccount.at(account)), key))
	}
	d.Key, d.Account, d.Belongs, d.Since, d.Time, d.Ask, d.KEM = key, account, true, at.pos, at.ms, ask, kem
	s.devices.set(key, d)
	s.changed.set(key, at.pos)
	s.knowKEM(kem)
	s.readers++
}

func (s *State) newLog(device Key, pageBytes uint32, number uint64, at when) {
	d := s.devices.at(device)
	s.admitLog(&d, pageBytes, number, at)
	s.devices.set(device, d)
}

// useInvite counts one use; the last one closes the invite.
func (s *State) useInvite(k Key, at when) {
	v := s.invites.at(k)
	v.Used++
	s.invites.set(k, v)
	if v.Used == v.Uses {
		s.closeInvite(k, at)
	}
}

func (s *State) closeInvite(k Key, at when) {
	v := s.invites.at(k)
	if !v.Open {
		return
	}
	v.Open, v.Ended = false, at.ms
	s.invites.set(k, v)
	s.changed.set(k, at.pos)
	s.worn = s.hasKEM()
	s.readers--
}
