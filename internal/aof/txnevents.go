// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"bytes"
	"errors"
	"math"

	"github.com/PowerDNS/lmdb-go/lmdb"
)

// AppendEvents stores count records, back to back in records, as the events of
// a log from sequence first on. They are copied. The log must hold no event at
// or above first yet; below it there may be a gap, if pages were sealed
// without passing through the AOF.
func (t *Txn) AppendEvents(num uint32, first uint64, records []byte, count int) error {
	if err := t.ready(); err != nil {
		return err
	}
	if count <= 0 || num == 0 || first > maxSize-uint64(count) {
		return invalid("append %d events to log %d from %d", count, num, first)
	}
	if err := t.wantEnd(num, first); err != nil {
		return err
	}
	end := first + uint64(count)
	for len(records) > 0 {
		n, c, err := nextChunk(records)
		if err != nil {
			return t.refuse(err)
		}
		if err := t.putChunk(chunk{num, first, c, records[:n]}); err != nil {
			return err
		}
		first, records = first+uint64(c), records[n:]
	}
	if first != end {
		return t.refuse(invalid("append to log %d: records end at sequence %d, want %d", num, first, end))
	}
	return nil
}

// refuse keeps a half-made append from being committed.
func (t *Txn) refuse(err error) error {
	if t.err == nil {
		t.err = err
	}
	return err
}

// wantEnd checks that a log's chunks end at or below seq.
func (t *Txn) wantEnd(num uint32, seq uint64) error {
	c, err := t.cursor()
	if err != nil {
		return err
	}
	key, value, err := seekChunk(c, num, math.MaxUint64)
	if err != nil || key == nil {
		return err
	}
	if other, _, err := splitChunkKey(key); err != nil || other != num {
		return err
	}
	last, err := decodeChunk(key, value)
	if err != nil {
		return err
	}
	if last.end() > seq {
		return invalid("append to log %d at %d: it holds events up to %d", num, seq, last.end())
	}
	return nil
}

func (t *Txn) putChunk(c chunk) error {
	cur, err := t.cursor()
	if err != nil {
		return err
	}
	key := chunkKey(c.num, c.first)
	b, err := cur.PutReserve(key[:], chunkHeader+len(c.records), 0)
	if err != nil {
		return t.fail(err)
	}
	c.fill(key[:], b)
	return nil
}

func (t *Txn) cursor() (*lmdb.Cursor, error) {
	if t.events == nil {
		c, err := t.tx.OpenCursor(t.s.dbs[dbEvents])
		if err != nil {
			return nil, t.fail(err)
		}
		t.events = c
	}
	return t.events, nil
}

// TrimEvents deletes the chunks of a log that lie wholly below upTo. Of one that
// straddles it the rest is written anew if that is no more than goes, so that
// what is kept is at most twice what is needed. A chunk with a wrong checksum
// goes too when the next one proves that it lies below.
func (t *Txn) TrimEvents(num uint32, upTo uint64) error {
	c, err := t.readyCursor()
	if err != nil {
		return err
	}
	for {
		low := chunkKey(num, 0)
		key, value, err := c.Get(low[:], nil, lmdb.SetRange)
		if lmdb.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return t.fail(err)
		}
		other, first, err := splitChunkKey(key)
		if err != nil || other != num || first >= upTo {
			return err
		}
		end, err := t.chunkEnd(c, key, value)
		if err != nil {
			return err
		}
		if end > upTo {
			return t.trimChunk(key, value, upTo)
		}
		if err := t.deleteChunk(num, first); err != nil {
			return err
		}
	}
}

// trimChunk takes the events below from off a sound chunk, if that is half of it
// or more.
func (t *Txn) trimChunk(key, value []byte, from uint64) error {
	c, err := decodeChunk(key, value)
	if err != nil {
		return nil // whoever reads it gets the error
	}
	part, err := c.cut(from, c.end())
	if err != nil || 2*len(part.records) > len(c.records) {
		return err
	}
	part.records = bytes.Clone(part.records) // the writes below move what they point to
	if err := t.putChunk(part); err != nil {
		return err
	}
	return t.deleteChunk(c.num, c.first)
}

// chunkEnd returns the sequence after the cursor's chunk. If the chunk is
// damaged, the next sound one of its log bounds it.
func (t *Txn) chunkEnd(c *lmdb.Cursor, key, value []byte) (uint64, error) {
	ch, damage := decodeChunk(key, value)
	if damage == nil {
		return ch.end(), nil
	}
	num, _, err := splitChunkKey(key)
	if err != nil {
		return 0, err
	}
	nextKey, nextValue, err := step(c, lmdb.Next)
	if err != nil || nextKey == nil {
		return 0, errors.Join(damage, err)
	}
	next, err := decodeChunk(nextKey, nextValue)
	if err != nil || next.num != num {
		return 0, damage
	}
	return next.first, nil
}

// DropEventsFrom deletes the events of a log from sequence from on. A chunk that
// straddles it is cut.
func (t *Txn) DropEventsFrom(num uint32, from uint64) error {
	c, err := t.readyCursor()
	if err != nil {
		return err
	}
	for {
		key, value, err := seekChunk(c, num, math.MaxUint64)
		if err != nil || key == nil {
			return err
		}
		other, first, err := splitChunkKey(key)
		if err != nil || other != num {
			return err
		}
		if first < from {
			return t.cutChunk(key, value, from)
		}
		if err := t.deleteChunk(num, first); err != nil {
			return err
		}
	}
}

// cutChunk keeps the events of a chunk below to.
func (t *Txn) cutChunk(key, value []byte, to uint64) error {
	c, err := decodeChunk(key, value)
	if err != nil || c.end() <= to {
		return err
	}
	part, err := c.cut(c.first, to)
	if err != nil {
		return err
	}
	part.records = bytes.Clone(part.records) // the write below moves what they point to
	return t.putChunk(part)
}

func (t *Txn) deleteChunk(num uint32, first uint64) error {
	key := chunkKey(num, first)
	return t.fail(t.tx.Del(t.s.dbs[dbEvents], key[:], nil))
}

func (t *Txn) readyCursor() (*lmdb.Cursor, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	return t.cursor()
}
