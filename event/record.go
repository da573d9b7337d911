// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A record is an event as bytes. It is the same in the AOF, in a page and on
// the wire:
//
//	offset   bytes  field
//	     0       4  bits 0-24 payload length; bits 25-31 flags (little-endian uint32)
//	     4       2  bits 0-5 type length; bits 6-15 key length (little-endian uint16)
//	     6       6  time, milliseconds since 1970 (little-endian uint48)
//	    12       x  with FlagRefs: number of refs r (1), then r refs (ref.go)
//	  12+x       i  with FlagID: 16 bytes
//	12+x+i       t  type
//	     …       k  key
//	     …       p  payload, or 32 bytes of its SHA-256 where FlagErased is set
//
// Without flags x and i are 0. Its leaf data, which the tree hashes, holds the
// payload's hash in place of the payload, so that a payload can be erased and
// every proof still verifies:
//
//	offset   bytes  field
//	     0       1  leaf version, 1
//	     1       1  flags that are hashed (all but FlagErased)
//	     2       2  type and key length, as above
//	     4       4  payload length (little-endian uint32)
//	     8       6  time, milliseconds since 1970 (little-endian uint48)
//	    14       1  number of refs r; 0 without FlagRefs
//	    15       1  0
//	    16      32  SHA-256 of the payload
//	    48       t  type
//	  48+t       k  key
//	48+t+k     x-1  with FlagRefs: the refs
//	     …       i  with FlagID: 16 bytes
//
// A sequence is in neither: the place of a leaf in the tree is its sequence.
//
// Decoding is mechanical. It takes any flags, from 0 to 255 refs in any order,
// and whatever else has a length and a leaf; what such a record does to the log
// that it is in is for Rules.Judge to say. Bytes that do not decode have no
// leaf, so no log has them and the peer that sent them is refused.
const (
	HeaderBytes     = 12
	LeafHeaderBytes = 48
	leafVersion     = 1

	IDBytes   = 16 // of an event id
	SaltBytes = 16 // that a salted payload begins with

	MaxType    = 63       // bytes of a type
	MaxKey     = 1023     // bytes of a key
	MaxPayload = 16 << 20 // bytes of a payload
	// MaxSealed is the longest payload of any record, which a sealed one is: 36
	// bytes of epoch id, nonce and tag around a plaintext of MaxPayload bytes and
	// its type, key, refs and id, padded to the next multiple of 2^19 as Padmé
	// does from 2^24 bytes on.
	MaxSealed = MaxPayload + 1<<19 + 36
	// MaxPrefix is so many bytes of a record as RecordLen needs at most.
	MaxPrefix = HeaderBytes + 1 + 255*maxRefBytes
	// MaxRecord is the longest record that decodes.
	MaxRecord = MaxPrefix + IDBytes + MaxType + MaxKey + MaxSealed

	// MaxTime is the latest time of a record, in milliseconds since 1970.
	MaxTime = 1<<48 - 1
)

// Flags of a record.
const (
	FlagErased        = 1 << 0 // the payload is gone, its hash stands in its place; never hashed
	FlagSealedPayload = 1 << 1 // the payload is ciphertext
	FlagSealedHeader  = 1 << 2 // type and key are in the ciphertext, and empty outside of it
	FlagRefs          = 1 << 3 // refs follow the header
	FlagID            = 1 << 4 // an event id follows the refs
	FlagSalted        = 1 << 5 // the payload begins with a salt
	FlagUnknown       = 1 << 6 // of no meaning: it closes a log

	extraFlags = FlagRefs | FlagID

	// Of the first word of a record: its payload's length, and the flags of which nearly
	// all records have none, plain or sealed.
	lengthBits = 1<<25 - 1
	rareBits   = (FlagErased | extraFlags) << 25
)

// payloadLimit is the longest payload that a record with these flags may have.
func payloadLimit(flags uint8) int {
	switch {
	case flags&FlagSealedPayload != 0:
		return MaxSealed
	case flags&FlagSalted != 0:
		return SaltBytes + MaxPayload
	}
	return MaxPayload
}

