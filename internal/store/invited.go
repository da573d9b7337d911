// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// An invite names a place of the roster that counted when it was made. Whoever joins by
// it holds nothing yet, and could be shown an older roster, in which one who was removed
// belongs. So nothing is appended by a roster that does not lead to that place, unless it
// is of a higher term.

// ErrOldRoster is returned for appends to a topic of whose roster this store holds less than the
// invite that it joined by named, or another one.
var ErrOldRoster = errors.New("the roster that is here is older than the invite, or another one: sync with another member")

// invited are the topics whose roster has not reached the place that an invite named.
type invited struct {
	any atomic.Bool // whether all has entries, for appends

	mu  sync.Mutex // guards all
	all map[digest.Hash]identity.Position
}

func (v *invited) of(topic digest.Hash) (p identity.Position, is bool) {
	if !v.any.Load() {
		return p, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	p, is = v.all[topic]
	return p, is
}

func (v *invited) put(topic digest.Hash, p identity.Position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all == nil {
		v.all = map[digest.Hash]identity.Position{}
	}
	v.all[topic] = p
	v.any.Store(true)
}

// reached forgets a place, which stays reached: what follows extends it or is of a
// higher term.
func (v *invited) reached(topic digest.Hash, p identity.Position) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all[topic] == p {
		delete(v.all, topic)
		v.any.Store(len(v.all) > 0)
	}
}

func (s *Store) loadInvited() error {
	s.invited.all = map[digest.Hash]identity.Position{}
	err := s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Invited, func(topic digest.Hash, p identity.Position) error {
			s.invited.all[topic] = p
			return nil
		})
	})
	s.invited.any.Store(len(s.invited.all) > 0)
	return err
}

// reaches reports whether a roster leads to a place, or is of a higher term.
func reaches(st *roster.State, p identity.Position) bool {
	return st.Position().Term > p.Term || st.Holds(roster.Point{Position: roster.Position{Term: p.Term, Leg: p.Leg, Size: p.Size}, Root: p.Root})
}

// CheckInvited returns ErrOldRoster if what is held of a topic's roster does not lead to
// the place that the newest invite named. As long as nothing of it is held, it says nothing
// false.
func (s *Store) CheckInvited(t *Topic) error {
	p, is := s.invited.of(t.ID)
	if !is {
		return nil
	}
	empty, there := false, false
	err := s.askRoster(t, func(st *roster.State) { empty, there = st.Position().Size == 0, reaches(st, p) })
	switch {
	case err != nil || empty:
		return err
	case !there:
		return fmt.Errorf("%w (topic %s)", ErrOldRoster, t.ID.Short())
	}
	s.invited.reached(t.ID, p)
	return nil
}

// placeKept returns the newest place that an invite to a topic named; zero if none did.
func (s *Store) placeKept(topic digest.Hash) (p identity.Position, err error) {
	err = s.aof.View(func(v *aof.View) error {
		p, _, err = aof.Row(v, layout.Invited, topic)
		return err
	})
	return p, err
}

// putInvited keeps the place that an invite named, unless the one that is kept is newer.
func putInvited(txn *aof.Txn, topic digest.Hash, p *identity.Position) error {
	if p == nil {
		return nil
	}
	old, kept, err := aof.Row(txn, layout.Invited, topic)
	if err != nil || kept && !newerPlace(*p, old) {
		return err
	}
	return aof.PutRow(txn, layout.Invited, topic, *p)
}

func newerPlace(p, old identity.Position) bool {
	return roster.Position{Term: p.Term, Leg: p.Leg, Size: p.Size}.Compare(roster.Position{Term: old.Term, Leg: old.Leg, Size: old.Size}) > 0
}

// invitedBy takes note of the place that an invite named, once it is kept.
func (s *Store) invitedBy(topic digest.Hash, p *identity.Position) {
	if p == nil {
		return
	}
	if old, is := s.invited.of(topic); !is || newerPlace(*p, old) {
		s.invited.put(topic, *p)
	}
}
