// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// MaxFollowed is how many logs and authors of a topic a store can follow by
// name.
const MaxFollowed = layout.MaxFollowed

// Follow makes this store follow, of a joined topic, only the logs with these
// ids, the logs of these authors, and its own; or with all, everything. It
// reports whether that is news. The error is ErrTooMany for more than
// MaxFollowed names.
func (s *Store) Follow(topic digest.Hash, names []digest.Hash, all bool) (changed bool, err error) {
	t, err := s.Topic(topic)
	if err != nil {
		return false, err
	}
	names = slices.Clone(names)
	slices.SortFunc(names, compareHashes)
	names = slices.Compact(names)
	if len(names) > MaxFollowed {
		return false, fmt.Errorf("%w: %d names to follow, at most %d; follow all of the topic, or make topics smaller", ErrTooMany, len(names), MaxFollowed)
	}
	s.topics.followMu.Lock()
	defer s.topics.followMu.Unlock()
	if before, partial := s.topics.follows[t.ID]; partial != all && (all || slices.Equal(before, names)) {
		return false, nil
	}
	if err := s.putFollow(t.ID, names, all); err != nil {
		return false, err
	}
	if delete(s.topics.follows, t.ID); !all {
		s.topics.follows[t.ID] = names
	}
	return true, nil
}

// putFollow writes the row of a topic, or with all deletes it.
func (s *Store) putFollow(topic digest.Hash, names []digest.Hash, all bool) error {
	return s.aof.Commit(func(txn *aof.Txn) error {
		if all {
			return aof.DeleteRow(txn, layout.Follows, topic)
		}
		return aof.PutRow(txn, layout.Follows, topic, names)
	})
}

// followOn goes on following a log that was this store's own, of a topic that is
// not followed whole, if there is room.
func followOn(t *aof.Txn, row *aof.LogRow) error {
	names, found, err := aof.Row(t, layout.Follows, row.Topic)
	if err != nil || !found || len(names) == MaxFollowed {
		return err
	}
	at, there := slices.BinarySearchFunc(names, row.ID, compareHashes)
	if there {
		return nil
	}
	return aof.PutRow(t, layout.Follows, row.Topic, slices.Insert(names, at, row.ID))
}

// Followed returns what this store follows of a topic besides its own log;
// true means all of it.
func (s *Store) Followed(topic digest.Hash) (names []digest.Hash, all bool) {
	s.topics.followMu.RLock()
	defer s.topics.followMu.RUnlock()
	names, partial := s.topics.follows[topic]
	return slices.Clone(names), !partial
}

func (s *Store) loadFollows() error {
	s.topics.follows = map[digest.Hash][]digest.Hash{}
	return s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Follows, func(topic digest.Hash, names []digest.Hash) error {
			s.topics.follows[topic] = names
			return nil
		})
	})
}
