// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// rosters are the folds over the rosters of topics, as far as somebody asked.
// A fold is taken further when its log has grown.
type rosters struct {
	mu  sync.Mutex // guards all, and each fold in it
	all map[digest.Hash]*fold
}

// A fold is a topic's roster as it was read so far.
type fold struct {
	state  *roster.State
	read   uint64 // records of the leg that state has seen: behind a handover it goes no further
	closed error  // why the leg ended by breaking a rule, or is none of this topic's
}

// Roster returns what is held of a topic's roster.
func (v Source) Roster(topic digest.Hash) (syncer.Roster, error) {
	t, err := v.s.Topic(topic)
	if err != nil {
		return syncer.Roster{}, err
	}
	name := t.Roster()
	info, found, err := v.Log(name.ID())
	if err != nil {
		return syncer.Roster{}, err
	}
	if !found { // its author and id are known all the same
		info = syncer.LogOf(name.ID(), name, t.Genesis)
	}
	r := syncer.Roster{Legs: []syncer.LogInfo{info}}
	if info.Size > 0 {
		r.Position = identity.Position{Size: info.Size, Root: info.Root}
	}
	return r, nil
}

// Counts reports whether a log of a topic is stored at all: the roster's legs,
// the first data log of anybody in an open topic, and what the roster admits.
func (v Source) Counts(n identity.LogName) (bool, error) {
	t, err := v.s.Topic(n.Topic)
	if err != nil {
		return false, err
	}
	switch {
	case n.Kind == identity.KindRoster:
		return n == t.Roster(), nil
	case n.Kind == identity.KindData && n.Number == 0 && t.Genesis.Policy.Has(identity.PolicyOpen) && n.PageBytes == t.Genesis.PageBytes:
		return true, nil
	}
	f, err := v.s.rosterOf(t)
	if err != nil || f == nil || n.Kind != identity.KindData {
		return false, err
	}
	_, _, ok := f.Counts(roster.Key(n.Author), n.PageBytes, n.Number, f.Position())
	return ok, nil
}

// rosterOf returns a topic's roster as far as it is held, or nil if nothing of
// it is. It is not to be changed.
func (s *Store) rosterOf(t *Topic) (*roster.State, error) {
	l, err := s.Log(t.Roster().ID())
	if errors.Is(err, ErrUnknownLog) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.rosters.mu.Lock()
	defer s.rosters.mu.Unlock()
	f := s.rosters.all[t.ID]
	if f == nil {
		if f, err = newFold(t); err != nil {
			return nil, err
		}
		s.rosters.all[t.ID] = f
	}
	if err := s.readRoster(f, l); err != nil {
		return nil, err
	}
	return f.state.Clone(), nil
}

func newFold(t *Topic) (*fold, error) {
	st, err := roster.New(t.ID, t.Genesis.Append(nil))
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", t.ID.Short(), err)
	}
	name := t.Roster()
	return &fold{state: st}, st.BeginLeg(name.ID(), name.Author, 0, 0)
}

// readRoster takes a fold further, up to what is published of its log. A record that
// closes the leg closed the log before it was stored; one that is there all the
// same ends the fold.
func (s *Store) readRoster(f *fold, l *Log) error {
	from, to := f.read, l.State().Size
	if f.closed != nil || from >= to {
		return nil
	}
	return s.Read(l, from, to, func(run Run) error {
		return run.Each(func(seq uint64, rec *event.Record) error {
			if f.closed == nil {
				_, f.closed = f.state.Apply(seq, string(rec.Type), rec.Time, rec.Payload)
				f.read = seq + 1
			}
			return nil
		})
	})
}
