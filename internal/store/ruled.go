// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// Rule: what of a forked leg leads to the term record that decides counts, as what of a
// data log is before its cut does. A log that its author forked is frozen until the roster
// names what of it counts; from then on it is a log like any other that ends there, of
// which a store may hold another branch (renewal.go). The proof of the fork stays.

// ruleLegs makes legs count as the term record says that decides, of which named is
// how much of each; s.rosters.mu is held.
func (s *Store) ruleLegs(topic digest.Hash, legs []*Log, named []roster.Prefix) error {
	cuts := map[digest.Hash]*roster.Cut{}
	for _, p := range named {
		cuts[p.Log] = &roster.Cut{Size: p.Size, Root: p.Root}
	}
	s.catalog.setMu.Lock()
	old := s.catalog.legCuts[topic]
	s.catalog.legCuts[topic] = cuts
	s.catalog.setMu.Unlock()
	if len(old) == 0 && len(cuts) == 0 {
		return nil
	}
	for _, l := range legs {
		if err := s.ruleLeg(l, cuts[l.ID]); err != nil {
			return err
		}
	}
	return nil
}

// ruleLeg makes a leg count up to a cut if it is forked, else all of it: what is behind
// is void, and the head over it is the one that certificates show.
func (s *Store) ruleLeg(l *Log, c *roster.Cut) error {
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	if !l.Row().Frozen {
		c = nil
	}
	left, err := s.leave(l, l.Whole(), c)
	if err != nil {
		return err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	l.countBy(c, left)
	return nil
}

// legCut returns how much of a leg counts as far as that was found out, or nil.
func (s *Store) legCut(topic, id digest.Hash) *roster.Cut {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return s.catalog.legCuts[topic][id]
}

// countBy makes the log count up to a cut, which leaves that of it; nil is all.
// catalog.setMu is held.
func (l *Log) countBy(c *roster.Cut, left *LogState) {
	l.cut.Store(c)
	l.counted.Store(left)
	if c != nil || l.Row().Frozen {
		l.frozen.Store(l.isFrozen(l.Row()))
	}
}

// isFrozen reports whether the log is forked by its row, and nothing says what of it
// counts, or another branch is still here.
func (l *Log) isFrozen(row *aof.LogRow) bool {
	return row.Frozen && (l.cut.Load() == nil || l.isAstray())
}

// Frozen reports whether the log takes nothing more, as its author forked it and
// nothing says what of it counts, or that is not what is held.
func (l *Log) Frozen() bool { return l.frozen.Load() }

// isAstray reports whether what is held of the log does not lead to what the roster
// names of it.
func (l *Log) isAstray() bool {
	c := l.cut.Load()
	return c != nil && c.Size > 0 && l.Whole().Size >= c.Size && l.State().Size == 0
}

// Shown returns the state of a log as it is stated to peers: what counts. If that is
// nothing because another branch is held, and the author is not known to have forked the
// log, it is that branch, by which peers that hold the other one prove it.
func (l *Log) Shown() *LogState {
	p, _ := l.shown()
	return p
}

func (l *Log) shown() (p *LogState, astray bool) {
	if !l.Row().Frozen && l.isAstray() {
		return l.Whole(), true
	}
	return l.State(), false
}

// takes reports whether events of a frozen log that end there are what the roster names
// of it.
func (l *Log) takes(end uint64) bool {
	c := l.cut.Load()
	return c != nil && end <= c.Size && !l.isAstray()
}

// namedLeg reports whether a leg leads to the term record that decides.
func (s *Store) namedLeg(n identity.LogName) bool { return s.legCut(n.Topic, n.ID()) != nil }
