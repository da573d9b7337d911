// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/identity"

func (e *Epoch) void(s *State) Void {
	if !s.hasKEM() {
		return VoidPolicy
	}
	step := s.genesis.Policy.Has(identity.PolicyHistory) && e.Number > 0
	return first(
		void(e.Number != uint64(len(s.epochs)) || (len(e.Step) > 0) != step, VoidEpoch),
		void(int(e.Boxes.Count) != s.readers || e.Boxes.Log != s.boxLog(), VoidBoxes),
		void(e.Readers != RecipientsDigest(s.Recipients()), VoidEpoch),
	)
}

func (e *Epoch) carry(s *State, at when) {
	s.epochs = append(s.epochs, EpochState{*e, at.pos, at.ms})
	s.epochDue, s.worn = false, false
}
