// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/messages"
)

// followPrefix begins the keys of rows that say which logs of a topic this
// store follows, where those are not all.
var followPrefix = []byte("follow ")

// MaxFollowed is how many logs and authors of a topic a store can follow by
// name.
const MaxFollowed = messages.MaxFollowed - 1 // and its own log

func followKey(topic digest.Hash) []byte { return append(slices.Clone(followPrefix), topic[:]...) }

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
	value := encodeFollow(names)
	return s.aof.Commit(func(txn *aof.Txn) error {
		if all {
			return txn.Delete(aof.Meta, followKey(topic))
		}
		return txn.Put(aof.Meta, followKey(topic), value)
	})
}

func encodeFollow(names []digest.Hash) []byte {
	value := make([]byte, 0, len(names)*digest.Size)
	for _, n := range names {
		value = append(value, n[:]...)
	}
	return value
}

// followOn goes on following a log that was this store's own, of a topic that is
// not followed whole, if there is room.
func followOn(t *aof.Txn, row *aof.LogRow) error {
	key := followKey(row.Topic)
	value, found, err := t.Get(aof.Meta, key)
	if err != nil || !found {
		return err
	}
	_, names, err := decodeFollow(key, value)
	if err != nil || len(names) == MaxFollowed {
		return err
	}
	at, there := slices.BinarySearchFunc(names, row.ID, compareHashes)
	if there {
		return nil
	}
	return t.Put(aof.Meta, key, encodeFollow(slices.Insert(names, at, row.ID)))
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
		return v.ForEach(aof.Meta, followPrefix, func(key, value []byte) error {
			topic, names, err := decodeFollow(key, value)
			s.topics.follows[topic] = names
			return err
		})
	})
}

// decodeFollow reads a row on what is followed of a topic.
func decodeFollow(key, value []byte) (topic digest.Hash, names []digest.Hash, err error) {
	key = key[len(followPrefix):]
	if len(key) != digest.Size || len(value)%digest.Size != 0 || len(value)/digest.Size > MaxFollowed {
		what := fmt.Sprintf("a row of %d bytes on what is followed of a topic with an id of %d", len(value), len(key))
		return topic, nil, &CorruptError{Where: "aof, meta", What: what}
	}
	names = make([]digest.Hash, 0, len(value)/digest.Size)
	for ; len(value) > 0; value = value[digest.Size:] {
		names = append(names, digest.Hash(value))
	}
	if !slices.IsSortedFunc(names, compareHashes) {
		return topic, nil, &CorruptError{Where: "aof, meta", What: "names that are followed, not in order"}
	}
	return digest.Hash(key), names, nil
}
