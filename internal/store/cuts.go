// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/proof"
)

// Rule: what the roster cuts stays where it is, as evidence, and is no part of the
// state that everybody sees. Readers, digests, sessions and proofs ask Log.State and
// know of no cut; the stages, which only go forward, ask Log.Whole. A log that the
// roster does not admit is in no digest, see provisional.go.

// rulings are what a topic's roster says of its data logs, as it is carried out.
// They are guarded by catalog.setMu, and are only made without it.
type rulings struct {
	cuts     map[digest.Hash]*roster.Cut
	admitted map[digest.Hash]admission

	founded bool // the roster of an open topic was not folded: it is no more than its founding

	// Of which fold it is, and how many of that one's LogTurns; nil if of none.
	fold  *fold
	turns int

	outside map[digest.Hash]bool // the provisional ones of the first looked of topicList.named
	looked  int
}

func newRulings() *rulings {
	return &rulings{cuts: map[digest.Hash]*roster.Cut{}, admitted: map[digest.Hash]admission{}, outside: map[digest.Hash]bool{}}
}

// An admission says whether the roster admits a log, and what of it counts.
type admission uint8

const (
	notAdmitted admission = iota
	engineOnly            // its author may read: events of the application in it are nobody's
	allEvents
)

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

// rulingsOf returns what a topic's roster says of its logs, as it is carried out. The
// first time that somebody asks it is read from the roster, if that can say anything:
// one that was only founded cuts nothing, and admits what counts in an open topic
// anyway. It is not folded.
func (s *Store) rulingsOf(t *Topic) (*rulings, error) {
	if r := s.carriedOut(t.ID); r != nil {
		return r, nil
	}
	r, err := s.rulingsNow(t)
	if err != nil {
		return nil, err
	}
	return s.firstRulings(t.ID, r), nil
}

// firstRulings makes r the rulings of a topic that are carried out, unless somebody was
// first, and returns those.
func (s *Store) firstRulings(topic digest.Hash, r *rulings) *rulings {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	if first := s.catalog.rulings[topic]; first != nil {
		return first
	}
	s.catalog.rulings[topic] = r
	return r
}

func (s *Store) carriedOut(topic digest.Hash) *rulings {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return s.catalog.rulings[topic]
}

// rulingsNow returns what the roster says as far as it is held.
func (s *Store) rulingsNow(t *Topic) (*rulings, error) {
	r := newRulings()
	ids, err := s.legIDs(t)
	if err != nil {
		return nil, err
	}
	if len(ids) == 1 {
		switch row, err := s.knownRow(ids[0]); {
		case err != nil && !errors.Is(err, ErrUnknownLog):
			return nil, err
		case err != nil || row.Size == 0:
			return r, nil
		case row.Size <= foundingCount && t.Genesis.Policy.Has(identity.PolicyOpen):
			r.founded = true
			return r, nil
		}
	}
	err = s.askFold(t, func(f *fold) {
		r.fold, r.turns = f, len(f.state.LogTurns())
		for _, l := range f.state.Logs() {
			r.rule(l)
		}
		r.ruleBoxes(f.state)
	})
	return r, err
}

// ruleBoxes takes in which logs of boxes count, and returns them: those of all legs.
func (r *rulings) ruleBoxes(st *roster.State) (ids []digest.Hash) {
	for _, l := range st.Legs() {
		id := roster.BoxLog(st.Topic(), l.Author, l.Term, l.Leg)
		r.admitted[id] = allEvents
		ids = append(ids, id)
	}
	return ids
}

