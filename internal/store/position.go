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

// position returns the position of a topic's roster: of the newest leg that counts,
// with all that is held of it.
func (s *Store) position(t *Topic) (p identity.Position, err error) {
	chain, err := s.chain(t)
	if err != nil {
		return p, err
	}
	newest := chain[len(chain)-1]
	l, err := s.knownLog(newest.Log)
	if err != nil || l == nil {
		return p, err
	}
	if now := l.State(); now.Size > 0 {
		p = identity.Position{Term: newest.Term, Leg: newest.Leg, Size: now.Size, Root: now.Root}
	}
	return syncer.Stated(p, l.frozen.Load()), nil
}
