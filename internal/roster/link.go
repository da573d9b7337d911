// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
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
	s.next, s.tree, s.heir = nil, merkleindex.CompactRange{}, Key{}
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
	switch r := r.(type) {
	case *Founding:
		return s.linkFounding(r)
	case *Begin:
		if s.next.Term == 0 && s.next.Leg == 0 {
			break
		}
		if r.Term != nil {
			return s.linkTerm(r.Term)
		}
		return s.linkHandover(r)
	}
	return fmt.Errorf("%w: record 0 of term %d, leg %d is %s", ErrRefused, s.next.Term, s.next.Leg, r.Type())
}

func (s *State) linkFounding(f *Founding) error {
	switch {
	case s.next.Term != 0 || s.next.Leg != 0:
		return fmt.Errorf("%w: genesis in term %d, leg %d", ErrRefused, s.next.Term, s.next.Leg)
	case !bytes.Equal(f.Body, s.body):
		return fmt.Errorf("%w: record 0 is not the topic's genesis", ErrRefused)
	case s.phase != phaseEmpty:
		return fmt.Errorf("%w: genesis after %v", ErrPosition, s.Position())
	}
	return nil
}

func (s *State) linkHandover(b *Begin) error {
	if s.next.Leg == 0 {
		return fmt.Errorf("%w: a term begins without a term record", ErrRefused)
	}
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
	case s.next.Leg != 0 || t.Term != s.next.Term || t.Steward != s.next.Author:
		return fmt.Errorf("%w: term record of term %d and %s begins leg %d.%d of %s", ErrRefused, t.Term, t.Steward.Short(), s.next.Term, s.next.Leg, s.next.Author.Short())
	case !t.Verify(s.topic, s.genesis):
		return fmt.Errorf("%w: term record of term %d is signed by nobody who can raise it", ErrRefused, t.Term)
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

// applyOwner reads record 1 of the first leg.
func (s *State) applyOwner(r Record, err error, typ string, ms int64, body []byte) (Effect, error) {
	a, ok := r.(*Admit)
	if err == nil && !ok {
		err = fmt.Errorf("it is %s", typ)
	}
	if err == nil {
		err = s.ownerAdmit(a)
	}
	var leaf digest.Hash
	if err == nil {
		leaf, err = leafHash(typ, ms, body)
	}
	if err != nil {
		return Effect{}, fmt.Errorf("%w: record 1 is not the owner's admit: %w", ErrRefused, err)
	}
	s.phase = phaseOpen
	s.push(leaf)
	a.carry(s, when{s.Position(), ms})
	return Effect{At: s.Position(), Record: a}, nil
}
