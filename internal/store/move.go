// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/internal/roster"
)

// A copy of a store is a new device (docs/format.md, "Copies"). FORMAT holds the
// place that the store's data lay in. A store that is found elsewhere draws
// another generation before it does anything else, and with it the keys that no
// other copy has. Its logs so far become those of another author, under a
// head that their key signs a last time, over events that every copy of them
// begins with; it goes on with new ones, which say so (copies.go).
//
// Generation and place are in rows too, which are committed together with the
// logs that they are about, and decide. FORMAT, which is written after them, is
// behind them for a moment. One that is of another generation otherwise is a
// sign that the AOF was put back from another time: the store turns as well.

// A Move is what a store does if it is found in another place.
type Move = layout.Move

// loadGeneration reads the generation. FORMAT keeps it in case the AOF is lost.
func (s *Store) loadGeneration() error {
	s.device.Generation = s.format.Generation
	return s.aof.View(func(v *aof.View) error {
		g, found, err := aof.Row(v, layout.Generations, layout.Only{})
		if err == nil && found {
			s.device.Generation = g
		}
		return err
	})
}

// loadPlace reads the place, and what came of the last one. FORMAT keeps it in case the
// AOF is lost.
func (s *Store) loadPlace() error {
	s.place = s.format.Place
	return s.aof.View(func(v *aof.View) (err error) {
		if s.place, err = device.LoadPlace(v, s.place); err != nil {
			return err
		}
		if s.moved, _, err = aof.Row(v, layout.Moves, layout.Only{}); err != nil {
			return err
		}
		s.restored, err = restoredFrom(v)
		return err
	})
}

// settle finds out whether the store is where it was, and acts on it.
func (s *Store) settle() error {
	now, err := device.PlaceOf(s.dir, s.opts.Place)
	if err != nil {
		return err
	}
	same, why := s.place.Same(now)
	if !s.restored.IsZero() {
		same, why = false, "restored from "+backupText(s.restored)
	}
	if same && !s.follows() {
		same, why = false, "aof/ is of another time than FORMAT"
	}
	switch {
	case s.opts.Look:
		s.look(same, why, now)
		return s.loadUnmet()
	case same:
		err = s.learn(s.place.Learn(now))
	case s.opts.Adopt:
		err = s.adopt(why, now)
	default:
		err = s.turn(why, now)
	}
	if err == nil {
		err = s.loadUnmet()
	}
	if err == nil && s.opts.Alone {
		err = s.goAlone()
	}
	want := s.format
	want.Generation, want.Place = s.device.Generation, s.place
	if err != nil || want == s.format {
		return err
	}
	if s.format = want; s.restoring != nil {
		return nil // it is written last
	}
	return device.WriteFormat(s.opts.FS, s.dir, want, s.key)
}

// sharedLinks says which directories of a copy are links. The target of one is the
// other copy's too, and a new device would write over it.
func (s *Store) sharedLinks() (shared []recovery.Disagreement, err error) {
	names := s.held.Linked()
	if len(names) == 0 {
		return nil, nil
	}
	now, err := device.PlaceOf(s.dir, s.opts.Place)
	if err != nil {
		return nil, err
	}
	same, why := s.place.Same(now)
	for _, name := range names {
		if !same {
			shared = append(shared, recovery.Disagreement{
				Kind: recovery.KindLink,
				What: fmt.Sprintf("%s is a symbolic link, and this store is a copy, or was moved (%s): the store that it is a copy of has the same link", name, why),
				Do:   recovery.KindLink.Do(),
			})
		}
	}
	return shared, nil
}

// follows reports whether the generation of the rows is the one of FORMAT, or
// the one that followed it.
func (s *Store) follows() bool {
	if s.format.Generation == s.device.Generation {
		return true
	}
	was := identity.Device{Seed: s.device.Seed, Generation: s.format.Generation}
	return s.moved != nil && s.moved.From == was.PeerID() && s.moved.To == s.device.PeerID()
}

// look says what opening the store would find. A place with a name that nobody
// gave now cannot be told from another.
func (s *Store) look(same bool, why string, now identity.Place) {
	if !same && (!s.restored.IsZero() || s.place.Named() == now.Named()) {
		s.moved = &Move{From: s.device.PeerID(), Why: why, At: s.opts.Now()}
	}
}

// learn keeps what is known of the place only now.
func (s *Store) learn(p identity.Place) error {
	if p == s.place {
		return nil
	}
	s.place = p
	return s.aof.Commit(func(t *aof.Txn) error { return aof.PutRow(t, layout.Places, layout.Only{}, p) })
}