// rule takes in what the roster says of a log.
func (r *rulings) rule(l roster.Log) {
	if c, ok := l.Cut(); ok {
		r.cuts[l.ID] = &c
	}
	if l.Admitted.Size > 0 {
		if r.admitted[l.ID] = engineOnly; l.Writes {
			r.admitted[l.ID] = allEvents
		}
	}
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
	r, err := s.rulingsOf(t)
	if err != nil {
		return nil, err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	return r.cuts[id], nil
}

// takeRuling gives a log that is being loaded what it is counted by.
func (s *Store) takeRuling(l *Log) error {
	outside, err := s.outside(l.Name(), l.ID)
	if err != nil {
		return err
	}
	l.provisional.Store(outside)
	if err := s.takeVoice(l); err != nil {
		return err
	}
	c, err := s.cutOf(l.Topic, l.Kind, l.ID)
	if l.Kind == identity.KindRoster && l.Row().Frozen {
		c = s.legCut(l.Topic, l.ID)
	}
	if err != nil || c == nil {
		return err
	}
	left, err := s.leave(l, l.Whole(), c)
	l.countBy(c, left)
	return err
}

// takeVoice takes note of whether events of the application in a log count.
func (s *Store) takeVoice(l *Log) error {
	if l.Kind != identity.KindData || !l.OfMembers() {
		return nil
	}
	t, err := s.Topic(l.Topic)
	if err != nil {
		return err
	}
	r, err := s.rulingsOf(t)
	if err != nil {
		return err
	}
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	l.mute.Store(r.admitted[l.ID] == engineOnly)
	return nil
}

// Mute reports whether the log is of somebody who may read only: what the application
// appended to it counts for nobody.
func (l *Log) Mute() bool { return l.mute.Load() }

// rosterMoved carries out what a topic's roster says by now, and states its position
// only then: whoever counts at that position counts what is cut there.
func (s *Store) rosterMoved(topic digest.Hash) error {
	t, err := s.Topic(topic)
	if err != nil {
		return err
	}
	s.rosters.moving.Lock()
	defer s.rosters.moving.Unlock()
	old := s.carriedOut(t.ID)
	if old == nil {
		first, err := s.rulingsNow(t)
		if err != nil {
			return err
		}
		if old = s.firstRulings(t.ID, first); old == first { // no log was loaded by anything else
			s.rosterTurned(topic)
			return s.placeRoster(t)
		}
	}
	now, changed, err := s.rulingsSince(t, old)
	if err != nil {
		return err
	}
	for _, id := range changed {
		if err := s.carryOut(t, id, old, now); err != nil {
			return err
		}
	}
	s.rosterTurned(topic)
	s.carriedAll(old, now)
	return s.placeRoster(t)
}

// rulingsSince returns what the roster says by now, and of which logs that is something else
// than what is carried out. If the roster only grew, these are among those that it turned to
// since, and no others are looked at.
func (s *Store) rulingsSince(t *Topic, old *rulings) (now *rulings, changed []digest.Hash, err error) {
	s.catalog.setMu.Lock()
	since, turns := old.fold, old.turns
	s.catalog.setMu.Unlock()
	now = newRulings()
	var ids []digest.Hash
	if since != nil { // else it was not folded, and need not be yet
		err = s.askFold(t, func(f *fold) {
			if f != since {
				return
			}
			all := f.state.LogTurns()
			now.fold, now.turns, ids = f, len(all), all[turns:]
			for _, id := range ids {
				l, _ := f.state.Log(id)
				now.rule(l)
			}
			ids = append(slices.Clone(ids), now.ruleBoxes(f.state)...)
		})
	}
	if err == nil && now.fold == nil {
		if now, err = s.rulingsNow(t); err == nil {
			ids = s.ruled(old, now)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return now, s.differ(old, now, ids), nil
}

// ruled returns the logs that two rulings say something of.
func (s *Store) ruled(old, now *rulings) (ids []digest.Hash) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	for _, r := range []*rulings{old, now} {
		ids = slices.AppendSeq(slices.AppendSeq(ids, maps.Keys(r.cuts)), maps.Keys(r.admitted))
	}
	return ids
}

// differ returns those of some logs of which two rulings say different things.
func (s *Store) differ(old, now *rulings, ids []digest.Hash) (changed []digest.Hash) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, compareHashes)
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	for _, id := range slices.Compact(ids) {
		a, b := old.cuts[id], now.cuts[id]
		same := old.admitted[id] == now.admitted[id] && (a == nil) == (b == nil) && (a == nil || a.Size == b.Size && a.Root == b.Root)
		if !same {
			changed = append(changed, id)
		}
	}
	return changed
}

// carriedAll takes note that all of what the roster says is carried out.
func (s *Store) carriedAll(old, now *rulings) {
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	old.founded, old.fold, old.turns = now.founded, now.fold, now.turns
}

// carryOut makes a log count as the roster says by now. The log is held meanwhile, so
// that whoever loads it finds it with what it is counted by, and none is created, which
// would be counted by what was said before.
func (s *Store) carryOut(t *Topic, id digest.Hash, old, now *rulings) error {
	s.catalog.creating.Lock()
	defer s.catalog.creating.Unlock()
	l, err := s.knownLog(id)
	if err != nil {
		return err
	}
	if l == nil {
		s.catalog.setMu.Lock()
		defer s.catalog.setMu.Unlock()
		old.takes(id, now)
		return nil
	}
	l.pubMu.Lock()
	defer l.pubMu.Unlock()
	c := now.cuts[id]
	left, err := s.leave(l, l.Whole(), c)
	if err != nil {
		return err
	}
	before := l.State()
	s.catalog.setMu.Lock()
	defer s.catalog.setMu.Unlock()
	s.catalog.recount(l, func() {
		old.takes(id, now)
		l.countBy(c, left)
		l.provisional.Store(isCounted(t, l.Name()) && now.admitted[id] == notAdmitted)
		l.mute.Store(now.admitted[id] == engineOnly)
	})
	if after := l.State(); after.Size != before.Size || after.Root != before.Root {
		l.grew.Store(min(before.Size, after.Size))
	}
	return nil
}

// takes keeps what is carried out of one log; catalog.setMu is held.
func (r *rulings) takes(id digest.Hash, now *rulings) {
	if c := now.cuts[id]; c != nil {
		r.cuts[id] = c
	} else {
		delete(r.cuts, id)
	}
	if a := now.admitted[id]; a != notAdmitted {
		r.admitted[id] = a
	} else {
		delete(r.admitted, id)
	}
	r.outside, r.looked = map[digest.Hash]bool{}, 0
}

// end returns at which size a log ends, by its own records or by the roster.
func (l *Log) end() (size uint64, ends bool) {
	size, why := l.Closed()
	if cut, ok := l.Cut(); ok && (why == 0 || cut < size) {
		return cut, true
	}
	return size, why != 0
}
