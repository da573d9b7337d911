// SPDX-License-Identifier: MPL-2.0

package event

import (
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A record is an event as bytes. It is the same in the AOF, in a page and on
// the wire:
//
//	offset  bytes  field
//	     0      4  bits 0-24 payload length; bits 25-31 flags (little-endian uint32)
//	     4      2  bits 0-5 type length; bits 6-15 key length (little-endian uint16)
//	     6      6  time, milliseconds since 1970 (little-endian uint48)
//	    12      t  type
//	  12+t      k  key
//	12+t+k      p  payload, or 32 bytes of its SHA-256 where FlagErased is set
//
// Its leaf data, which the tree hashes, holds the payload's hash in place of
// the payload, so that a payload can be erased and every proof still verifies:
//
//	offset  bytes  field
//	     0      1  leaf version, 1
//	     1      1  flags that are hashed (all but FlagErased)
//	     2      2  type and key length, as above
//	     4      4  payload length (little-endian uint32)
//	     8      8  time, milliseconds since 1970 (little-endian uint64)
//	    16     32  SHA-256 of the payload
//	    48      t  type
//	  48+t      k  key
//
// A sequence is in neither: the place of a leaf in the tree is its sequence.
const (
	HeaderBytes     = 12
	LeafHeaderBytes = 48
	leafVersion     = 1

	MaxType    = 63       // bytes of a type
	MaxKey     = 1023     // bytes of a key
	MaxPayload = 16 << 20 // bytes of a payload
	// MaxRecord is the longest record there can be.
	MaxRecord = HeaderBytes + MaxType + MaxKey + MaxPayload

	maxTime = 1<<48 - 1
)

// Flags of a record. A record with any other flag set is refused.
const (
	FlagErased        = 1 << 0 // the payload is gone, its hash stands in its place; never hashed
	FlagSealedPayload = 1 << 1 // the payload is ciphertext
	FlagSealedHeader  = 1 << 2 // type and key are ciphertext

	knownFlags = FlagErased | FlagSealedPayload | FlagSealedHeader
)

// A Record is a decoded view of record bytes; its slices point into them and
// live as long as they do.
type Record struct {
	Flags   uint8
	Time    int64 // milliseconds since 1970
	Type    []byte
	Key     []byte
	Payload []byte // empty where erased

	payloadBytes int         // as appended, also when erased
	erasedHash   digest.Hash // of the erased payload
}

// AppendRecord appends the record of e at time ms (milliseconds since 1970)
// to dst. Flags may say what is sealed. The error is ErrTooLarge, ErrTime or
// ErrFlags, and dst is as it was.
func AppendRecord(dst []byte, e Event, ms int64, flags uint8) ([]byte, error) {
	if err := e.check(ms, flags); err != nil {
		return dst, err
	}
	var h [HeaderBytes]byte
	putHeader(&h, len(e.Payload), flags, len(e.Type), len(e.Key), ms)
	dst = append(dst, h[:]...)
	dst = append(dst, e.Type...)
	dst = append(dst, e.Key...)
	return append(dst, e.Payload...), nil
}

// check returns why e at time ms cannot be a record.
func (e *Event) check(ms int64, flags uint8) error {
	if err := e.validate(); err != nil {
		return err
	}
	if flags&^(FlagSealedPayload|FlagSealedHeader) != 0 {
		return fmt.Errorf("%w: %#x", ErrFlags, flags)
	}
	if ms < 0 || ms > maxTime {
		return fmt.Errorf("%w: %d ms", ErrTime, ms)
	}
	return nil
}

func putHeader(h *[HeaderBytes]byte, payloadBytes int, flags uint8, typeLen, keyLen int, ms int64) {
	binary.LittleEndian.PutUint32(h[0:], uint32(payloadBytes)|uint32(flags)<<25)
	binary.LittleEndian.PutUint16(h[4:], lengths(typeLen, keyLen))
	putUint48(h[6:], uint64(ms))
}

// RecordLen returns the length in bytes of the record that b begins with,
// looking at its header only; the record itself may reach past b.
func RecordLen(b []byte) (int, error) {
	if len(b) < HeaderBytes {
		return 0, fmt.Errorf("%w: %d bytes, want a header of %d", ErrRecord, len(b), HeaderBytes)
	}
	word := binary.LittleEndian.Uint32(b)
	flags, payload := uint8(word>>25), int(word&(1<<25-1))
	if flags&^knownFlags != 0 {
		return 0, fmt.Errorf("%w: unknown flags %#x", ErrRecord, flags)
	}
	if payload > MaxPayload {
		return 0, fmt.Errorf("%w: payload of %d bytes, limit %d", ErrRecord, payload, MaxPayload)
	}
	if flags&FlagErased != 0 {
		payload = digest.Size
	}
	lens := binary.LittleEndian.Uint16(b[4:])
	return HeaderBytes + int(lens&63) + int(lens>>6) + payload, nil
}

// SkipRecords cuts the first n records, which lie back to back, off b.
func SkipRecords(b []byte, n uint64) ([]byte, error) {
	for ; n > 0; n-- {
		if len(b) >= HeaderBytes { // nearly all records have no flags
			payload, lens := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
			if length := HeaderBytes + int(lens&63) + int(lens>>6) + int(payload); payload <= MaxPayload && length <= len(b) {
				b = b[length:]
				continue
			}
		}
		length, err := RecordLen(b)
		if err != nil {
			return nil, err
		}
		if length > len(b) {
			return nil, fmt.Errorf("%w: %d bytes left of %d", ErrRecord, len(b), length)
		}
		b = b[length:]
	}
	return b, nil
}

// DecodeRecord decodes the record at the start of b and returns its length.
func DecodeRecord(b []byte) (Record, int, error) {
	n, err := RecordLen(b)
	if err != nil {
		return Record{}, 0, err
	}
	if n > len(b) {
		return Record{}, 0, fmt.Errorf("%w: %d bytes left of %d", ErrRecord, len(b), n)
	}
	word := binary.LittleEndian.Uint32(b)
	lens := binary.LittleEndian.Uint16(b[4:])
	key := HeaderBytes + int(lens&63)
	payload := key + int(lens>>6)
	r := Record{
		Flags:        uint8(word >> 25),
		Time:         int64(uint48(b[6:])),
		Type:         b[HeaderBytes:key:key],
		Key:          b[key:payload:payload],
		payloadBytes: int(word & (1<<25 - 1)),
	}
	if r.Erased() {
		r.erasedHash = digest.Hash(b[payload:n])
	} else {
		r.Payload = b[payload:n:n]
	}
	return r, n, nil
}

// Erased reports whether the payload is gone.
func (r *Record) Erased() bool { return r.Flags&FlagErased != 0 }

// PayloadLen is the payload's length in bytes as it was appended.
func (r *Record) PayloadLen() int { return r.payloadBytes }

// PayloadHash returns the SHA-256 of the payload as it was appended.
func (r *Record) PayloadHash() digest.Hash {
	if r.Erased() {
		return r.erasedHash
	}
	return digest.Sum(r.Payload)
}

// AppendErased appends the record with its payload's hash in place of the
// payload to dst. It has the same leaf data, and so the same hash, as r.
func (r *Record) AppendErased(dst []byte) []byte {
	var h [HeaderBytes]byte
	hash := r.PayloadHash()
	putHeader(&h, r.payloadBytes, r.Flags|FlagErased, len(r.Type), len(r.Key), r.Time)
	dst = append(dst, h[:]...)
	dst = append(dst, r.Type...)
	dst = append(dst, r.Key...)
	return append(dst, hash[:]...)
}

// AppendLeaf appends the record's leaf data to dst.
func (r *Record) AppendLeaf(dst []byte) []byte {
	return r.appendLeaf(dst, r.PayloadHash())
}

func (r *Record) appendLeaf(dst []byte, hash digest.Hash) []byte {
	dst = appendLeafHeader(dst, r.Flags&^FlagErased, lengths(len(r.Type), len(r.Key)), r.payloadBytes, r.Time, hash)
	dst = append(dst, r.Type...)
	return append(dst, r.Key...)
}

// shortLeaf is the room on the stack for leaf data; longer ones are allocated.
const shortLeaf = LeafHeaderBytes + 128

// LeafHash returns the RFC 6962 hash of the record's leaf data.
func (r *Record) LeafHash() digest.Hash {
	h := digest.Borrow()
	defer h.Return()
	var b [shortLeaf]byte
	hash := r.erasedHash
	if !r.Erased() {
		hash = h.Sum(r.Payload)
	}
	return h.Leaf(r.appendLeaf(b[:0], hash))
}

// LeafHash returns the leaf hash that e's record will have at time ms with the
// given flags. The errors are AppendRecord's.
func (e *Event) LeafHash(ms int64, flags uint8) (digest.Hash, error) {
	if err := e.check(ms, flags); err != nil {
		return digest.Hash{}, err
	}
	h := digest.Borrow()
	defer h.Return()
	var b [shortLeaf]byte
	leaf := appendLeafHeader(b[:0], flags, lengths(len(e.Type), len(e.Key)), len(e.Payload), ms, h.Sum(e.Payload))
	leaf = append(leaf, e.Type...)
	return h.Leaf(append(leaf, e.Key...)), nil
}

func appendLeafHeader(dst []byte, flags uint8, lens uint16, payloadBytes int, ms int64, hash digest.Hash) []byte {
	var h [LeafHeaderBytes]byte
	h[0] = leafVersion
	h[1] = flags
	binary.LittleEndian.PutUint16(h[2:], lens)
	binary.LittleEndian.PutUint32(h[4:], uint32(payloadBytes))
	binary.LittleEndian.PutUint64(h[8:], uint64(ms))
	copy(h[16:], hash[:])
	return append(dst, h[:]...)
}

func lengths(typeLen, keyLen int) uint16 { return uint16(typeLen) | uint16(keyLen)<<6 }

func putUint48(b []byte, v uint64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	binary.LittleEndian.PutUint16(b[4:], uint16(v>>32))
}

func uint48(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}
