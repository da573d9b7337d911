// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
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
	h, p, placed := v.s.placed(t.ID)
	if placed {
		return p, nil
	}
	l, err := v.s.Log(t.Roster().ID())
	if err != nil && !errors.Is(err, ErrUnknownLog) {
		return p, err
	}
	if l != nil {
		l.pubMu.Lock()
		defer l.pubMu.Unlock()
	}
	v.s.catalog.setMu.Lock()
	defer v.s.catalog.setMu.Unlock()
	if l != nil {
		h.place(l, l.State())
	}
	h.placed = true // at nothing, unless the log was created meanwhile
	return h.position, nil
}

// placed returns the history of a topic, and the position of its roster if that is
// known.
func (s *Store) placed(topic digest.Hash) (*history, identity.Position, bool) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	h := s.catalog.historyOf(topic)
	return h, h.position, h.placed
}

// place takes note of the state of the topic's roster, of which there is one leg.
func (h *history) place(l *Log, p *LogState) {
	h.placed, h.position = true, identity.Position{}
	if p.Size > 0 {
		h.position = identity.Position{Size: p.Size, Root: p.Root}
	}
	h.position = syncer.Stated(h.position, l.frozen.Load())
}
