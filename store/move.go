// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A copy of a store is a new device (docs/format.md, "Copies"). FORMAT holds the
// place that the store's data lay in. A store that is found elsewhere draws
// another generation before it does anything else, and with it the keys that no
// other copy has. Its logs so far become those of another author, under a head
// that their key signs a last time, over events that every copy of them begins
// with; it goes on with new ones.

// A Move is what a store does if it is found in another place.
type Move struct {
	From, To identity.PeerID // equal if the place was adopted; To is zero if nothing was done yet
	Why      string          // what differs, for people
	At       time.Time
}

var (
	metaGeneration = []byte("generation") // what FORMAT says; this row decides
	metaPlace      = []byte("place")      // what FORMAT says, in case it is lost
	metaMoved      = []byte("moved")      // the newest Move
)

func putGeneration(t *aof.Txn, g identity.Generation) error {
	return t.Put(aof.Meta, metaGeneration, g[:])
}

func putPlace(t *aof.Txn, p identity.Place) error {
	return t.Put(aof.Meta, metaPlace, []byte(p.Encode()))
}

// placeOf returns the place that dir is, or the one that a person named.
func placeOf(dir, name string) (identity.Place, error) {
	if name != "" {
		return identity.PlaceOf(name, durable.Whereabouts{}), nil
	}
	w, err := durable.ReadWhereabouts(dir, seedName)
	return identity.PlaceOf("", w), err
}

// loadGeneration reads the generation. The row decides, as it is committed
// together with the logs that it signs; FORMAT keeps it in case the AOF is lost.
func (s *Store) loadGeneration() error {
	s.device.Generation = s.format.generation
	return s.aof.View(func(v *aof.View) error {
		b, found, err := v.Get(aof.Meta, metaGeneration)
		if err != nil || !found {
			return err
		}
		if len(b) != identity.GenerationBytes {
			return &CorruptError{Where: "aof, meta", What: fmt.Sprintf("a generation of %d bytes", len(b))}
		}
		copy(s.device.Generation[:], b)
		if b, found, err = v.Get(aof.Meta, metaMoved); err != nil || !found {
			return err
		}
		s.moved, err = decodeMove(b)
		return err
	})
}

// settle finds out whether the store is where it was, and acts on it.
func (s *Store) settle() error {
	now, err := placeOf(s.dir, s.opts.Place)
	if err != nil {
		return err
	}
	same, why := s.format.place.Same(now)
	want := s.format
	switch {
	case !same && s.opts.Look:
		s.moved = &Move{From: s.device.PeerID(), Why: why, At: time.Now()}
		return nil
	case !same && !s.opts.Adopt:
		if err := s.turn(why); err != nil {
			return err
		}
		want.place = now
	case !same:
		if err := s.adopt(why); err != nil {
			return err
		}
		want.place = now
	}
	want.generation, want.place = s.device.Generation, want.place.Learn(now)
	if want == s.format {
		return nil
	}
	s.format = want
	if err := s.aof.Commit(func(t *aof.Txn) error { return putPlace(t, want.place) }); err != nil {
		return err
	}
	return writeFormat(s.opts.FS, s.path(formatName), want)
}

// adopt notes that the place was changed on purpose.
func (s *Store) adopt(why string) error {
	self := s.device.PeerID()
	m := &Move{From: self, To: self, Why: why, At: time.Now()}
	s.moved = m
	return s.aof.Commit(func(t *aof.Txn) error { return t.Put(aof.Meta, metaMoved, encodeMove(m)) })
}

// turn makes this store a new device. Everything changes in one transaction.
func (s *Store) turn(why string) error {
	generation, err := identity.NewGeneration(nil)
	if err != nil {
		return err
	}
	next := identity.Device{Seed: s.device.Seed, Generation: generation}
	m := &Move{From: s.device.PeerID(), To: next.PeerID(), Why: why, At: time.Now()}
	old, err := s.ownRows()
	if err != nil {
		return err
	}
	err = s.aof.Commit(func(t *aof.Txn) error {
		for i := range old {
			if err := t.PutLog(&old[i]); err != nil {
				return err
			}
		}
		for _, topic := range s.topics.all {
			if err := putTurned(t, topic, next); err != nil {
				return err
			}
		}
		return errors.Join(putGeneration(t, generation), t.Put(aof.Meta, metaMoved, encodeMove(m)))
	})
	if err != nil {
		return err
	}
	s.device, s.moved = next, m
	s.forget()
	return s.loadTopics()
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
	if h := l.State().Head; row.Size > 0 {
		row.HeadSize, row.HeadRoot, row.HeadSig = h.Size, h.Root, h.Sig
	}
	row.Own, row.HighWater, row.Right = false, 0, nil
	return nil
}

// putTurned gives a topic a new log of this store. The row of the topic in
// memory is read anew after the transaction.
func putTurned(t *aof.Txn, old *Topic, next identity.Device) error {
	topic := *old
	row := aof.NewLogRow(identity.DataLog(topic.ID, next.AuthorID(topic.Genesis), topic.Genesis.PageBytes), true)
	topic.Log = row.ID
	return errors.Join(t.PutLog(&row), t.Put(aof.Topics, topic.ID[:], encodeTopic(&topic)))
}

// forget drops what was loaded of logs, so that it is loaded anew.
func (s *Store) forget() {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	s.catalog.logs = map[digest.Hash]*Log{}
	s.catalog.topics = map[digest.Hash]*topicList{}
	s.catalog.history = map[digest.Hash]*history{}
	s.rosters.mu.Lock()
	defer s.rosters.mu.Unlock()
	s.rosters.all = map[digest.Hash]*fold{}
}

// Moved returns what the store did when it was last found in another place, or
// nil.
func (s *Store) Moved() *Move { return s.moved }

// The row of a move: From (32), To (32), milliseconds since 1970 (8,
// little-endian), and why, to the end.
func encodeMove(m *Move) []byte {
	b := append(append([]byte(nil), m.From[:]...), m.To[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.At.UnixMilli()))
	return append(b, m.Why...)
}

func decodeMove(b []byte) (*Move, error) {
	if len(b) < 72 {
		return nil, &CorruptError{Where: "aof, meta", What: fmt.Sprintf("a move of %d bytes", len(b))}
	}
	return &Move{
		From: identity.PeerID(b[:32]), To: identity.PeerID(b[32:64]),
		At: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[64:72]))), Why: string(b[72:]),
	}, nil
}
