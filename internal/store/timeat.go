// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// TimeAt returns the time of the last event that a ref of an event in a topic
// names. False says that it is not here, or that two logs go by that name.
func (s *Store) TimeAt(topic digest.Hash, ref event.Ref) (ms int64, found bool, err error) {
	id, found, err := s.named(topic, ref.Log)
	if err != nil || !found {
		return 0, false, err
	}
	l, err := s.Log(id)
	if err != nil {
		return 0, false, err
	}
	if ref.Size == 0 || ref.Size > l.State().Size {
		return 0, false, nil
	}
	err = s.Read(l, ref.Size-1, ref.Size, func(run Run) error {
		ms = event.TimeOf(run.Records)
		return nil
	})
	return ms, err == nil, err
}

// named returns the only log of a topic whose id begins with these bytes. One that is
// read already may be listed by a commit that is still under way: that is waited for.
func (s *Store) named(topic digest.Hash, short [event.ShortBytes]byte) (id digest.Hash, found bool, err error) {
	if id, found, err = s.listedAs(topic, short); found || err != nil {
		return id, found, err
	}
	s.awaitCreating()
	return s.listedAs(topic, short)
}

// awaitCreating waits until all logs are listed that a commit has made so far.
func (s *Store) awaitCreating() {
	s.catalog.creating.Lock()
	defer s.catalog.creating.Unlock()
}

func (s *Store) listedAs(topic digest.Hash, short [event.ShortBytes]byte) (digest.Hash, bool, error) {
	ids, err := s.topicIDs(topic)
	if err != nil {
		return digest.Hash{}, false, err
	}
	prefix := func(id digest.Hash, short []byte) int { return bytes.Compare(id[:event.ShortBytes], short) }
	i, found := slices.BinarySearchFunc(ids, short[:], prefix)
	if !found || i+1 < len(ids) && prefix(ids[i+1], short[:]) == 0 {
		return digest.Hash{}, false, nil
	}
	return ids[i], true, nil
}