// A Record is a decoded view of record bytes; its slices point into them and
// live as long as they do.
type Record struct {
	Flags   uint8
	Time    int64 // milliseconds since 1970
	Type    []byte
	Key     []byte
	Payload []byte // as it is hashed, with its salt; empty if erased

	extra        []byte      // what is between header and type: refs with their number, id
	payloadBytes int         // as appended, also when erased
	erasedHash   digest.Hash // of the erased payload
}

// AppendRecord appends the record of e at time ms (milliseconds since 1970)
// to dst. Flags may say what is sealed, and that the payload begins with a salt;
// those of refs and id follow from e. The error is ErrTooLarge, ErrTime,
// ErrFlags or ErrRefs, and dst is as it was.
func AppendRecord(dst []byte, e Event, ms int64, flags uint8) ([]byte, error) {
	if err := e.check(ms, flags); err != nil {
		return dst, err
	}
	more := e.flags()
	var h [HeaderBytes]byte
	putHeader(&h, len(e.Payload), flags|more, len(e.Type), len(e.Key), ms)
	dst = append(dst, h[:]...)
	if more != 0 {
		dst = e.appendExtra(dst)
	}
	dst = append(dst, e.Type...)
	dst = append(dst, e.Key...)
	return append(dst, e.Payload...), nil
}

// SetTime writes another time into the record that b begins with. It must be
// one that AppendRecord takes.
func SetTime(b []byte, ms int64) { putUint48(b[6:HeaderBytes], uint64(ms)) }

// TimeOf returns the time in the record that b begins with.
func TimeOf(b []byte) int64 { return int64(uint48(b[6:HeaderBytes])) }

func putHeader(h *[HeaderBytes]byte, payloadBytes int, flags uint8, typeLen, keyLen int, ms int64) {
	binary.LittleEndian.PutUint32(h[0:], uint32(payloadBytes)|uint32(flags)<<25)
	binary.LittleEndian.PutUint16(h[4:], lengths(typeLen, keyLen))
	putUint48(h[6:], uint64(ms))
}

// RecordLen returns the length in bytes of the record that b begins with,
// looking at its header and refs only; the record itself may reach past b.
// MaxPrefix bytes are always enough.
func RecordLen(b []byte) (int, error) {
	if len(b) < HeaderBytes {
		return 0, fmt.Errorf("%w: %d bytes, want a header of %d", ErrRecord, len(b), HeaderBytes)
	}
	word := binary.LittleEndian.Uint32(b)
	flags, payload := uint8(word>>25), int(word&lengthBits)
	if payload > MaxSealed {
		return 0, fmt.Errorf("%w: payload of %d bytes, limit %d", ErrRecord, payload, MaxSealed)
	}
	if flags&FlagErased != 0 {
		payload = digest.Size
	}
	if flags&extraFlags != 0 {
		extra, err := extraLen(b[HeaderBytes:], flags)
		if err != nil {
			return 0, err
		}
		payload += extra
	}
	lens := binary.LittleEndian.Uint16(b[4:])
	return HeaderBytes + int(lens&63) + int(lens>>6) + payload, nil
}

