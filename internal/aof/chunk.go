// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/sabotage"
)

// A chunk is a run of consecutive events of one log, one row of the database
// events. Its key is the log's number and the first sequence.
//
//	offset  bytes  field
//	     0      4  CRC-32C over the key and all that follows
//	     4      4  number of records, at least 1
//	     8      8  first sequence, as in the key
//	    16         records, back to back (event/record.go)
//
// A value that does not fit a B-tree page lies in pages of its own behind a 16
// byte header, so chunks are cut a little under 16 pages of 4 KiB. A longer
// record is a chunk by itself.
const (
	chunkHeader   = 16
	maxChunkBytes = 16*4096 - 32
	chunkKeyBytes = 12
)

type chunk struct {
	num     uint32
	first   uint64
	count   int
	records []byte // borrowed
}

func (c *chunk) end() uint64 { return c.first + uint64(c.count) }

func chunkKey(num uint32, first uint64) (k [chunkKeyBytes]byte) {
	binary.BigEndian.PutUint32(k[:], num)
	binary.BigEndian.PutUint64(k[4:], first)
	return k
}

func splitChunkKey(key []byte) (num uint32, first uint64, err error) {
	if len(key) != chunkKeyBytes {
		return 0, 0, mismatch(fmt.Sprintf("chunk key %x", key), "12 bytes", fmt.Sprintf("%d", len(key)))
	}
	return binary.BigEndian.Uint32(key), binary.BigEndian.Uint64(key[4:]), nil
}

// fill writes the chunk into b, which has room for exactly it.
func (c *chunk) fill(key, b []byte) {
	binary.LittleEndian.PutUint32(b[4:], uint32(c.count))
	binary.LittleEndian.PutUint64(b[8:], c.first)
	copy(b[chunkHeader:], c.records)
	binary.LittleEndian.PutUint32(b, chunkSum(key, b))
}

// decodeChunk checks a row and points into it.
func decodeChunk(key, b []byte) (chunk, error) {
	num, first, err := splitChunkKey(key)
	if err != nil {
		return chunk{}, err
	}
	where := func() string { return chunkName(num, first) }
	if len(b) < chunkHeader+event.HeaderBytes {
		return chunk{}, mismatch(where(), "a header and a record", fmt.Sprintf("%d bytes", len(b)))
	}
	if got, want := chunkSum(key, b), binary.LittleEndian.Uint32(b); got != want && !sabotage.NoChecksum {
		return chunk{}, mismatch(where(), fmt.Sprintf("checksum %08x", want), fmt.Sprintf("%08x", got))
	}
	count, at := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	if at != first || count == 0 || uint64(count) > uint64(len(b)/event.HeaderBytes) || first > maxSize {
		return chunk{}, mismatch(where(), "a possible header", fmt.Sprintf("%d records from %d in %d bytes", count, at, len(b)))
	}
	return chunk{num, first, int(count), b[chunkHeader:]}, nil
}

// skip returns how many bytes the first n of the records take.
func (c *chunk) skip(n int) (int, error) {
	off := 0
	for i := range n {
		size, err := event.RecordLen(c.records[off:])
		if err != nil || size > len(c.records)-off {
			return 0, mismatch(chunkName(c.num, c.first), fmt.Sprintf("%d records", c.count), fmt.Sprintf("record %d beyond the end", i))
		}
		off += size
	}
	return off, nil
}

// cut returns the part of the chunk in [from, to), which must not be empty.
func (c *chunk) cut(from, to uint64) (chunk, error) {
	part := *c
	if to < part.end() {
		n, err := part.skip(int(to - part.first))
		if err != nil {
			return chunk{}, err
		}
		part.count, part.records = int(to-part.first), part.records[:n]
	}
	if from > part.first {
		n, err := part.skip(int(from - part.first))
		if err != nil {
			return chunk{}, err
		}
		part.first, part.count, part.records = from, int(part.end()-from), part.records[n:]
	}
	return part, nil
}

// nextChunk measures the records that go into the next chunk.
func nextChunk(records []byte) (bytes, count int, err error) {
	for bytes < len(records) {
		n, err := event.RecordLen(records[bytes:])
		switch {
		case err != nil:
			return 0, 0, fmt.Errorf("%w: record %d: %w", ErrInvalid, count, err)
		case n > len(records)-bytes:
			return 0, 0, invalid("record %d of %d bytes, %d left", count, n, len(records)-bytes)
		case count > 0 && bytes+n > maxChunkBytes-chunkHeader:
			return bytes, count, nil
		}
		bytes += n
		count++
	}
	return bytes, count, nil
}

func chunkSum(key, b []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, b[4:])
}

func chunkName(num uint32, first uint64) string {
	return fmt.Sprintf("log %d chunk at sequence %d", num, first)
}
