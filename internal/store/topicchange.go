// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A Renaming gives a topic another local name.
type Renaming struct {
	topic digest.Hash
	name  string
	named *Topic
}

// NewRenaming returns the change that gives a joined topic another name.
func (s *Store) NewRenaming(topic digest.Hash, name string) (*Renaming, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	return &Renaming{topic: t.ID, name: name}, nil
}

func (r *Renaming) write(c *Committer, txn *aof.Txn) error {
	t, err := c.s.Topic(r.topic)
	if err != nil {
		return err
	}
	named := *t // whoever has the topic reads it
	named.Name = r.name
	r.named = &named
	return aof.PutRow(txn, layout.Topics, named.Num, r.named)
}

func (r *Renaming) made(s *Store) error {
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	s.topics.all[r.topic] = r.named
	return nil
}

// A Defaulting makes a joined topic the one that is meant if none is named.
type Defaulting struct{ topic digest.Hash }

// NewDefaulting returns the change that makes a joined topic the default.
func (s *Store) NewDefaulting(topic digest.Hash) (*Defaulting, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	return &Defaulting{t.ID}, nil
}

func (d *Defaulting) write(c *Committer, txn *aof.Txn) error {
	c.defaultID = d.topic
	return aof.PutRow(txn, layout.Defaults, layout.Only{}, d.topic)
}

func (d *Defaulting) made(s *Store) error {
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	s.topics.first = d.topic
	return nil
}

// unusedDefault returns the default topic if it was founded here and nobody ever wrote to it:
// the first topic that is joined takes its place, so that what is appended without
// naming a topic is not for this store alone. Zero is none.
func (s *Store) unusedDefault() digest.Hash {
	t, err := s.Topic(digest.Hash{})
	if err != nil || t.Account.Secret == ([32]byte{}) || !s.empty(t.Log) {
		return digest.Hash{}
	}
	ids, err := s.topicIDs(t.ID)
	if err != nil || len(ids) > 1 {
		return digest.Hash{}
	}
	return t.ID
}

func (s *Store) empty(log digest.Hash) bool {
	l, err := s.Log(log)
	return err == nil && l.State().Size == 0
}

// gives reports whether a topic, unused before, is the default and still so.
func (c *Committer) gives(txn *aof.Txn, unused digest.Hash) (bool, error) {
	if unused.IsZero() || unused != c.defaultID {
		return false, nil
	}
	t, err := c.s.Topic(unused)
	if err != nil {
		return false, err
	}
	row, found, err := txn.Log(t.Log)
	return !found || row.Size == 0, err
}
