// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/proof"
)

// MaxRight is the most hashes LogRow.Right can hold: no compact range is longer.
const MaxRight = 128

// A LogRow is the state of one log.
type LogRow struct {
	ID     digest.Hash
	Topic  digest.Hash
	Author [32]byte // Ed25519 public key
	Kind   identity.LogKind
	Number uint64 // which of its author's logs of that kind it is
	// Num names the log in this store. It is 0 in a row that was never stored;
	// PutLog assigns it.
	Num       uint32
	PageBytes uint32 // a power of two
	Own       bool   // this store holds the author's key
	Frozen    bool   // forked: takes no more events
	// Closed is why the log ends at Size: the record there breaks a rule. 0 is
	// that it does not.
	Closed event.Reason

	Size     uint64 // events held: those of sealed pages and those in the AOF
	LastTime int64  // of the last event held, milliseconds since 1970; 0 if there is none

	// The pages [0, SealedPages) hold the events [0, SealedSize). They are in synced
	// files with their trees; the AOF holds [SealedSize, Size).
	SealedPages uint64
	SealedSize  uint64

	// The latest head signed by the author that is known; HeadSize 0 is none. It
	// is at least Size for the logs of others, and may lag behind for an own one.
	HeadSize uint64
	HeadRoot digest.Hash
	HeadSig  [64]byte
	// Right is the compact range [Size, HeadSize): it proves the events held.
	Right []digest.Hash

	HighWater uint64 // of an own log: the largest size ever signed
}

// NewLogRow returns the row of a log that holds nothing yet.
func NewLogRow(n identity.LogName, own bool) LogRow {
	return LogRow{
		ID: n.ID(), Topic: n.Topic, Author: n.Author, Kind: n.Kind, Number: n.Number, PageBytes: n.PageBytes, Own: own,
	}
}

// Name returns what the log's id follows from.
func (r *LogRow) Name() identity.LogName {
	return identity.LogName{Topic: r.Topic, Author: r.Author, PageBytes: r.PageBytes, Kind: r.Kind, Number: r.Number}
}

// Head returns the newest head that is stored of the log.
func (r *LogRow) Head() proof.Head {
	return proof.Head{Log: r.ID, Size: r.HeadSize, Root: r.HeadRoot, Sig: r.HeadSig}
}

// The row of a log. Its length changes only with Right and when the first page
// is sealed, so that a full LMDB page of rows seldom splits.
//
//	offset  bytes  field
//	     0      4  CRC-32C over the key and all that follows
//	     4      1  version, 2
//	     5      1  flags: 1 own, 2 frozen, 4 sealed fields present, 8 high water present, 32 kind and number present
//	     6      1  log2 of the page size
//	     7     32  log id
//	    39     32  topic
//	    71     32  author
//	   103      6  size
//	   109      6  head size
//	   115     32  head root
//	   147     64  head signature
//	   211      1  number n of right hashes
//	   212      6  time of the last event, milliseconds since 1970
//	   218      1  why the log is closed (event.Reason), 0 if it is not
//	   219   6, 6  sealed pages, sealed size   (if flagged)
//	          6    high water                  (if flagged)
//	       1, 8    kind, number                (if flagged; else both are 0)
//	         32n   right
const (
	logRowVersion = 2
	logRowFixed   = 219

	flagOwn       = 1
	flagFrozen    = 2
	flagSealed    = 4
	flagHighWater = 8
	flagNumbered  = 32

	maxSize = MaxSize
)

// MaxSize is the largest size or sequence of a log that a store can hold.
const MaxSize = 1<<48 - 1

// flags says which optional fields a row has.
func (r *LogRow) flags() (f byte) {
	if r.Own {
		f |= flagOwn
	}
	if r.Frozen {
		f |= flagFrozen
	}
	if r.SealedPages != 0 || r.SealedSize != 0 {
		f |= flagSealed
	}
	if r.Own || r.HighWater != 0 {
		f |= flagHighWater
	}
	if r.Kind != 0 || r.Number != 0 {
		f |= flagNumbered
	}
	return f
}

// flaw returns what makes the row impossible, or "".
func (r *LogRow) flaw() string {
	switch {
	case bits.OnesCount32(r.PageBytes) != 1:
		return fmt.Sprintf("page size %d is no power of two", r.PageBytes)
	case max(r.Size, r.SealedPages, r.HeadSize, r.HighWater) > maxSize:
		return fmt.Sprintf("a size above %d", uint64(maxSize))
	case r.LastTime < 0 || r.LastTime > event.MaxTime || r.Size == 0 && r.LastTime != 0:
		return fmt.Sprintf("time %d ms of the last of %d events", r.LastTime, r.Size)
	case r.Closed != 0 && !r.Closed.Known():
		return fmt.Sprintf("closed for %s", r.Closed)
	case r.SealedSize > r.Size:
		return fmt.Sprintf("%d events sealed of %d", r.SealedSize, r.Size)
	case (r.SealedPages == 0) != (r.SealedSize == 0):
		return fmt.Sprintf("%d events in %d sealed pages", r.SealedSize, r.SealedPages)
	case !r.Own && r.HeadSize < r.Size:
		return fmt.Sprintf("%d events held under a head of %d", r.Size, r.HeadSize)
	case len(r.Right) > MaxRight:
		return fmt.Sprintf("%d right hashes, at most %d", len(r.Right), MaxRight)
	case len(r.Right) > 0 && r.HeadSize <= r.Size:
		return fmt.Sprintf("%d right hashes of an empty range", len(r.Right))
	}
	return ""
}

