// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Roster returns what is held of a topic's roster.
func (v Source) Roster(topic digest.Hash) (r syncer.Roster, err error) {
	t, err := v.s.Topic(topic)
	if err != nil {
		return r, err
	}
	stated, err := v.s.stated(t)
	if err != nil {
		return r, err
	}
	for _, leg := range stated.legs {
		info, found, err := v.Log(leg)
		if err != nil {
			return r, err
		}
		if !found && leg == t.Roster().ID() { // its author and id are known all the same
			info, found = syncer.LogOf(leg, t.Roster(), t.Genesis), true
		}
		if !found {
			continue // a leg that is only named: peers that hold it bring it
		}
		r.Legs = append(r.Legs, info)
	}
	r.Position, err = v.s.position(t)
	return r, err
}

// Counts reports whether a log of a topic is stored at all: the roster's legs,
// the boxes of those that write them, the first data log of anybody in an open topic,
// and what the roster admits. Of others, see Awaits.
func (v Source) Counts(n identity.LogName) (counts bool, err error) {
	t, err := v.s.Topic(n.Topic)
	if err != nil {
		return false, err
	}
	switch {
	case n == t.Roster():
		return true, nil
	case n.Kind == identity.KindRoster:
		return v.s.mayBeLeg(t, n)
	case isOpen(t, n): // as most, which need no fold
		c, err := v.s.cutOf(t.ID, n.Kind, n.ID())
		return c == nil || c.Size > 0, err
	}
	err = v.s.askRoster(t, func(st *roster.State) {
		switch n.Kind {
		case identity.KindBoxes:
			counts = wrote(st, n)
		case identity.KindData:
			_, _, counts = st.Counts(roster.Key(n.Author), n.PageBytes, n.Number, st.Position())
		}
	})
	return counts, err
}

// mayBeLeg reports whether a log can be a later leg of a topic's roster: the next one
// after a handover, or one that begins a term, which its record 0 has to show.
func (s *Store) mayBeLeg(t *Topic, n identity.LogName) (may bool, err error) {
	if ids, err := s.legIDs(t); err != nil || len(ids) > layout.MaxLegs {
		return false, err
	}
	leg := legOf(n)
	if leg.Leg == 0 {
		return leg.Term > 0, nil // the first leg of all has one author
	}
	err = s.askRoster(t, func(st *roster.State) {
		at := st.Position()
		may = s.namedLeg(n) || st.Heir() == roster.Key(n.Author) && leg.Term == at.Term && leg.Leg == at.Leg+1
		for _, l := range st.Legs() {
			may = may || l == leg
		}
	})
	return may, err
}

// isOpen reports whether a log counts without admission.
func isOpen(t *Topic, n identity.LogName) bool {
	return n.Kind == identity.KindData && n.Number == 0 && t.Genesis.Policy.Has(identity.PolicyOpen) && n.PageBytes == t.Genesis.PageBytes
}

// wrote reports whether the author of a log of boxes wrote the leg with its number.
func wrote(st *roster.State, n identity.LogName) bool {
	leg := legOf(n)
	for _, l := range st.Legs() {
		if l.Author == leg.Author && l.Term == leg.Term && l.Leg == leg.Leg {
			return true
		}
	}
	return false
}
