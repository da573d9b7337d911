// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A TopicEdit changes what is this store's own of a joined topic.
type TopicEdit struct {
	topic  digest.Hash
	leaves bool
	edit   func(*Topic)
	edited *Topic
}

// NewRenaming returns the change that gives a joined topic another name.
func (s *Store) NewRenaming(topic digest.Hash, name string) (*TopicEdit, error) {
	return s.newEdit(topic, func(t *Topic) { t.Name, t.Kept = name, t.Kept || name != "" })
}

// NewKeeping returns the change after which a topic gives way to no other as the
// default, or nil if it does not anyway.
func (s *Store) NewKeeping(topic digest.Hash) (*TopicEdit, error) {
	if s.unusedDefault() != topic {
		return nil, nil
	}
	return s.newEdit(topic, func(t *Topic) { t.Kept = true })
}

// ErrLeft is returned for appends to a topic that this store left.
var ErrLeft = errors.New("this store left the topic; join it again first")

// ErrDefault is returned for leaving the default topic.
var ErrDefault = errors.New("it is the default topic: make another one the default first")

// NewLeaving returns the change after which this store takes no part in a topic: what it
// holds of it stays, and joining it again takes it up. If it is dropped, what is held of it
// is deleted when the store is opened next.
func (s *Store) NewLeaving(topic digest.Hash, drop bool) (*TopicEdit, error) {
	e, err := s.newEdit(topic, func(t *Topic) { t.Left, t.Dropped = true, t.Dropped || drop })
	if err == nil {
		e.leaves = true
	}
	return e, err
}

func (s *Store) newEdit(topic digest.Hash, edit func(*Topic)) (*TopicEdit, error) {
	t, err := s.Topic(topic)
	if err != nil {
		return nil, err
	}
	return &TopicEdit{topic: t.ID, edit: edit}, nil
}

func (e *TopicEdit) write(c *Committer, txn *aof.Txn) error {
	t, err := c.topic(e.topic)
	if err != nil {
		return err
	}
	if e.leaves && c.defaultID == e.topic {
		return ErrDefault
	}
	edited := *t // whoever has the topic reads it
	e.edit(&edited)
	e.edited = &edited
	return c.putTopic(txn, e.edited)
}

func (e *TopicEdit) made(s *Store) error {
	o := s.offer(e.edited)
	s.topics.mu.Lock()
	defer s.topics.mu.Unlock()
	old := s.topics.all[e.topic]
	switch s.topics.all[e.topic] = e.edited; {
	case e.leaves:
		kept := slices.Clone(s.topics.offered) // sessions have what it was
		s.topics.offered = slices.DeleteFunc(kept, func(o *syncer.Topic) bool { return o.ID == e.topic })
	case old.Left && !e.edited.Left:
		s.topics.offered = append(slices.Clone(s.topics.offered), o)
	case old.Keys != e.edited.Keys, old.Log != e.edited.Log: // a log that begins is told where a topic is shared
		s.topics.offerInstead(o)
	}
	return nil
}

// A Defaulting makes a joined topic the one that is meant if none is named, for good.
type Defaulting struct{ kept *TopicEdit }

// NewDefaulting returns the change that makes a joined topic the default.
func (s *Store) NewDefaulting(topic digest.Hash) (*Defaulting, error) {
	kept, err := s.newEdit(topic, func(t *Topic) { t.Kept = true })
	return &Defaulting{kept}, err
}

func (d *Defaulting) write(c *Committer, txn *aof.Txn) error {
	if err := d.kept.write(c, txn); err != nil {
		return err
	}
	if d.kept.edited.Left {
		return fmt.Errorf("%w (topic %s)", ErrLeft, d.kept.topic.Short())
	}
	c.defaultID = d.kept.topic
	return aof.PutRow(txn, layout.Defaults, layout.Only{}, d.kept.topic)
}

func (d *Defaulting) made(s *Store) error {
	s.topics.mu.Lock()
	s.topics.first = d.kept.topic
	s.topics.mu.Unlock()
	return d.kept.made(s)
}

// unusedDefault returns the default topic if it is unused: the first topic that is joined
// takes its place, so that what is appended without naming a topic is not for this store
// alone. Zero is none.
func (s *Store) unusedDefault() digest.Hash {
	if first := s.defaultTopic(); s.IsUnused(first) {
		return first
	}
	return digest.Hash{}
}

// IsUnused reports whether a topic was founded here without a name, nobody was invited to
// it and nobody ever wrote to it, as to the default of a store that is new.
func (s *Store) IsUnused(topic digest.Hash) bool {
	t, err := s.Topic(topic)
	if err != nil || t.Kept || !s.empty(t.Log) {
		return false
	}
	own, err := s.Log(t.Log)
	if err != nil || own.Author != t.Genesis.Steward {
		return false
	}
	ids, err := s.topicIDs(t.ID)
	for _, id := range ids {
		row, why := s.knownRow(id)
		err = errors.Join(err, why)
		if why == nil && row.Kind == identity.KindData && id != own.ID { // boxes are the steward's
			return false
		}
	}
	return err == nil
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
	t, err := c.topic(unused)
	if err != nil || t.Kept {
		return false, err
	}
	row, found, err := txn.Log(t.Log)
	return !found || row.Size == 0, err
}
