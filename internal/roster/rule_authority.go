// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// authority returns the account that a record is on the authority of: that of
// the device whose log asked, or the steward's if nobody asked.
func (s *State) authority(a AskRef) (Account, Void) {
	device := s.steward().Author
	if !a.None() {
		if v := s.askable(a); v != "" {
			return Account{}, v
		}
		l, known := s.logs.get(a.Log)
		if !known || l.Admitted.Size == 0 {
			return Account{}, VoidAsk
		}
		if c, cut := l.Cut(); cut && a.Seq >= c.Size {
			return Account{}, VoidAsk
		}
		device = l.Device
	}
	d := s.devices.at(device)
	switch {
	case d.Belongs:
		return s.accounts.at(d.Account), ""
	case a.None():
		return Account{}, VoidRight
	}
	return Account{}, VoidAsk
}

// askable reports whether an ask was neither named nor refused yet.
func (s *State) askable(a AskRef) Void {
	if a.Seq < s.asks.at(a.Log) {
		return VoidSettled
	}
	return ""
}

// settle notes that an ask was carried out, and with it all before it.
func (s *State) settle(a AskRef) {
	if !a.None() {
		s.asks.set(a.Log, a.Seq+1)
	}
}

// over reports whether an account may change another: by its role, which is
// that of an admin at least and not below the other's.
func (a Account) over(b Account) bool { return a.Role <= Admin && a.Role <= b.Role }

// boxes checks that a record names n boxes of the newest epoch in the steward's
// log, or none if there is no epoch.
func (s *State) boxes(b *Boxes, n int) Void {
	if len(s.epochs) == 0 || n == 0 {
		if b != nil {
			return VoidBoxes
		}
		return ""
	}
	if b == nil || int(b.Count) != n || b.Log != s.boxLog() {
		return VoidBoxes
	}
	return ""
}

func (s *State) boxLog() digest.Hash {
	l := s.steward()
	return BoxLog(s.topic, l.Author, l.Term, l.Leg)
}

// kemLen returns VoidKEM unless k is there if and only if the topic has KEM keys.
func (s *State) kemLen(keys ...[]byte) Void { return kemLen(s.genesis, keys...) }

func kemLen(g *Genesis, keys ...[]byte) Void {
	for _, k := range keys {
		if (len(k) > 0) == g.Policy.Has(identity.PolicyOpen) {
			return VoidKEM
		}
	}
	return ""
}

// room checks that an epoch can have n more boxes.
func (s *State) room(n int) Void {
	if s.hasKEM() && s.readers+n > MaxReaders {
		return VoidFull
	}
	return ""
}

// keyUse checks that a key was never used for anything else than want.
func (s *State) keyUse(k Key, want use) Void {
	_, account := s.accounts.get(k)
	_, device := s.devices.get(k)
	_, invite := s.invites.get(k)
	if account && want != useAccount || device && want != useDevice || invite || want != useAccount && k == Key(s.genesis.Owner) {
		return VoidKeyUse
	}
	return ""
}

// use is what a key is for.
type use uint8

const (
	useAccount use = iota
	useDevice
	useInvite
)

// number checks that a log can be admitted as the next of a device.
func (s *State) number(device Key, log digest.Hash, number uint64) Void {
	if number < s.devices.at(device).next {
		return VoidNumber
	}
	if l, known := s.logs.get(log); known && len(l.Cuts) > 0 {
		return VoidNumber
	}
	return ""
}

// first returns the first reason there is.
func first(all ...Void) Void {
	for _, v := range all {
		if v != "" {
			return v
		}
	}
	return ""
}

func void(yes bool, v Void) Void {
	if yes {
		return v
	}
	return ""
}
