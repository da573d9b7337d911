// SPDX-License-Identifier: MPL-2.0

package store

import (
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Change is something small that one transaction makes durable, with whatever
// else waits: a topic that is joined, what is followed, a fork, a range, rows of
// peers and cursors. It changes what is stored and what is known in one call, by
// the only one who writes: Committer.Commit, or Store.Do.
type Change interface {
	// write puts the change into the transaction. It may run again, from the start.
	write(c *Committer, t *aof.Txn) error
	// made makes the change known, once it is durable.
	made(s *Store) error
}

// ofLog is implemented by changes of a row that a log in memory was made of.
type ofLog interface{ log() digest.Hash }

// Do makes a change durable in a store whose actors do not run; they have a
// writer of their own (pipeline.Pipeline.Do).
func (s *Store) Do(x Change) error {
	s.doing.Lock()
	defer s.doing.Unlock()
	done, err := s.NewCommitter().Commit(&Work{Changes: []Change{x}})
	if Passes(err) {
		return err
	}
	if err != nil {
		s.StopWriting(err)
		return s.ReadOnly()
	}
	return done.Changes[0]
}

// A Put is a row that its owner alone knows: a cursor, an address. A nil value
// deletes it.
type Put struct {
	Bucket aof.Bucket
	Key    []byte
	Value  []byte
}

func (p *Put) write(_ *Committer, t *aof.Txn) error {
	if p.Value == nil {
		return t.Delete(p.Bucket, p.Key)
	}
	return t.Put(p.Bucket, p.Key, p.Value)
}

func (p *Put) made(*Store) error { return nil }

// Puts are rows that belong in one transaction.
type Puts []*Put

func (p Puts) write(c *Committer, t *aof.Txn) error {
	for _, put := range p {
		if err := put.write(c, t); err != nil {
			return err
		}
	}
	return nil
}

func (p Puts) made(*Store) error { return nil }
