// SPDX-License-Identifier: MPL-2.0

package store

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/messages"
	"github.com/xaeroflux/xaeroflux/proof"
	"github.com/xaeroflux/xaeroflux/syncer"
)

// A range row is events of a log from beyond its prefix, proven by themselves
// (docs/format.md). Its key says which, so that what is held is known from the
// keys; numbers in keys are big-endian.
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
const (
	rangeVersion  = 1
	rangeKeyBytes = digest.Size + 16
	rangeHeader   = 108
)

const _ = uint(aof.MaxRangeBytes - rangeHeader - (messages.MaxHashes+messages.MaxRight)*digest.Size - event.MaxRecord) // any event fits

func rangeKey(log digest.Hash, s syncer.Span) []byte {
	k := append(make([]byte, 0, rangeKeyBytes), log[:]...)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(k, s.First), s.End)
}

func splitRangeKey(k []byte) (log digest.Hash, s syncer.Span, err error) {
	if len(k) == rangeKeyBytes {
		log = digest.Hash(k[:digest.Size])
		s = syncer.Span{First: binary.BigEndian.Uint64(k[32:]), End: binary.BigEndian.Uint64(k[40:])}
	}
	if s.First >= s.End || s.End > messages.MaxCount {
		return log, s, &CorruptError{Where: "aof, ranges", What: fmt.Sprintf("the key %x", k)}
	}
	return log, s, nil
}

// encodeRange returns the row of a range.
func encodeRange(r *syncer.Range) []byte {
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

// decodeRange reads a row; the range is r's Info's and shares b. Whether it is
// proven is not looked at.
func decodeRange(info syncer.LogInfo, s syncer.Span, b []byte) (*syncer.Range, error) {
	bad := func(format string, args ...any) (*syncer.Range, error) {
		return nil, &CorruptError{Where: rangeName(info.Log, s), What: fmt.Sprintf(format, args...)}
	}
	head, ok := rangeHead(info.Log, b)
	switch {
	case !ok:
		return bad("a row of %d bytes", len(b))
	case b[0] != rangeVersion || b[3] != 0:
		return bad("version %d, flags %d", b[0], b[3])
	}
	r := &syncer.Range{Info: info, First: s.First, Head: head}
	left, right := int(b[1]), int(b[2])
	if left != merkleindex.RangeLen(0, s.First) || right != merkleindex.RangeLen(s.End, head.Size) || head.Size < s.End || len(b) < rangeHeader+(left+right)*digest.Size {
		return bad("%d and %d hashes in %d bytes, of a head at %d", left, right, len(b), head.Size)
	}
	rest := b[rangeHeader:]
	r.Left, rest = takeHashes(rest, left)
	r.Right, rest = takeHashes(rest, right)
	r.Records = rest
	for len(rest) > 0 {
		rec, n, err := event.DecodeRecord(rest)
		if err != nil {
			return bad("record %d: %v", r.Count, err)
		}
		r.Leaves = append(r.Leaves, rec.LeafHash())
		r.Count++
		rest = rest[n:]
	}
	if uint64(r.Count) != s.End-s.First {
		return bad("%d records", r.Count)
	}
	return r, nil
}

// rangeHead reads the head of a row.
func rangeHead(log digest.Hash, b []byte) (h proof.Head, ok bool) {
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

func rangeName(log digest.Hash, s syncer.Span) string {
	return fmt.Sprintf("the range [%d, %d) of log %s", s.First, s.End, log)
}