func encodeLogRow(r *LogRow) []byte {
	f := r.flags()
	b := make([]byte, 4, logRowFixed+27+len(r.Right)*digest.Size)
	b = append(b, logRowVersion, f, byte(bits.TrailingZeros32(r.PageBytes)))
	b = append(b, r.ID[:]...)
	b = append(b, r.Topic[:]...)
	b = append(b, r.Author[:]...)
	b = appendSize(b, r.Size)
	b = appendSize(b, r.HeadSize)
	b = append(b, r.HeadRoot[:]...)
	b = append(b, r.HeadSig[:]...)
	b = append(b, byte(len(r.Right)))
	b = append(appendSize(b, uint64(r.LastTime)), byte(r.Closed))
	if f&flagSealed != 0 {
		b = appendSize(appendSize(b, r.SealedPages), r.SealedSize)
	}
	if f&flagHighWater != 0 {
		b = appendSize(b, r.HighWater)
	}
	if f&flagNumbered != 0 {
		b = binary.LittleEndian.AppendUint64(append(b, byte(r.Kind)), r.Number)
	}
	for i := range r.Right {
		b = append(b, r.Right[i][:]...)
	}
	key := numKey(r.Num)
	binary.LittleEndian.PutUint32(b, logRowSum(key[:], b))
	return b
}

// decodeLogRow copies all it returns.
func decodeLogRow(key, b []byte) (LogRow, error) {
	if len(key) != 4 {
		return LogRow{}, mismatch("log row", "a key of 4 bytes", fmt.Sprintf("%d", len(key)))
	}
	num := binary.BigEndian.Uint32(key)
	corrupt := func(want, format string, args ...any) (LogRow, error) {
		return LogRow{}, mismatch(fmt.Sprintf("log row %d", num), want, fmt.Sprintf(format, args...))
	}
	if len(b) < logRowFixed {
		return corrupt(fmt.Sprintf("at least %d bytes", logRowFixed), "%d", len(b))
	}
	if got, want := logRowSum(key, b), binary.LittleEndian.Uint32(b); got != want {
		return corrupt(fmt.Sprintf("checksum %08x", want), "%08x", got)
	}
	if b[4] != logRowVersion {
		return corrupt(fmt.Sprintf("version %d", logRowVersion), "%d", b[4])
	}
	f, n := b[5], int(b[211])
	if want := logRowLen(f, n); len(b) != want {
		return corrupt(fmt.Sprintf("%d bytes", want), "%d", len(b))
	}
	r := decodeFields(b, f, n)
	r.Num = num
	if flaw := r.flaw(); flaw != "" || r.flags() != f {
		return corrupt("a possible row", "%s (flags %#x)", flaw, f)
	}
	return r, nil
}

func decodeFields(b []byte, f byte, n int) LogRow {
	r := LogRow{
		PageBytes: 1 << b[6],
		Own:       f&flagOwn != 0,
		Frozen:    f&flagFrozen != 0,
		ID:        digest.Hash(b[7:39]),
		Topic:     digest.Hash(b[39:71]),
		Author:    [32]byte(b[71:103]),
		Size:      sizeAt(b[103:]),
		HeadSize:  sizeAt(b[109:]),
		HeadRoot:  digest.Hash(b[115:147]),
		HeadSig:   [64]byte(b[147:211]),
		LastTime:  int64(sizeAt(b[212:])),
		Closed:    event.Reason(b[218]),
	}
	b = b[logRowFixed:]
	if f&flagSealed != 0 {
		r.SealedPages, r.SealedSize, b = sizeAt(b), sizeAt(b[6:]), b[12:]
	}
	if f&flagHighWater != 0 {
		r.HighWater, b = sizeAt(b), b[6:]
	}
	if f&flagNumbered != 0 {
		r.Kind, r.Number, b = identity.LogKind(b[0]), binary.LittleEndian.Uint64(b[1:]), b[9:]
	}
	for i := range n {
		r.Right = append(r.Right, digest.Hash(b[i*digest.Size:]))
	}
	return r
}

func logRowLen(f byte, right int) int {
	n := logRowFixed + right*digest.Size
	if f&flagSealed != 0 {
		n += 12
	}
	if f&flagHighWater != 0 {
		n += 6
	}
	if f&flagNumbered != 0 {
		n += 9
	}
	return n
}

func logRowSum(key, b []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, b[4:])
}

func appendSize(b []byte, v uint64) []byte {
	return append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40))
}

func sizeAt(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}
