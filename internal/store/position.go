// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Position returns the position of a topic's roster that is held, as it is stated to
// peers. It is kept beside the topic's digest, so that a session which asks with each
// step has no log loaded.
func (v Source) Position(topic digest.Hash) (identity.Position, error) {
	t, err := v.s.Topic(topic)
	if err != nil {
		return identity.Position{}, err
	}
	if p, placed := v.s.placed(t.ID); placed {
		return p, nil
	}
	if err := v.s.rosterMoved(t.ID); err != nil {
		return identity.Position{}, err
	}
	p, _ := v.s.placed(t.ID)
	return p, nil
}

// placed returns the position of a topic's roster if that is known.
func (s *Store) placed(topic digest.Hash) (identity.Position, bool) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	h := s.catalog.historyOf(topic)
	return h.position, h.placed
}

// placeRoster keeps the position of a topic's roster; s.rosters.moving is held.
func (s *Store) placeRoster(t *Topic) error {
	p, err := s.position(t)
	if err != nil {
		return err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	h := s.catalog.historyOf(t.ID)
	h.placed, h.position = true, p
	return nil
}

// chain returns the legs of a topic's roster that count, oldest first; it begins with
// the first leg, held or not. A roster with no later legs, as most are, is not folded
// for it.
func (s *Store) chain(t *Topic) ([]roster.LegID, error) {
	chain := []roster.LegID{legOf(t.Roster())}
	ids, err := s.legIDs(t)
	if err != nil || len(ids) == 1 {
		return chain, err
	}
	err = s.askRoster(t, func(st *roster.State) {
		if legs := st.Legs(); len(legs) > 0 {
			chain = legs
		}
	})
	return chain, err
}

// A stated is what is stated to peers of a topic's roster: its legs, oldest first, and
// the one up to which it is held. Those behind it are held, too, and do not count yet.
type stated struct {
	legs []digest.Hash
	at   digest.Hash
}

// stated returns what is stated of a topic's roster: the chain that counts, or if what
// leads to a term record that decides against it is not here, as much of that as is.
func (s *Store) stated(t *Topic) (r stated, err error) {
	chain, err := s.chain(t)
	if err != nil {
		return r, err
	}
	s.rosters.mu.Lock()
	defer s.rosters.mu.Unlock()
	var d roster.Decision
	if f := s.rosters.all[t.ID]; f != nil && f.decided.Lacks {
		d = f.decided
	}
	if len(d.Legs) == 0 {
		return statedChain(chain), nil
	}
	return s.statedDecision(chain, d)
}

func statedChain(chain []roster.LegID) (r stated) {
	for _, leg := range chain {
		r.legs, r.at = append(r.legs, leg.Log), leg.Log
	}
	return r
}

// statedDecision is stated for a roster of which something lacks; s.rosters.mu is held.
func (s *Store) statedDecision(chain []roster.LegID, d roster.Decision) (r stated, err error) {
	var decided stated
	first, lacks := ^uint64(0), false
	for _, p := range d.Legs {
		l, err := s.knownLog(p.Log)
		if err != nil {
			return r, err
		}
		if l == nil {
			lacks = true
			continue
		}
		if decided.legs = append(decided.legs, p.Log); !lacks {
			decided.at, first = p.Log, min(first, l.Number)
		}
		now := l.Shown()
		lacks = lacks || now.Size != p.Size || now.Root != p.Root
	}
	for _, leg := range chain { // what is before them is no matter of doubt
		if identity.RosterNumber(leg.Term, leg.Leg) < first {
			r.legs, r.at = append(r.legs, leg.Log), leg.Log
		}
	}
	r.legs = append(append(r.legs, decided.legs...), d.Begins)
	if !decided.at.IsZero() {
		r.at = decided.at
	}
	return r, nil
}

// position returns the position of a topic's roster: of the newest leg up to which it is
// held, with all that counts of it.
func (s *Store) position(t *Topic) (p identity.Position, err error) {
	r, err := s.stated(t)
	if err != nil {
		return p, err
	}
	l, err := s.knownLog(r.at)
	if err != nil || l == nil {
		return p, err
	}
	now := l.Shown()
	if now.Size > 0 || l.frozen.Load() {
		p.Term, p.Leg = identity.SplitRosterNumber(l.Number)
	}
	if now.Size > 0 {
		p.Size, p.Root = now.Size, now.Root
	}
	return syncer.Stated(p, l.frozen.Load()), nil
}
