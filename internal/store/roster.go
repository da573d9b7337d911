// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// rosters are the folds over the rosters of topics, as far as somebody asked.
type rosters struct {
	mu  sync.Mutex // guards all and signed, and each fold in all; whoever holds it loads legs and no other logs
	all map[digest.Hash]*fold

	signed map[digest.Hash]uint64 // of legs, what NewSigned is to keep

	moving sync.Mutex // held while the cuts of a roster that moved are carried out
}

// A fold is a topic's roster as it was read so far: of all legs that are held, the
// chain that counts.
type fold struct {
	state *roster.State
	read  map[digest.Hash]uint64 // records of each leg that were read
	shown *roster.State          // a copy of state as it is now, that all who asked have; nil before anybody did

	decided roster.Decision // if something lacks of it, state is of a roster that does not last
}

// askRoster calls ask with a topic's roster as far as it is held, which ask must not
// keep or change; of a topic of whose roster nothing is held, it is the empty one.
func (s *Store) askRoster(t *Topic, ask func(*roster.State)) error {
	return s.askFold(t, func(f *fold) { ask(f.state) })
}

// askFold is askRoster with the fold, which is another one once it is decided anew which
// legs count.
func (s *Store) askFold(t *Topic, ask func(*fold)) error {
	s.rosters.mu.Lock()
	defer s.rosters.mu.Unlock()
	f, err := s.foldOf(t)
	if err == nil {
		ask(f)
	}
	return err
}

// Roster returns a topic's roster as far as it is held. It stays as it is, and is everybody's
// who asks before more comes: nobody may change it.
func (s *Store) Roster(topic digest.Hash) (*roster.State, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	var st *roster.State
	err = s.askFold(t, func(f *fold) {
		if f.shown == nil {
			f.shown = f.state.Clone()
		}
		st = f.shown
	})
	return st, err
}

// foldOf reads what is new of a topic's roster; s.rosters.mu is held. Records that
// are added to the newest leg of the chain take the fold further; anything else
// decides anew which legs count.
func (s *Store) foldOf(t *Topic) (*fold, error) {
	legs, err := s.legs(t)
	if err != nil {
		return nil, err
	}
	f := s.rosters.all[t.ID]
	if f == nil {
		f = &fold{read: map[digest.Hash]uint64{}}
	}
	var grown []*Log
	for _, l := range legs {
		if l.Whole().Size != f.read[l.ID] {
			grown = append(grown, l)
		}
	}
	switch {
	case f.state != nil && len(grown) == 0:
		return f, nil
	case f.state != nil && !f.decided.Lacks && len(grown) == 1 && f.read[grown[0].ID] > 0 && grown[0].ID == f.state.Steward().Log:
		err = s.readLeg(f, grown[0])
	default:
		f, err = s.chooseLegs(t, legs)
	}
	if err != nil {
		return nil, err
	}
	s.rosters.all[t.ID] = f
	return f, nil
}

// chooseLegs folds the legs that count of all that are held.
func (s *Store) chooseLegs(t *Topic, legs []*Log) (f *fold, err error) {
	f = &fold{read: map[digest.Hash]uint64{}}
	held := make([]roster.HeldLeg, 0, len(legs))
	for _, l := range legs {
		raw, err := s.rawRecords(l)
		if err != nil {
			return nil, err
		}
		if f.read[l.ID] = uint64(len(raw)); len(raw) > 0 {
			held = append(held, roster.HeldLeg{LegID: legOf(l.Name()), Records: raw, Signed: s.signedOf(t, l, raw)})
		}
	}
	genesis := t.Genesis.Append(nil)
	f.decided = roster.Decided(t.ID, genesis, held)
	if err := s.ruleLegs(t.ID, legs, f.decided.Legs); err != nil {
		return nil, err
	}
	if f.decided.Lacks {
		if held, err = s.withBranches(legs, held); err != nil {
			return nil, err
		}
	}
	st, err := roster.Choose(t.ID, genesis, held)
	if errors.Is(err, roster.ErrRefused) || errors.Is(err, roster.ErrPosition) { // nothing of the first leg
		st, err = roster.New(t.ID, genesis)
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", t.ID.Short(), err)
	}
	f.state = st
	return f, nil
}

// chooseAgain has the legs of a roster chosen anew, of which l is one.
func (s *Store) chooseAgain(l *Log) {
	if l.Kind == identity.KindRoster {
		s.rosters.mu.Lock()
		delete(s.rosters.all, l.Topic)
		delete(s.rosters.signed, l.ID) // it may be of another branch
		s.rosters.mu.Unlock()
	}
}

// readLeg takes a fold further along its newest leg. A record that closes the leg
// closed the log before it was stored; one that is there all the same ends the fold.
func (s *Store) readLeg(f *fold, l *Log) error {
	from, to := f.read[l.ID], l.Whole().Size
	f.shown = nil
	return s.ReadWhole(l, from, to, func(run Run) error {
		return run.Each(func(seq uint64, rec *event.Record) error {
			if f.state.Closed() == nil {
				_, _ = f.state.Apply(seq, string(rec.Type), rec.Time, rec.Payload)
			}
			f.read[l.ID] = seq + 1
			return nil
		})
	})
}

// rawRecords returns all records of a leg that are held.
func (s *Store) rawRecords(l *Log) ([]roster.Raw, error) { return s.rawFrom(l, 0) }

// rawFrom returns the records of a leg that are held from a sequence on.
func (s *Store) rawFrom(l *Log, from uint64) (all []roster.Raw, err error) {
	size := l.Whole().Size
	err = s.ReadWhole(l, min(from, size), size, func(run Run) error {
		return run.Each(func(_ uint64, rec *event.Record) error {
			all = append(all, roster.Raw{Type: string(rec.Type), Time: rec.Time, Body: slices.Clone(rec.Payload)})
			return nil
		})
	})
	return all, err
}

func legOf(n identity.LogName) roster.LegID {
	term, leg := identity.SplitRosterNumber(n.Number)
	return roster.LegID{Log: n.ID(), Author: n.Author, Term: term, Leg: leg}
}

// legs returns the legs of a topic's roster that are here.
func (s *Store) legs(t *Topic) (all []*Log, err error) {
	ids, err := s.legIDs(t)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		l, err := s.knownLog(id)
		if err != nil {
			return nil, err
		}
		if l != nil {
			all = append(all, l)
		}
	}
	return all, nil
}

// legIDs returns which logs the legs of a topic's roster are, the first one first.
func (s *Store) legIDs(t *Topic) (ids []digest.Hash, err error) {
	ids, err = s.aof.Legs(t.ID)
	return append([]digest.Hash{t.Roster().ID()}, ids...), err
}
