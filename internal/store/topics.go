// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Topic is a set of logs that are shared together, as this store joined it.
type Topic = layout.Topic

type topics struct {
	mu    sync.RWMutex // guards all and first; whoever holds it takes no other lock
	all   map[digest.Hash]*Topic
	first digest.Hash

	commitMu sync.Mutex // held while joins are committed

	followMu sync.RWMutex
	follows  map[digest.Hash][]digest.Hash // of topics that are not followed whole; increasing

	joinMu sync.Mutex
	joins  []*join // that wait for a commit
}

func (s *Store) loadTopics() error {
	s.topics.all = map[digest.Hash]*Topic{}
	return s.aof.View(func(v *aof.View) error {
		var err error
		if s.topics.first, _, err = aof.Row(v, layout.Defaults, layout.Only{}); err != nil {
			return err
		}
		return aof.EachRow(v, layout.Topics, func(id digest.Hash, t *Topic) error {
			s.topics.all[id] = t
			return nil
		})
	})
}

// A join is a topic on its way into the store.
type join struct {
	t      *Topic
	row    aof.LogRow // of the log, where it is created
	roster []byte     // the records that found the topic, or nil
	err    error
	ok     bool // err is set: it was committed with somebody else's
}

// Join adds a topic and this store's log in it; the first topic joined is the
// default. Joining again changes the name only. Joins that come at once are
// committed together.
func (s *Store) Join(genesis *identity.Genesis, keys identity.TopicKeys, name string) (*Topic, error) {
	return s.join(&join{t: &Topic{ID: genesis.ID(), Genesis: genesis, Keys: keys, Name: name}})
}

func (s *Store) join(j *join) (*Topic, error) {
	name := identity.DataLog(j.t.ID, s.device.AuthorID(j.t.Genesis), j.t.Genesis.PageBytes)
	j.row = aof.NewLogRow(name, true)
	j.t.Log = j.row.ID
	s.topics.joinMu.Lock()
	s.topics.joins = append(s.topics.joins, j)
	s.topics.joinMu.Unlock()
	s.topics.commitMu.Lock()
	defer s.topics.commitMu.Unlock()
	if !j.ok {
		s.joinAll()
	}
	return j.t, j.err
}

// joinAll commits all joins that wait; topics.commitMu is held.
func (s *Store) joinAll() {
	s.topics.joinMu.Lock()
	joins := s.topics.joins
	s.topics.joins = nil
	s.topics.joinMu.Unlock()
	first := s.topics.first
	for _, j := range joins {
		if first.IsZero() {
			first = j.t.ID
		}
		if old := s.topics.all[j.t.ID]; old != nil {
			j.t.Log, j.t.Account = old.Log, old.Account
			if j.t.Name == "" {
				j.t.Name = old.Name
			}
		}
	}
	err := s.aof.Commit(func(txn *aof.Txn) error {
		if err := aof.PutRow(txn, layout.Defaults, layout.Only{}, first); err != nil {
			return err
		}
		for _, j := range joins {
			if err := j.put(txn); err != nil {
				return err
			}
		}
		return nil
	})
	for _, j := range joins {
		j.err, j.ok = err, true
		if err == nil {
			s.joined(first, j.t)
		}
	}
}

// joined makes a topic known that is committed.
func (s *Store) joined(first digest.Hash, t *Topic) {
	s.topics.mu.Lock()
	s.topics.first = first
	s.topics.all[t.ID] = t
	s.topics.mu.Unlock()
	s.added(t.ID, t.Log)
}

func (j *join) put(txn *aof.Txn) error {
	if _, found, err := txn.Log(j.t.Log); err != nil {
		return err
	} else if !found {
		row := j.row
		if err := txn.PutLog(&row); err != nil {
			return err
		}
	}
	if err := j.found(txn); err != nil {
		return err
	}
	return aof.PutRow(txn, layout.Topics, j.t.ID, j.t)
}

// Topic returns a joined topic; the zero id means the default.
func (s *Store) Topic(id digest.Hash) (*Topic, error) {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	if id.IsZero() {
		id = s.topics.first
	}
	if t := s.topics.all[id]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownTopic, id)
}

// Topics returns the joined topics, the default first.
func (s *Store) Topics() []*Topic {
	s.topics.mu.RLock()
	defer s.topics.mu.RUnlock()
	var all []*Topic
	for _, t := range s.topics.all {
		all = append(all, t)
	}
	sort.Slice(all, func(i, j int) bool {
		if (all[i].ID == s.topics.first) != (all[j].ID == s.topics.first) {
			return all[i].ID == s.topics.first
		}
		return bytes.Compare(all[i].ID[:], all[j].ID[:]) < 0
	})
	return all
}

// TopicLogs returns the data logs of a topic that this store holds, ordered by
// id. Its roster is none of them.
func (s *Store) TopicLogs(topic digest.Hash) ([]*Log, error) {
	ids, err := s.topicIDs(topic)
	if err != nil {
		return nil, err
	}
	logs := make([]*Log, len(ids))
	for i, id := range ids {
		if logs[i], err = s.Log(id); err != nil {
			return nil, err
		}
	}
	return logs, nil
}

// A topicList is the ids of a topic's logs.
type topicList struct {
	sorted []digest.Hash // never written to
	added  []digest.Hash // since; some may be in sorted too
}

// topicIDs returns the ids of a topic's logs in order. They are read the first
// time somebody asks; a log that is created from then on is added by added.
func (s *Store) topicIDs(topic digest.Hash) ([]digest.Hash, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	l := s.catalog.topics[topic]
	if l == nil {
		l = &topicList{}
		err := s.aof.View(func(v *aof.View) error {
			return v.ForEachLog(func(row aof.LogRow) error {
				if row.Topic == topic && row.Kind == identity.KindData {
					l.added = append(l.added, row.ID)
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		s.catalog.topics[topic] = l
	}
	if len(l.added) > 0 {
		all := slices.Concat(l.sorted, l.added)
		slices.SortFunc(all, compareHashes)
		l.sorted, l.added = slices.Compact(all), nil
	}
	return l.sorted, nil
}

// added takes note of a log that was just committed for the first time.
func (s *Store) added(topic, id digest.Hash) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if l := s.catalog.topics[topic]; l != nil {
		l.added = append(l.added, id)
	}
}

func compareHashes(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) }
