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
			t, err := decodeTopic(key, value)
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

func decodeTopic(key, value []byte) (*Topic, error) {
	if len(value) < topicRowBytes || len(key) != digest.Size {
		return nil, &CorruptError{Where: "aof, topics", What: fmt.Sprintf("a row of %d bytes", len(value))}
	}
	t := &Topic{Key: identity.TopicKey(value[:32]), Log: digest.Hash(value[32:64]), Name: string(value[64:])}
	t.ID = t.Key.ID()
	if !bytes.Equal(t.ID[:], key) {
		return nil, &CorruptError{Where: "aof, topics", What: "a key that is not of its topic"}
	}
	return t, nil
}

func (s *Store) newInstance() error {
	rand.Read(s.topics.instance[:]) // never fails (crypto/rand)
	return s.aof.Commit(func(t *aof.Txn) error { return t.Put(aof.Meta, metaInstance, s.topics.instance[:]) })
}

// Instance identifies this copy of the store.
func (s *Store) Instance() [16]byte { return s.topics.instance }

// Join adds a topic and this store's log in it; the first topic joined is the
// default. Joining again changes the name only. pageBytes is of the log where
// it is created; 0 means the store's default.
func (s *Store) Join(key identity.TopicKey, name string, pageBytes int) (*Topic, error) {
	if pageBytes == 0 {
		pageBytes = s.format.pageBytes
	}
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	id := key.ID()
	author := [32]byte(s.seed.AuthorKey(id).Public().(ed25519.PublicKey))
	t := &Topic{ID: id, Key: key, Name: name, Log: identity.LogID(id, author, uint32(pageBytes))}
	if old := s.topics.all[id]; old != nil {
		t.Log = old.Log
		if name == "" {
			t.Name = old.Name
		}
	}
	first := s.topics.first
	if first.IsZero() {
		first = id
	}
	err := s.aof.Commit(func(txn *aof.Txn) error {
		if err := txn.Put(aof.Meta, metaDefault, first[:]); err != nil {
			return err
		}
		if _, found, err := txn.Log(t.Log); err != nil {
			return err
		} else if !found {
			row := aof.LogRow{ID: t.Log, Topic: id, Author: author, PageBytes: uint32(pageBytes), Own: true}
			if err := txn.PutLog(&row); err != nil {
				return err
			}
		}
		return txn.Put(aof.Topics, id[:], append(append(append([]byte(nil), key[:]...), t.Log[:]...), t.Name...))
	})
	if err != nil {
		return nil, err
	}
	s.topics.first = first
	s.topics.all[id] = t
	s.added(id, t.Log)
	return t, nil
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
	s.catalog.mu.RLock()
	ids, listed := s.catalog.topics[topic]
	s.catalog.mu.RUnlock()
	if !listed {
		var err error
		if ids, err = s.listTopic(topic); err != nil {
			return nil, err
		}
	}
	logs := make([]*Log, len(ids))
	for i, id := range ids {
		var err error
		if logs[i], err = s.Log(id); err != nil {
			return nil, err
		}
	}
	return logs, nil
}

// listTopic reads the ids of a topic's logs and remembers them; a log that is
// created from now on is added by added.
func (s *Store) listTopic(topic digest.Hash) ([]digest.Hash, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	ids := []digest.Hash{}
	err := s.aof.View(func(v *aof.View) error {
		return v.ForEachLog(func(row aof.LogRow) error {
			if row.Topic == topic {
				ids = append(ids, row.ID)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ids, compareHashes)
	s.catalog.topics[topic] = ids
	return ids, nil
}

// added takes note of a log that was just committed for the first time.
func (s *Store) added(topic, id digest.Hash) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	ids, listed := s.catalog.topics[topic]
	if !listed {
		return
	}
	if i, found := slices.BinarySearchFunc(ids, id, compareHashes); !found {
		s.catalog.topics[topic] = slices.Insert(slices.Clone(ids), i, id)
	}
}

func compareHashes(a, b digest.Hash) int { return bytes.Compare(a[:], b[:]) }
