// SPDX-License-Identifier: MPL-2.0

package store

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/messages"
)

// An event id makes a repeat harmless: this store keeps, for each id that it
// appended an event with, where that event is, over all logs that it ever wrote
// in a topic. The rows are committed together with the events, and follow from
// them and the seed.
//
//	key    first 16 bytes of tagged("xaeroflux event id v1", key of the store, topic id, event id)
//	value  log id (32) | sequence u48 | time u48
//
// So the rows alone tell nobody which ids there are.

const (
	labelIDRows = "xaeroflux event id rows v1" // HKDF of the seed
	tagIDRow    = "xaeroflux event id v1"
	idRowBytes  = digest.Size + 6 + 6
)

// idRowKey returns the key that hides ids in rows.
func (s *Store) idRowKey() []byte {
	k, err := hkdf.Key(sha256.New, s.device.Seed[:], nil, labelIDRows, sha256.Size)
	if err != nil {
		panic(err) // impossible: 32 bytes are always to be had
	}
	return k
}

// IDKey returns the key of the row of an event id in a topic.
func (s *Store) IDKey(topic digest.Hash, id event.ID) messages.IDKey {
	h := digest.Tagged(tagIDRow, s.idKey, topic[:], id[:])
	return messages.IDKey(h[:])
}

// A Written is where an event with an id is.
type Written struct {
	Log  digest.Hash
	Seq  uint64
	Time int64 // milliseconds since 1970
}

// FindID returns the event that was appended here under a key of IDKey.
func (s *Store) FindID(key messages.IDKey) (w Written, found bool, err error) {
	err = s.aof.View(func(v *aof.View) error {
		var b []byte
		if b, found, err = v.Get(aof.IDs, key[:]); err != nil || !found {
			return err
		}
		w, err = decodeWritten(b)
		return err
	})
	return w, found, err
}

func encodeWritten(w Written) []byte {
	b := append(make([]byte, 0, idRowBytes+2), w.Log[:]...)
	b = binary.LittleEndian.AppendUint64(b, w.Seq)[:digest.Size+6]
	return binary.LittleEndian.AppendUint64(b, uint64(w.Time))[:idRowBytes]
}

func decodeWritten(b []byte) (w Written, err error) {
	if len(b) != idRowBytes {
		return w, &CorruptError{Where: "aof, ids", What: fmt.Sprintf("a row of %d bytes", len(b))}
	}
	u48 := func(b []byte) uint64 {
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
	}
	return Written{Log: digest.Hash(b[:32]), Seq: u48(b[32:]), Time: int64(u48(b[38:]))}, nil
}

// putIDs stores the rows of the events of an own append, the first of which gets
// sequence first.
func putIDs(t *aof.Txn, a *messages.Append, first uint64) error {
	for _, id := range a.IDs {
		w := Written{Log: a.Log, Seq: first + uint64(id.Index), Time: id.Time}
		if err := t.Put(aof.IDs, id.Key[:], encodeWritten(w)); err != nil {
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
	if _, former, err := t.Get(aof.Meta, formerKey(row.Topic, row.Author)); err != nil || !former {
		return err
	}
	run := Run{First: b.First, Count: len(b.Leaves), Records: b.Records}
	return run.Each(func(seq uint64, rec *event.Record) error {
		if rec.ID() == (event.ID{}) {
			return nil
		}
		key := c.s.IDKey(row.Topic, rec.ID())
		return t.Put(aof.IDs, key[:], encodeWritten(Written{Log: row.ID, Seq: seq, Time: rec.Time}))
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
				value := encodeWritten(Written{Log: l.ID, Seq: seq, Time: rec.Time})
				puts = append(puts, &Put{Bucket: aof.IDs, Key: key[:], Value: value})
			}
			return nil
		})
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return puts, next, err
}
