// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/messages"
)

// An event id makes a repeat harmless: this store keeps, for each id that it
// appended an event with, where that event is, over all logs that it ever wrote
// in a topic. The rows (layout.IDs) are committed together with the events, and
// follow from them and the seed.

// IDKey returns the key of the row of an event id in a topic.
func (s *Store) IDKey(topic digest.Hash, id event.ID) messages.IDKey {
	return layout.IDKey(s.idKey, topic, id)
}

// A Written is where an event with an id is.
type Written = layout.Written

// FindID returns the event that was appended here under a key of IDKey.
func (s *Store) FindID(key messages.IDKey) (w Written, found bool, err error) {
	err = s.aof.View(func(v *aof.View) error {
		w, found, err = aof.Row(v, layout.IDs, key)
		return err
	})
	return w, found, err
}

// putIDs stores the rows of the events of an own append, the first of which gets
// sequence first.
func putIDs(t *aof.Txn, a *messages.Append, first uint64) error {
	for _, id := range a.IDs {
		w := Written{Log: a.Log, Seq: first + uint64(id.Index), Time: id.Time}
		if err := aof.PutRow(t, layout.IDs, id.Key, w); err != nil {
			return err
		}
	}
	return nil
}

// putIDs stores the rows of events of ours: of an append, or of a log that this
// store signed as the device that it was, of which a peer brings more.
func (c *Committer) putIDs(t *aof.Txn, row *aof.LogRow, a *messages.Append, b *messages.Batch) error {
	if a.Remote == nil {
		return putIDs(t, a, b.First)
	}
	if _, former, err := aof.Row(t, layout.Formers, layout.FormerKey{Topic: row.Topic, Author: row.Author}); err != nil || !former {
		return err
	}
	run := Run{First: b.First, Count: len(b.Leaves), Records: b.Records}
	return run.Each(func(seq uint64, rec *event.Record) error {
		if rec.ID() == (event.ID{}) {
			return nil
		}
		key := c.s.IDKey(row.Topic, rec.ID())
		return aof.PutRow(t, layout.IDs, key, Written{Log: row.ID, Seq: seq, Time: rec.Time})
	})
}

// maxIDRows is how many rows of event ids are made at a time.
const maxIDRows = 4096

// IDRows returns the rows of the ids of a log's events [from, to), as far as next,
// which is to once all are there. It is for events of our own that came back
// from a peer.
func (s *Store) IDRows(l *Log, from, to uint64) (puts []*Put, next uint64, err error) {
	next = from
	err = s.Read(l, from, to, func(run Run) error {
		return run.Each(func(seq uint64, rec *event.Record) error {
			if len(puts) == maxIDRows {
				return errFull
			}
			next = seq + 1
			if id := rec.ID(); id != (event.ID{}) {
				key := s.IDKey(l.Topic, id)
				puts = append(puts, putOf(layout.IDs, key, Written{Log: l.ID, Seq: seq, Time: rec.Time}))
			}
			return nil
		})
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return puts, next, err
}