// adopt notes that the place was changed on purpose.
func (s *Store) adopt(why string, now identity.Place) error {
	self, stale := s.device.PeerID(), !s.restored.IsZero() || !s.follows()
	s.moved, s.place = &Move{From: self, To: self, Why: why, At: s.opts.Now(), Now: true}, now
	rosters, err := s.resumedIn()
	if err != nil {
		return err
	}
	return s.aof.Commit(func(t *aof.Txn) error {
		if stale { // what was cosigned since then is not known
			err := errors.Join(putResumed(t, rosters), aof.PutRow(t, layout.Forgets, layout.Only{}, s.opts.Now()))
			if err != nil {
				return err
			}
		}
		var unmet error
		if !s.restored.IsZero() {
			unmet = s.putUnmet(t, s.restored)
		}
		return errors.Join(unmet, aof.PutRow(t, layout.Places, layout.Only{}, now), aof.PutRow(t, layout.Moves, layout.Only{}, s.moved), aof.DeleteRow(t, layout.Restores, layout.Only{}))
	})
}

// turn makes this store a new device. Everything changes in one transaction.
func (s *Store) turn(why string, now identity.Place) error {
	generation, err := identity.NewGeneration(nil)
	if err != nil {
		return err
	}
	u := &device.Turn{Old: s.device, Next: identity.Device{Seed: s.device.Seed, Generation: generation}, At: s.opts.Now()}
	m := &Move{From: u.Old.PeerID(), To: u.Next.PeerID(), Why: why, At: u.At, Now: true}
	old, err := s.ownRows()
	if err != nil {
		return err
	}
	accounts, err := s.accounts()
	if err != nil {
		return err
	}
	err = s.aof.Commit(func(t *aof.Txn) error {
		if err := u.PutOld(t, old); err != nil {
			return err
		}
		for _, topic := range s.topics.all {
			if _, err := u.PutLog(t, topic, accounts[topic.ID], old); err != nil {
				return err
			}
		}
		return u.PutDevice(t, m, now)
	})
	if err != nil {
		return err
	}
	s.device, s.moved, s.place = u.Next, m, now
	s.forget()
	return errors.Join(s.loadTopics(), s.loadFollows())
}

func (s *Store) accounts() (map[digest.Hash]roster.Key, error) {
	all := map[digest.Hash]roster.Key{}
	for id, t := range s.topics.all {
		account, err := s.accountOf(t)
		if err != nil {
			return nil, err
		}
		all[id] = account
	}
	return all, nil
}

// ownRows returns the rows of this store's logs as those of another author: with
// a head over all that they hold.
func (s *Store) ownRows() (rows []aof.LogRow, err error) {
	err = s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			if row.Own {
				rows = append(rows, row)
			}
			return nil
		})
	})
	for i := range rows {
		if err == nil {
			err = s.giveAway(&rows[i])
		}
	}
	return rows, err
}

func (s *Store) giveAway(row *aof.LogRow) error {
	l, err := s.Log(row.ID)
	if err != nil {
		return err
	}
	*row = *l.Row()
	if row.Size > 0 {
		h, err := l.Head(l.Whole())
		if err != nil {
			return err
		}
		row.HeadSize, row.HeadRoot, row.HeadSig = h.Size, h.Root, h.Sig
	}
	row.Own, row.HighWater, row.Right = false, 0, nil
	return nil
}

// forget drops what was loaded of logs, so that it is loaded anew.
func (s *Store) forget() {
	s.catalog.forget()
	s.catalog.topics = nil
	s.catalog.history = map[digest.Hash]*history{}
	s.catalog.rulings = map[digest.Hash]*rulings{}
	s.catalog.legCuts = map[digest.Hash]map[digest.Hash]*roster.Cut{}
	s.rosters.mu.Lock()
	s.rosters.all, s.rosters.signed = map[digest.Hash]*fold{}, map[digest.Hash]uint64{}
	s.rosters.mu.Unlock()
	s.keyrings.mu.Lock()
	s.keyrings.all, s.keyrings.renewing = map[digest.Hash]*keyring{}, map[digest.Hash]*roster.DeviceAsk{}
	s.keyrings.mu.Unlock()
	s.inspections.mu.Lock()
	s.inspections.all = map[digest.Hash]*inspection{}
	s.inspections.mu.Unlock()
}

// copyOf returns why the store is taken for a copy, if it is and was only looked at.
func (s *Store) copyOf() string {
	if s.moved == nil || s.moved.To != (identity.PeerID{}) {
		return ""
	}
	return s.moved.Why
}

// Moved returns what the store did when it was last found in another place, or
// nil.
func (s *Store) Moved() *Move { return s.moved }
