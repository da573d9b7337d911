// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func (r *AddDevice) void(s *State) Void {
	if v := s.deviceVoid(&r.Device); v != "" {
		return v
	}
	return first(r.askVoid(s), s.boxes(r.Boxes, s.deviceBoxes(&r.Device.Card)))
}

// deviceVoid returns why no device can be added, changed or moved on with this.
func (s *State) deviceVoid(x *SignedDevice) Void {
	k := &x.Card
	d, known := s.devices.get(k.Device)
	if v := first(
		void(!s.accounts.at(k.Account).Belongs(), VoidUnknown),
		void(known && d.Account != k.Account, VoidForeign),
		s.keyUse(k.Device, useDevice), s.kemLen(k.KEM),
		void(s.freshKEM(k) && s.kems.at(digest.Sum(k.KEM)), VoidKEM),
	); v != "" {
		return v
	}
	if d.Belongs {
		return first(s.changeVoid(d, k), s.signerVoid(x, d.Belongs))
	}
	parent := s.devices.at(k.Parent)
	return first(
		s.number(k.Device, k.Log(s.topic), k.Number),
		void(k.Ends != nil, VoidEnd),
		void(!k.Parent.IsZero() && parent.Account != k.Account, VoidParent),
		s.room(1), s.signerVoid(x, d.Belongs),
	)
}

// freshKEM reports whether the card brings a KEM key that the device does not
// have now.
func (s *State) freshKEM(k *DeviceCard) bool {
	d := s.devices.at(k.Device)
	return len(k.KEM) > 0 && !(d.Belongs && bytes.Equal(k.KEM, d.KEM))
}

// changeVoid returns why a device that belongs cannot get another KEM key or
// another log in this way.
func (s *State) changeVoid(d DeviceState, k *DeviceCard) Void {
	if !k.Parent.IsZero() {
		return VoidParent
	}
	if k.Log(s.topic) == d.Log {
		return first(void(!s.freshKEM(k), VoidNothing), void(k.Ends != nil, VoidEnd))
	}
	_, cut := s.logs.at(d.Log).Cut()
	return first(s.number(k.Device, k.Log(s.topic), k.Number), void(cut == (k.Ends != nil), VoidEnd))
}

// signerVoid returns why the signatures do not make the device the account's.
// An invite links new devices only.
func (s *State) signerVoid(x *SignedDevice, belongs bool) Void {
	account := x.Card.Account
	d, v := s.devices.at(x.Signer), s.invites.at(x.Signer)
	linked := v.Open && v.Link != nil && v.Link.Account == account && !belongs
	if x.Signer != account && !(d.Belongs && d.Account == account) && !linked {
		return VoidSignature
	}
	return void(!s.signed && !x.Verify(s.topic), VoidSignature)
}

// askVoid returns why the ask cannot be for this: a device is asked for in the
// log that it is to write, or in another of the account.
func (r *AddDevice) askVoid(s *State) Void {
	if r.Ask.None() {
		return ""
	}
	if r.Ask == (AskRef{Log: r.Device.Card.Log(s.topic)}) {
		return s.askable(r.Ask)
	}
	actor, v := s.authority(r.Ask)
	return first(v, void(actor.Key != r.Device.Card.Account, VoidRight))
}

// deviceBoxes returns how many boxes a device gets: one for a KEM key that is new.
func (s *State) deviceBoxes(k *DeviceCard) int {
	if s.freshKEM(k) {
		return 1
	}
	return 0
}

func (r *AddDevice) carry(s *State, at when) {
	k := &r.Device.Card
	d := s.devices.at(k.Device)
	if _, ok := s.invites.get(r.Device.Signer); ok {
		s.useInvite(r.Device.Signer, at)
	}
	switch {
	case !d.Belongs:
		d.Parent = k.Parent
		s.addDevice(d, k.Account, k.Device, k.KEM, r.Ask, at)
		s.newLog(k.Device, k.PageBytes, k.Number, at)
	default:
		s.changeDevice(d, k, at)
	}
	s.settle(r.Ask)
}

// changeDevice gives a device that belongs another KEM key, another log or both.
func (s *State) changeDevice(d DeviceState, k *DeviceCard, at when) {
	s.worn = s.worn || s.freshKEM(k)
	d.KEM = k.KEM
	s.knowKEM(k.KEM)
	s.changed.set(d.Key, at.pos)
	s.devices.set(d.Key, d)
	if k.Log(s.topic) == d.Log {
		return
	}
	if k.Ends != nil {
		s.cut(s.logs.at(d.Log), k.Ends.Size, k.Ends.Root, at.pos)
	}
	s.newLog(k.Device, k.PageBytes, k.Number, at)
}

// kin returns the devices that go if one is removed: the device, the one that it
// is a copy of, and all copies of it, and theirs; never the steward's.
func (s *State) kin(device Key) []Key {
	gone := map[Key]bool{device: true}
	for grown := true; grown; {
		grown = false
		for _, d := range s.devices.each() {
			if !gone[d.Key] && gone[d.Parent] {
				gone[d.Key], grown = true, true
			}
		}
	}
	gone[s.devices.at(device).Parent] = true
	var all []Key
	for k := range gone {
		if s.devices.at(k).Belongs && k != s.steward().Author {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	return all
}
