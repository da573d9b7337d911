// SPDX-License-Identifier: MPL-2.0

package store

import (
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// MaxFollowed is how many logs and authors of a topic a store can follow by
// name.
const MaxFollowed = layout.MaxFollowed

// A Following is the choice of what this store follows of a topic.
type Following struct {
	Changed bool // it is another one than before, once it is made

	topic digest.Hash
	names []digest.Hash // increasing
	all   bool
}

// NewFollowing returns the change that makes this store follow, of a joined topic,
// only the logs with these ids, the logs of these authors, and its own; or with
// all, everything. The error is ErrTooMany for more than MaxFollowed names.
func (s *Store) NewFollowing(topic digest.Hash, names []digest.Hash, all bool) (*Following, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	names = slices.Clone(names)
	slices.SortFunc(names, compareHashes)
	names = slices.Compact(names)
	if len(names) > MaxFollowed {
		return nil, fmt.Errorf("%w: %d names to follow, at most %d; follow all of the topic, or make topics smaller", ErrTooMany, len(names), MaxFollowed)
	}
	return &Following{topic: t.ID, names: names, all: all}, nil
}

// Follow makes a Following in a store whose actors do not run.
func (s *Store) Follow(topic digest.Hash, names []digest.Hash, all bool) (changed bool, err error) {
	f, err := s.NewFollowing(topic, names, all)
	if err == nil {
		err = s.Do(f)
	}
	return err == nil && f.Changed, err
}

func (f *Following) write(c *Committer, t *aof.Txn) error {
	c.s.topics.followMu.RLock()
	before, partial := c.s.topics.follows[f.topic]
	c.s.topics.followMu.RUnlock()
	f.Changed = partial == f.all || !f.all && !slices.Equal(before, f.names)
	if f.all {
		return aof.DeleteRow(t, layout.Follows, f.topic)
	}
	return aof.PutRow(t, layout.Follows, f.topic, f.names)
}

func (f *Following) made(s *Store) error {
	s.topics.followMu.Lock()
	if delete(s.topics.follows, f.topic); !f.all {
		s.topics.follows[f.topic] = f.names
	}
	s.topics.followMu.Unlock()
	if f.Changed {
		s.offerAnew(f.topic)
	}
	return nil
}

// Followed returns what this store follows of a topic besides its own log;
// true means all of it.
func (s *Store) Followed(topic digest.Hash) (names []digest.Hash, all bool) {
	s.topics.followMu.RLock()
	defer s.topics.followMu.RUnlock()
	names, partial := s.topics.follows[topic]
	return slices.Clone(names), !partial
}

// Follows reports whether a log is one that this store follows.
func (s *Store) Follows(l *Log) bool {
	names, all := s.Followed(l.Topic)
	return all || l.Own || slices.Contains(names, l.ID) || slices.Contains(names, digest.Hash(l.Author))
}

func (s *Store) loadFollows() error {
	s.topics.follows = map[digest.Hash][]digest.Hash{}
	defer s.loadOffered()
	return s.aof.View(func(v *aof.View) error {
		return aof.EachRow(v, layout.Follows, func(topic digest.Hash, names []digest.Hash) error {
			s.topics.follows[topic] = names
			return nil
		})
	})
}
