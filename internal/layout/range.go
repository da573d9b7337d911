// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
)

// A RangeKey names events [First, End) of a log.
type RangeKey struct {
	Log        digest.Hash
	First, End uint64
}

// String names the range for people.
func (k RangeKey) String() string {
	return fmt.Sprintf("the range [%d, %d) of log %s", k.First, k.End, k.Log)
}

// A Range is events of a log from beyond its prefix, with what proves them.
type Range struct {
	Head        proof.Head
	Left, Right []digest.Hash // compact ranges [0, First) and [End, Head.Size)
	Records     []byte        // back to back
	Leaves      []digest.Hash // of the records; not stored
}

// Ranges are the rows of ranges. The key says which events they are, so that
// what is held is known from the keys; numbers in keys are big-endian.
//
//	key    log id (32) | first sequence u64 | sequence after the last u64
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1      1  left hashes, at most 64
//	     2      1  right hashes, at most 128
//	     3      1  0
//	     4      8  head size
//	    12     32  head root
//	    44     64  head signature
//	   108         left: the compact range [0, first)
//	               right: the compact range from the end to the head's size
//	               records, back to back
var Ranges = newTable(
	Kind{Name: "a range", Bucket: bucketRanges, Salvage: GiveUp, Loss: "events beyond a gap are not here any more"},
	codec[RangeKey, *Range]{key: rangeKey, value: rangeRow, parseKey: parseRangeKey, parseValue: parseRange})

const (
	rangeVersion  = 1
	rangeKeyBytes = digest.Size + 16
	rangeHeader   = 108

	// MaxRangeBytes is the longest row that is made of a single record.
	MaxRangeBytes = rangeHeader + (messages.MaxHashes+messages.MaxRight)*digest.Size + event.MaxRecord
)

func rangeKey(k RangeKey) []byte {
	b := append(make([]byte, 0, rangeKeyBytes), k.Log[:]...)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, k.First), k.End)
}

func parseRangeKey(b []byte) (k RangeKey, err error) {
	if err := exactly(b, rangeKeyBytes); err != nil {
		return k, err
	}
	k = RangeKey{digest.Hash(b[:32]), binary.BigEndian.Uint64(b[32:]), binary.BigEndian.Uint64(b[40:])}
	if k.First >= k.End || k.End > messages.MaxCount {
		return k, fmt.Errorf("events %d to %d", k.First, k.End)
	}
	return k, nil
}

func rangeRow(r *Range) []byte {
	b := make([]byte, 0, rangeHeader+(len(r.Left)+len(r.Right))*digest.Size+len(r.Records))
	b = append(b, rangeVersion, byte(len(r.Left)), byte(len(r.Right)), 0)
	b = binary.LittleEndian.AppendUint64(b, r.Head.Size)
	b = append(append(b, r.Head.Root[:]...), r.Head.Sig[:]...)
	for _, hashes := range [][]digest.Hash{r.Left, r.Right} {
		for _, h := range hashes {
			b = append(b, h[:]...)
		}
	}
	return append(b, r.Records...)
}

// parseRange does not look whether the range is proven.
func parseRange(k RangeKey, b []byte) (*Range, error) {
	head, ok := RangeHead(k.Log, b)
	switch {
	case !ok:
		return nil, fmt.Errorf("a row of %d bytes", len(b))
	case b[0] != rangeVersion || b[3] != 0:
		return nil, fmt.Errorf("version %d, flags %d", b[0], b[3])
	}
	left, right := int(b[1]), int(b[2])
	if left != merkleindex.RangeLen(0, k.First) || head.Size < k.End || right != merkleindex.RangeLen(k.End, head.Size) || len(b) < rangeHeader+(left+right)*digest.Size {
		return nil, fmt.Errorf("%d and %d hashes in %d bytes, of a head at %d", left, right, len(b), head.Size)
	}
	r := &Range{Head: head}
	r.Left, b = takeHashes(b[rangeHeader:], left)
	r.Right, r.Records = takeHashes(b, right)
	for rest := r.Records; len(rest) > 0; {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", len(r.Leaves), err)
		}
		r.Leaves, rest = append(r.Leaves, rec.LeafHash()), rest[n:]
	}
	if n := uint64(len(r.Leaves)); n != k.End-k.First {
		return nil, errors.New(fmt.Sprint(n, " records"))
	}
	return r, nil
}

// RangeHead reads the head of a row and nothing else of it.
func RangeHead(log digest.Hash, b []byte) (h proof.Head, ok bool) {
	if len(b) < rangeHeader {
		return h, false
	}
	h = proof.Head{Log: log, Size: binary.LittleEndian.Uint64(b[4:]), Root: digest.Hash(b[12:44])}
	copy(h.Sig[:], b[44:])
	return h, true
}

func takeHashes(b []byte, n int) (hs []digest.Hash, rest []byte) {
	for ; n > 0; n-- {
		hs, b = append(hs, digest.Hash(b[:digest.Size])), b[digest.Size:]
	}
	return hs, b
}
