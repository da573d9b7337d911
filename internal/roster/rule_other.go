// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/identity"

func (r *CutLog) void(s *State) Void {
	l, known := s.logs.get(r.Cut.Log)
	if !known && s.hasKEM() {
		return VoidUnknown
	}
	if r.Fork != nil {
		if v := first(s.forkAsk(r.Ask), void(r.Fork.Log(s.topic) != r.Cut.Log || !s.signed && !r.Fork.Verify(s.topic), VoidFork)); v != "" {
			return v
		}
		return void(!known && !s.CountsOpen(r.Fork.PageBytes, r.Fork.Number), VoidUnknown)
	}
	actor, v := s.authority(r.Ask)
	owner := s.accounts.at(l.Account)
	return first(v,
		void(len(l.Cuts) > 0 && !l.Forked, VoidCut),
		void(actor.Role > Admin && actor.Key != l.Account, VoidRight),
		void(actor.Key != l.Account && owner.Belongs() && !actor.over(owner), VoidRight),
	)
}

// forkAsk checks the ask, if there is one: a fork needs nobody's authority.
func (s *State) forkAsk(a AskRef) Void {
	if a.None() {
		return ""
	}
	_, v := s.authority(a)
	return v
}

func (r *CutLog) carry(s *State, at when) {
	l, known := s.logs.get(r.Cut.Log)
	if !known {
		l.ID = r.Cut.Log
	}
	if r.Fork != nil {
		l.Forked = true
		if !known {
			l.Device, l.PageBytes, l.Writes = r.Fork.Author, r.Fork.PageBytes, true
		}
	}
	s.cut(l, r.Cut.Size, r.Cut.Root, at.pos)
	s.settle(r.Ask)
}

func (r *Erase) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	return first(v,
		void(!s.genesis.Policy.Has(identity.PolicyErasable), VoidPolicy),
		void(actor.Role > Admin, VoidRight),
	)
}

func (r *Erase) carry(s *State, at when) {
	actor, _ := s.authority(r.Ask)
	s.erased = append(s.erased, Erasure{r.Ranges, actor.Key, at.pos, at.ms})
	s.settle(r.Ask)
}

func (r *Snapshot) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	key := blobKeyPlain
	if s.genesis.Policy.Has(identity.PolicySealed) {
		key = blobKeySealed
	}
	return first(v,
		void(!actor.Role.Writes(), VoidRight),
		void(r.State.Blob != nil && len(r.State.Blob.Key) != key, VoidPolicy),
	)
}

func (r *Snapshot) carry(s *State, at when) {
	actor, _ := s.authority(r.Ask)
	s.snapshots = append(s.snapshots, SnapshotState{r.State, actor.Key, at.pos, at.ms})
	s.settle(r.Ask)
}

func (r *Grant) void(s *State) Void {
	actor, v := s.authority(r.Ask)
	on := r.Right.On
	there := s.rights.at(r.Right.key()).Calls > 0
	return first(v,
		void(!s.accounts.at(r.Right.Account).Belongs() || !on.IsZero() && !s.accounts.at(on).Belongs(), VoidUnknown),
		void(r.Right.Calls == 0 && !there, VoidNothing),
		void(actor.Role > Admin && actor.Key != on, VoidRight),
	)
}

func (r Right) key() rightKey { return rightKey{r.Account, r.On, r.What} }

func (r *Grant) carry(s *State, _ when) {
	s.rights.set(r.Right.key(), r.Right)
	s.settle(r.Ask)
}

func (r *Answer) void(s *State) Void { return void(r.Size <= s.asks.at(r.Log), VoidNothing) }

func (r *Answer) carry(s *State, _ when) { s.asks.set(r.Log, r.Size) }

func (r *Handover) void(s *State) Void {
	if r.Ask.None() {
		return VoidAsk
	}
	_, v := s.authority(r.Ask)
	d := s.devices.at(r.Device)
	return first(v,
		void(s.logs.at(r.Ask.Log).Device != r.Device, VoidAsk),
		void(!d.Belongs || !s.accounts.at(d.Account).Role.Reads(), VoidRight),
	)
}

func (r *Handover) carry(s *State, _ when) {
	s.phase, s.heir = phaseHandedOver, r.Device
	s.settle(r.Ask)
}
