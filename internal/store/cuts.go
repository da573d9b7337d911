// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// Rule: what the roster cuts stays where it is, as evidence, and is no part of the
// state that everybody sees. Readers, digests, sessions and proofs ask Log.State and
// know of no cut; the stages, which only go forward, ask Log.Whole.

// Whole returns the state of all that is held of a log, also behind a cut.
func (l *Log) Whole() *LogState { return l.pub.Load() }

// State returns the log's published state: what is held of it and counts.
func (l *Log) State() *LogState {
	if p := l.counted.Load(); p != nil {
		return p
	}
	return l.pub.Load()
}

// Cut returns up to which size the log counts by the roster, or false if all of it
// does.
func (l *Log) Cut() (size uint64, ok bool) {
	if c := l.cut.Load(); c != nil {
		return c.Size, true
	}
	return 0, false
}

// leave returns what a cut leaves of a state, or nil if that is all of it. What does
// not lead to the root that the roster names counts as nothing.
func (s *Store) leave(l *Log, p *LogState, c *roster.Cut) (*LogState, error) {
	switch {
	case c == nil || p.Size < c.Size || p.Size == c.Size && p.Root == c.Root:
		return nil, nil
	case c.Size == 0 || p.Size == c.Size:
		return nothing(l), nil
	}
	n, err := s.nodesOf(l, p)
	if err != nil {
		return nil, err
	}
	peaks, _, err := n.split(c.Size, p)
	if err != nil {
		return nil, err
	}
	if peaks.Root() != c.Root {
		return nothing(l), nil
	}
	left := &LogState{Size: c.Size, Root: c.Root, Peaks: peaks.Clone(), head: p.head, Pages: p.Pages, PagesSize: p.PagesSize}
	if left.Right, err = s.rightOf(l, p, c.Size); err != nil {
		return nil, err
	}
	if c.Size < p.PagesSize {
		if left.Pages, left.PagesSize, _, err = l.files.FindPage(c.Size, p.Pages); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// nothing is the state of a log of which nothing counts.
func nothing(l *Log) *LogState {
	return &LogState{Root: digest.Empty, head: proof.Head{Log: l.ID, Root: digest.Empty}}
}

// cutsOf returns the cuts of a topic's logs as they are carried out. The first time
// that somebody asks they are read from the roster, if it can hold any: one that was
// only founded cuts nothing, and is not folded.
func (s *Store) cutsOf(t *Topic) (map[digest.Hash]*roster.Cut, error) {
	if cuts := s.cutsCarriedOut(t.ID); cuts != nil {
		return cuts, nil
	}
	cuts, err := s.cutsNow(t)
	if err != nil {
		return nil, err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	if first := s.catalog.cuts[t.ID]; first != nil {
		return first, nil
	}
	s.catalog.cuts[t.ID] = cuts
	return cuts, nil
}

func (s *Store) cutsCarriedOut(topic digest.Hash) map[digest.Hash]*roster.Cut {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return s.catalog.cuts[topic]
}

// cutsNow returns the cuts of the roster as far as it is held.
func (s *Store) cutsNow(t *Topic) (map[digest.Hash]*roster.Cut, error) {
	cuts := map[digest.Hash]*roster.Cut{}
	ids, err := s.legIDs(t)
	if err != nil {
		return nil, err
	}
	if len(ids) == 1 {
		switch row, err := s.rowOf(ids[0]); {
		case err != nil && !errors.Is(err, ErrUnknownLog):
			return nil, err
		case err != nil || row.Size <= foundingCount:
			return cuts, nil
		}
	}
	err = s.askRoster(t, func(st *roster.State) {
		for _, l := range st.Logs() {
			if c, ok := l.Cut(); ok {
				cuts[l.ID] = &c
			}
		}
	})
	return cuts, err
}

// cutOf returns the cut of a log, or nil. A log of a roster or of boxes has none.
func (s *Store) cutOf(topic digest.Hash, kind identity.LogKind, id digest.Hash) (*roster.Cut, error) {
	if kind != identity.KindData {
		return nil, nil
	}
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	cuts, err := s.cutsOf(t)
	if err != nil {
		return nil, err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return cuts[id], nil
}

// takeCut gives a log that is being loaded the cut that it is counted with.
func (s *Store) takeCut(l *Log) error {
	c, err := s.cutOf(l.Topic, l.Kind, l.ID)
	if err != nil || c == nil {
		return err
	}
	left, err := s.leave(l, l.Whole(), c)
	l.cut.Store(c)
	l.counted.Store(left)
	return err
}

// rosterMoved carries out what a topic's roster says by now, and states its position
// only then: whoever counts at that position counts what is cut there.
func (s *Store) rosterMoved(topic digest.Hash) error {
	t, err := s.Topic(topic)
	if err != nil {
		return err
	}
	s.rosters.moving.Lock()
	defer s.rosters.moving.Unlock()
	if _, err := s.cutsOf(t); err != nil {
		return err
	}
	now, err := s.cutsNow(t)
	if err != nil {
		return err
	}
	for _, id := range s.changedCuts(topic, now) {
		if err := s.carryOut(topic, id, now[id]); err != nil {
			return err
		}
	}
	s.rosterTurned(topic)
	return s.placeRoster(t)
}

// changedCuts returns the logs whose cuts are others than those carried out.
func (s *Store) changedCuts(topic digest.Hash, now map[digest.Hash]*roster.Cut) (ids []digest.Hash) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	old := s.catalog.cuts[topic]
	for id, c := range now {
		if o := old[id]; o == nil || o.Size != c.Size || o.Root != c.Root {
			ids = append(ids, id)
		}
	}
	for id := range old {
		if now[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// carryOut makes a log count up to a cut, or as a whole if c is nil. The log is held
// meanwhile, so that whoever loads it finds it with the cut that it is counted with.
func (s *Store) carryOut(topic, id digest.Hash, c *roster.Cut) error {
	l, err := s.knownLog(id)
	if err != nil {
		return err
	}
	if l == nil {
		s.catalog.setMu.Lock()
		defer s.catalog.setMu.Unlock()
		s.catalog.setCut(topic, id, c)
		return nil
	}
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	left, err := s.leave(l, l.Whole(), c)
	if err != nil {
		return err
	}
	old := l.State()
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	s.catalog.setCut(topic, id, c)
	l.cut.Store(c)
	l.counted.Store(left)
	if now := l.State(); now.Size != old.Size || now.Root != old.Root {
		l.grew.Store(min(old.Size, now.Size))
		s.catalog.count(l, old, now)
	}
	return nil
}

// setCut keeps a cut that is carried out; c.setMu is held.
func (c *catalog) setCut(topic, id digest.Hash, cut *roster.Cut) {
	if cut == nil {
		delete(c.cuts[topic], id)
	} else {
		c.cuts[topic][id] = cut
	}
}

// end returns at which size a log ends, by its own records or by the roster.
func (l *Log) end() (size uint64, ends bool) {
	size, why := l.Closed()
	if cut, ok := l.Cut(); ok && (why == 0 || cut < size) {
		return cut, true
	}
	return size, why != 0
}

// Roster returns what is held of a topic's roster.
func (v Source) Roster(topic digest.Hash) (r syncer.Roster, err error) {
	t, err := v.s.Topic(topic)
	if err != nil {
		return r, err
	}
	chain, err := v.s.chain(t)
	if err != nil {
		return r, err
	}
	for _, leg := range chain {
		info, found, err := v.Log(leg.Log)
		if err != nil {
			return r, err
		}
		if !found { // the first one: its author and id are known all the same
			n := t.Roster()
			info = syncer.LogOf(n.ID(), n, t.Genesis)
		}
		r.Legs = append(r.Legs, info)
	}
	r.Position, err = v.s.position(t)
	return r, err
}

// Counts reports whether a log of a topic is stored at all: the roster's legs,
// the boxes of those that write them, the first data log of anybody in an open topic,
// and what the roster admits.
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
		return true, nil
	}
	err = s.askRoster(t, func(st *roster.State) {
		at := st.Position()
		may = st.Heir() == roster.Key(n.Author) && leg.Term == at.Term && leg.Leg == at.Leg+1
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
