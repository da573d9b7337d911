// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"fmt"

	"github.com/PowerDNS/lmdb-go/lmdb"
)

// Events calls fn with the events [from, to) of a log, in order, in runs of
// consecutive records. The records are borrowed until fn returns. An event that
// is missing is a *CorruptError: the caller knows from the log's row what is
// in the AOF.
func (v *View) Events(num uint32, from, to uint64, fn func(first uint64, count int, records []byte) error) error {
	switch {
	case v.tx == nil:
		return ErrDone
	case from > to:
		return invalid("events [%d, %d)", from, to)
	case from == to:
		return nil
	}
	c, err := v.tx.OpenCursor(v.s.dbs[dbEvents])
	if err != nil {
		return lmdbError(err)
	}
	defer c.Close()
	key, value, err := seekChunk(c, num, from)
	for at := from; err == nil; key, value, err = step(c, lmdb.Next) {
		var part chunk
		if part, err = wantChunk(key, value, num, at, to); err != nil {
			return err
		}
		if err = fn(part.first, part.count, part.records); err != nil {
			return err
		}
		if at = part.end(); at >= to {
			return nil
		}
	}
	return err
}

// wantChunk decodes the chunk that must hold event seq and cuts it to [seq, to); a
// nil key is no chunk.
func wantChunk(key, value []byte, num uint32, seq, to uint64) (chunk, error) {
	missing := func(got string) error {
		return mismatch(fmt.Sprintf("log %d sequence %d", num, seq), "an event", got)
	}
	if key == nil {
		return chunk{}, missing("none")
	}
	other, _, err := splitChunkKey(key)
	if err != nil {
		return chunk{}, err
	}
	if other != num {
		return chunk{}, missing("none")
	}
	c, err := decodeChunk(key, value)
	if err != nil {
		return chunk{}, err
	}
	if seq < c.first || seq >= c.end() {
		return chunk{}, missing(fmt.Sprintf("a chunk of [%d, %d)", c.first, c.end()))
	}
	return c.cut(seq, to)
}

// seekChunk finds the last chunk that begins at or before seq, of whatever log;
// the key is nil if there is none.
func seekChunk(c *lmdb.Cursor, num uint32, seq uint64) (key, value []byte, err error) {
	want := chunkKey(num, seq)
	key, value, err = c.Get(want[:], nil, lmdb.SetRange)
	switch {
	case err == nil && string(key) == string(want[:]):
		return key, value, nil
	case err == nil:
		return step(c, lmdb.Prev)
	case lmdb.IsNotFound(err):
		return step(c, lmdb.Last)
	}
	return nil, nil, lmdbError(err)
}

// step moves the cursor; the key is nil at the end.
func step(c *lmdb.Cursor, op uint) (key, value []byte, err error) {
	key, value, err = c.Get(nil, nil, op)
	if lmdb.IsNotFound(err) {
		return nil, nil, nil
	}
	return key, value, lmdbError(err)
}
