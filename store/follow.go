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
// ids, the logs of these authors, and its own; or with all, everything. The
// error is ErrTooMany for more than MaxFollowed names.
func (s *Store) Follow(topic digest.Hash, names []digest.Hash, all bool) error {
	t, err := s.Topic(topic)
	if err != nil {
		return err
	}
	names = slices.Clone(names)
	slices.SortFunc(names, compareHashes)
	names = slices.Compact(names)
	if len(names) > MaxFollowed {
		return fmt.Errorf("%w: %d names to follow, at most %d; follow all of the topic, or make topics smaller", ErrTooMany, len(names), MaxFollowed)
	}
	value := []byte{}
	for _, n := range names {
		value = append(value, n[:]...)
	}
	s.topics.followMu.Lock()
	defer s.topics.followMu.Unlock()
	err = s.aof.Commit(func(txn *aof.Txn) error {
		if all {
			return txn.Delete(aof.Meta, followKey(t.ID))
		}
		return txn.Put(aof.Meta, followKey(t.ID), value)
	})
	switch {
	case err != nil:
	case all:
		delete(s.topics.follows, t.ID)
	default:
		s.topics.follows[t.ID] = names
	}
	return err
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
			key = key[len(followPrefix):]
			if len(key) != digest.Size || len(value)%digest.Size != 0 {
				return &CorruptError{Where: "aof, meta", What: fmt.Sprintf("a row of %d bytes on what is followed", len(value))}
			}
			names := make([]digest.Hash, 0, len(value)/digest.Size)
			for ; len(value) > 0; value = value[digest.Size:] {
				names = append(names, digest.Hash(value))
			}
			s.topics.follows[digest.Hash(key)] = names
			return nil
		})
	})
}
