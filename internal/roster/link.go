// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// applyFirst reads record 0 of the leg that was begun.
func (s *State) applyFirst(typ string, ms int64, body []byte) (Effect, error) {
	if s.next == nil {
		return Effect{}, fmt.Errorf("%w: sequence 0 of no leg that was begun", ErrPosition)
	}
	leaf, err := leafHash(typ, ms, body)
	if err != nil {
		return Effect{}, fmt.Errorf("%w: record 0: %w", ErrRefused, err)
	}
	r, err := Decode(typ, body)
	if err != nil {
		return Effect{}, fmt.Errorf("%w: record 0: %w", ErrRefused, err)
	}
	if err := s.link(r); err != nil {
		return Effect{}, err
	}
	s.legs = append(s.legs, leg{LegID: *s.next})
	s.next, s.tree, s.heir, s.behind, s.closed = nil, merkleindex.CompactRange{}, Key{}, 0, nil
	if s.phase == phaseEmpty {
		s.phase = phaseFounding
	} else {
		s.phase = phaseOpen
	}
	if b, ok := r.(*Begin); ok && b.Term != nil {
		s.term = b.Term
		s.epochDue = s.hasKEM()
	}
	s.push(leaf)
	return Effect{At: s.Position(), Record: r}, nil
}

// link returns why r does not begin the leg that follows.
func (s *State) link(r Record) error {
	if err := CheckFounding(s.topic, s.genesis, *s.next, 0, r); err != nil {
		return fmt.Errorf("%w: record 0: %w", ErrRefused, err)
	}
	b, begins := r.(*Begin)
	switch {
	case begins && b.Term != nil:
		return s.linkTerm(b.Term)
	case begins:
		return s.linkHandover(b)
	case s.phase != phaseEmpty:
		return fmt.Errorf("%w: genesis after %v", ErrPosition, s.Position())
	}
	return nil
}

func (s *State) linkHandover(b *Begin) error {
	if b.Before != s.Prefix() {
		return s.elsewhere(b.Before)
	}
	now := s.Position()
	switch {
	case s.phase != phaseHandedOver || s.next.Author != s.heir:
		return fmt.Errorf("%w: no handover to %s at %v", ErrRefused, s.next.Author.Short(), now)
	case s.next.Term != now.Term || s.next.Leg != now.Leg+1:
		return fmt.Errorf("%w: leg %d.%d after %v", ErrRefused, s.next.Term, s.next.Leg, now)
	}
	return nil
}

func (s *State) linkTerm(t *Term) error {
	switch {
	case t.Last != s.Prefix():
		return s.elsewhere(t.Last)
	case s.phase == phaseFounding:
		return fmt.Errorf("%w: term record names a roster without its owner", ErrRefused)
	case len(s.legs) > 0 && t.Term <= s.Position().Term:
		return fmt.Errorf("%w: term %d after %v", ErrRefused, t.Term, s.Position())
	}
	return nil
}

func (s *State) elsewhere(want Prefix) error {
	at := s.Prefix()
	return fmt.Errorf("%w: it continues log %s at size %d, root %s; the state is at log %s, size %d, root %s", ErrPosition,
		want.Log.Short(), want.Size, want.Root.Short(), at.Log.Short(), at.Size, at.Root.Short())
}

// applyOwner reads record 1 of a chain's first leg.
func (s *State) applyOwner(r Record, ms int64, leaf digest.Hash) (Effect, error) {
	if err := checkOwner(s.topic, s.genesis, s.steward().Author, r); err != nil {
		return Effect{}, s.close(1, err)
	}
	s.phase = phaseOpen
	s.push(leaf)
	r.(*Admit).carry(s, when{s.Position(), ms})
	return Effect{At: s.Position(), Record: r}, nil
}
