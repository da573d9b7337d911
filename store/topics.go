// SPDX-License-Identifier: MPL-2.0

package store

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// A Topic is a set of logs that are shared together, as this store joined it.
type Topic struct {
	ID   digest.Hash
	Key  identity.TopicKey // secret
	Name string            // what the person calls it; local
	Log  digest.Hash       // the log this store appends to
}

// Rows of the meta bucket.
var (
	metaInstance = []byte("instance") // 16 random bytes, of this copy of the store
	metaDefault  = []byte("default")  // id of the topic that is meant where none is named
)

type topics struct {
	mu       sync.RWMutex
	all      map[digest.Hash]*Topic
	first    digest.Hash
	instance [16]byte

	followMu sync.RWMutex
	follows  map[digest.Hash][]digest.Hash // of topics that are not followed whole; increasing

	joinMu sync.Mutex
	joins  []*join // that wait for a commit
}

// A topic's row: its key, the id of the own log, its name.
const topicRowBytes = 64

func (s *Store) loadTopics() error {
	s.topics.all = map[digest.Hash]*Topic{}
	err := s.aof.View(func(v *aof.View) error {
		if b, _, err := v.Get(aof.Meta, metaDefault); err != nil {
			return err
		} else if len(b) == digest.Size {
			s.topics.first = digest.Hash(b)
		}
		b, _, err := v.Get(aof.Meta, metaInstance)
		if err != nil {
			return err
		}
		copy(s.topics.instance[:], b)
		return v.ForEach(aof.Topics, nil, func(key, value []byte) error {
			t, err := readTopic(key, value)
			if err == nil {
				s.topics.all[t.ID] = t
			}
			return err
		})
	})
	if err != nil || s.topics.instance != [16]byte{} {
		return err
	}
	return s.newInstance()
}

// readTopic returns the topic of a row, of which the checksum fits.
func readTopic(key, value []byte) (*Topic, error) {
	if len(value) < topicRowBytes || len(key) != digest.Size {
		return nil, &CorruptError{Where: "aof, topics", What: fmt.Sprintf("a row of %d bytes", len(value))}
	}
	return &Topic{
		ID: digest.Hash(key), Key: identity.TopicKey(value[:32]), Log: digest.Hash(value[32:64]), Name: string(value[64:]),
	}, nil
}

// decodeTopic is readTopic for a check: it derives the id from the key, which
// is a third of opening a store of many topics.
func decodeTopic(key, value []byte) (*Topic, error) {
	t, err := readTopic(key, value)
	if err == nil && t.Key.ID() != t.ID {
		err = &CorruptError{Where: "aof, topics", What: "a key that is not of its topic"}
	}
	return t, err
}

func (s *Store) newInstance() error {
	rand.Read(s.topics.instance[:]) // never fails (crypto/rand)
	return s.aof.Commit(func(t *aof.Txn) error { return t.Put(aof.Meta, metaInstance, s.topics.instance[:]) })
}

// Instance identifies this copy of the store.
func (s *Store) Instance() [16]byte { return s.topics.instance }

// A join is a topic on its way into the store.
type join struct {
	t   *Topic
	row aof.LogRow // of the log, where it is created
	err error
	ok  bool // err is set: it was committed with somebody else's
}

// Join adds a topic and this store's log in it; the first topic joined is the
// default. Joining again changes the name only. pageBytes is of the log where
// it is created; 0 means the store's default. Joins that come at once are
// committed together.
func (s *Store) Join(key identity.TopicKey, name string, pageBytes int) (*Topic, error) {
	if pageBytes == 0 {
		pageBytes = s.format.pageBytes
	}
	id := key.ID()
	author := [32]byte(s.seed.AuthorKey(id).Public().(ed25519.PublicKey))
	t := &Topic{ID: id, Key: key, Name: name, Log: identity.LogID(id, author, uint32(pageBytes))}
	j := &join{t: t, row: aof.LogRow{ID: t.Log, Topic: id, Author: author, PageBytes: uint32(pageBytes), Own: true}}
	s.topics.joinMu.Lock()
	s.topics.joins = append(s.topics.joins, j)
	s.topics.joinMu.Unlock()
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	if !j.ok {
		s.joinAll()
	}
	return j.t, j.err
}

// joinAll commits all joins that wait; topics.mu is held.
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
			j.t.Log = old.Log
			if j.t.Name == "" {
				j.t.Name = old.Name
			}
		}
	}
	err := s.aof.Commit(func(txn *aof.Txn) error {
		if err := txn.Put(aof.Meta, metaDefault, first[:]); err != nil {
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
			s.topics.first = first
			s.topics.all[j.t.ID] = j.t
			s.added(j.t.ID, j.t.Log)
		}
	}
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
	value := append(append(append([]byte(nil), j.t.Key[:]...), j.t.Log[:]...), j.t.Name...)
	return txn.Put(aof.Topics, j.t.ID[:], value)
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

// TopicLogs returns the logs of a topic that this store holds, ordered by id.
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
				if row.Topic == topic {
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