// SkipRecords cuts the first n records, which lie back to back, off b.
func SkipRecords(b []byte, n uint64) ([]byte, error) {
	for ; n > 0; n-- {
		if len(b) >= HeaderBytes {
			word, lens := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
			payload := int(word & lengthBits)
			if length := HeaderBytes + int(lens&63) + int(lens>>6) + payload; word&rareBits == 0 && payload <= MaxSealed && length <= len(b) {
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
	if len(b) >= HeaderBytes {
		word, lens := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
		payload, key := int(word&lengthBits), HeaderBytes+int(lens&63)
		at := key + int(lens>>6)
		if n := at + payload; word&rareBits == 0 && payload <= MaxSealed && n <= len(b) {
			return Record{
				Flags: uint8(word >> 25), Time: int64(uint48(b[6:])),
				Type: b[HeaderBytes:key:key], Key: b[key:at:at], Payload: b[at:n:n], payloadBytes: payload,
			}, n, nil
		}
	}
	return decodeRare(b)
}

// decodeRare is DecodeRecord of a record with any flags.
func decodeRare(b []byte) (Record, int, error) {
	n, err := RecordLen(b)
	if err != nil {
		return Record{}, 0, err
	}
	if n > len(b) {
		return Record{}, 0, fmt.Errorf("%w: %d bytes left of %d", ErrRecord, len(b), n)
	}
	word := binary.LittleEndian.Uint32(b)
	lens := binary.LittleEndian.Uint16(b[4:])
	flags, typ := uint8(word>>25), HeaderBytes
	if flags&extraFlags != 0 {
		extra, err := extraLen(b[HeaderBytes:], flags)
		if err != nil {
			return Record{}, 0, err // not after RecordLen
		}
		typ += extra
	}
	key := typ + int(lens&63)
	payload := key + int(lens>>6)
	r := Record{
		Flags:        flags,
		Time:         int64(uint48(b[6:])),
		extra:        b[HeaderBytes:typ:typ],
		Type:         b[typ:key:key],
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

// Clone returns a copy that shares no memory with r.
func (r *Record) Clone() Record {
	c := *r
	c.Type, c.Key, c.Payload, c.extra = bytes.Clone(r.Type), bytes.Clone(r.Key), bytes.Clone(r.Payload), bytes.Clone(r.extra)
	return c
}

// Content returns the payload without its salt: what was appended. It is empty
// if erased.
func (r *Record) Content() []byte {
	if r.Flags&FlagSalted != 0 && len(r.Payload) >= SaltBytes {
		return r.Payload[SaltBytes:]
	}
	return r.Payload
}

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
	dst = append(dst, r.extra...)
	dst = append(dst, r.Type...)
	dst = append(dst, r.Key...)
	return append(dst, hash[:]...)
}

// AppendLeaf appends the record's leaf data to dst.
func (r *Record) AppendLeaf(dst []byte) []byte {
	return r.appendLeaf(dst, r.PayloadHash())
}

func (r *Record) appendLeaf(dst []byte, hash digest.Hash) []byte {
	count, extra := leafExtra(r.extra, r.Flags)
	dst = appendLeafHeader(dst, r.Flags&^FlagErased, lengths(len(r.Type), len(r.Key)), r.payloadBytes, r.Time, count, hash)
	dst = append(dst, r.Type...)
	dst = append(dst, r.Key...)
	return append(dst, extra...)
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
	return e.LeafHashOf(digest.Sum(e.Payload), ms, flags), nil
}

// Check returns why AppendRecord would not take e at time ms with these flags.
func (e *Event) Check(ms int64, flags uint8) error { return e.check(ms, flags) }

// LeafHashOf is LeafHash of an event that was checked and whose payload has
// that SHA-256: what is left to do once the time is known.
func (e *Event) LeafHashOf(payload digest.Hash, ms int64, flags uint8) digest.Hash {
	if more := e.flags(); more != 0 {
		r := Record{Flags: flags | more, Time: ms, Type: []byte(e.Type), Key: e.Key, payloadBytes: len(e.Payload), extra: e.appendExtra(nil)}
		return digest.Leaf(r.appendLeaf(nil, payload))
	}
	h := digest.Borrow()
	defer h.Return()
	var b [shortLeaf]byte
	leaf := appendLeafHeader(b[:0], flags, lengths(len(e.Type), len(e.Key)), len(e.Payload), ms, 0, payload)
	leaf = append(leaf, e.Type...)
	return h.Leaf(append(leaf, e.Key...))
}

func appendLeafHeader(dst []byte, flags uint8, lens uint16, payloadBytes int, ms int64, refs uint8, hash digest.Hash) []byte {
	var h [LeafHeaderBytes]byte
	h[0] = leafVersion
	h[1] = flags
	binary.LittleEndian.PutUint16(h[2:], lens)
	binary.LittleEndian.PutUint32(h[4:], uint32(payloadBytes))
	binary.LittleEndian.PutUint64(h[8:], uint64(ms)|uint64(refs)<<48)
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
