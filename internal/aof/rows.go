// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The databases and their rows. Numbers in keys are big-endian, so that the
// order of keys is theirs; numbers in values are little-endian. Every value but
// those of log ids, which are checked against the row they lead to, begins with
// a CRC-32C that also covers its key.
//
//	events  log number (u32) | first sequence (u64)  ->  chunk (chunk.go)
//	logs    log number (u32)                         ->  log row (logrow.go)
//	logids  log id (32 bytes)                        ->  log number (u32)
//	format  "aof"                                    ->  crc32c | version (u32) | check of the store's key (8), from version 3
//	topics, peers, cursors, meta: the caller's key   ->  crc32c | the caller's value, sealed if it is a secret (sealed.go)
//	ranges: the caller's key, and larger values      ->  crc32c | the caller's value
//
// Log rows are keyed by number, not by id: they then lie in order of creation
// and fill their pages, while random ids leave them a third empty.
const (
	dbEvents = iota
	dbLogs
	dbLogIDs
	dbFormat
	dbTopics
	dbPeers
	dbCursors
	dbMeta
	dbRanges
	dbIDs
	numDBs
)

var dbNames = [numDBs]string{"events", "logs", "logids", "format", "topics", "peers", "cursors", "meta", "ranges", "ids"}

// A Bucket is a database of small rows whose content is the caller's.
type Bucket uint8

// The buckets.
const (
	Topics  Bucket = dbTopics
	Peers   Bucket = dbPeers
	Cursors Bucket = dbCursors
	Meta    Bucket = dbMeta
	Ranges  Bucket = dbRanges // large rows, which are not read when the store is opened
	IDs     Bucket = dbIDs    // any number of rows, likewise
)

const (
	// MaxKeyBytes is the longest key of a small row.
	MaxKeyBytes = 511
	// MaxValueBytes is the longest value of a small row.
	MaxValueBytes = 1 << 20
	// MaxRangeBytes is the longest value of a row in Ranges: a record of the
	// largest size and what proves it.
	MaxRangeBytes = 17 << 20

	rowHeader = 4
)

var formatKey = []byte("aof")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (b Bucket) valid() bool { return b >= dbTopics && b < numDBs }

func (b Bucket) check(key []byte) error {
	switch {
	case !b.valid():
		return invalid("bucket %d", b)
	case len(key) == 0 || len(key) > MaxKeyBytes:
		return invalid("key of %d bytes, want 1 to %d", len(key), MaxKeyBytes)
	}
	return nil
}

// maxValue is the longest value of a row.
func (b Bucket) maxValue() int {
	if b == Ranges {
		return MaxRangeBytes
	}
	return MaxValueBytes
}

// String returns the bucket's name.
func (b Bucket) String() string {
	if !b.valid() {
		return fmt.Sprintf("bucket %d", uint8(b))
	}
	return dbNames[b]
}

// sealRow puts the checksum before a value; a value moved to another key or database is seen.
func sealRow(db int, key, value []byte) []byte {
	row := make([]byte, rowHeader, rowHeader+len(value))
	binary.LittleEndian.PutUint32(row, rowSum(db, key, value))
	return append(row, value...)
}

// openRow returns the value in a row; it points into it.
func openRow(b Bucket, key, row []byte) ([]byte, error) {
	if len(row) < rowHeader {
		return nil, mismatch(rowName(b, key), "a checksum", fmt.Sprintf("%d bytes", len(row)))
	}
	value := row[rowHeader:]
	got, want := rowSum(int(b), key, value), binary.LittleEndian.Uint32(row)
	if got != want {
		return nil, mismatch(rowName(b, key), fmt.Sprintf("checksum %08x", want), fmt.Sprintf("%08x", got))
	}
	return value, nil
}

func rowSum(db int, key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{byte(db)})
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

func rowName(b Bucket, key []byte) string { return fmt.Sprintf("%s row %x", dbNames[b], key) }

func numKey(num uint32) (k [4]byte) {
	binary.BigEndian.PutUint32(k[:], num)
	return k
}

func decodeNum(b []byte) (uint32, error) {
	if len(b) != 4 {
		return 0, mismatch("log id row", "4 bytes", fmt.Sprintf("%d", len(b)))
	}
	return binary.LittleEndian.Uint32(b), nil
}
