// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"crypto/cipher"
	"fmt"
	"slices"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A sealed payload stands where the payload of a record stands, if the
// record's flags but FlagErased are exactly 2, or exactly 2|4:
//
//	offset  bytes  field
//	     0      8  first 8 bytes of the epoch id
//	     8     12  nonce, random
//	    20      n  ciphertext, as long as the padded plaintext (inner.go)
//	  20+n     16  tag
//
// The cipher is AES-256-GCM. Its key is HKDF-Expand(SHA-256, epoch secret,
// "xaeroflux seal v1" ‖ epoch id 32 ‖ log id 32, 32 bytes). Its additional
// data are the clear part of the record as its leaf data has them:
//
//	offset  bytes  field
//	     0      1  flags, 2 or 6
//	     1      2  bits 0-5 type length; bits 6-15 key length (little-endian uint16)
//	     3      t  type
//	   3+t      k  key
//
// With flag 4, type and key are inside the payload, and both lengths are 0.
const (
	nonceBytes = 12
	tagBytes   = 16

	// Overhead is how many bytes a sealed payload is longer than the padded
	// plaintext in it.
	Overhead = shortID + nonceBytes + tagBytes
	// MinSealed is the length of the shortest sealed payload.
	MinSealed = Overhead + minPadded
	// MaxSealed is the length of the longest sealed payload: event.MaxPayload
	// and all else that can be inside, rounded up to half a mebibyte.
	MaxSealed = Overhead + event.MaxPayload + 1<<19

	clearPayload = event.FlagSealedPayload // flags of a record whose payload alone is sealed
	clearNothing = event.FlagSealedPayload | event.FlagSealedHeader
)

// A Clear is the part of a sealed record that anybody can read.
type Clear struct {
	Flags uint8 // 2, or 2|4
	Type  []byte
	Key   []byte
}

// A Key seals and opens the payloads of one log under one epoch. Any number
// of goroutines may use it.
type Key struct {
	epoch, log [shortID]byte
	aead       cipher.AEAD // of newGCM
}

// NewKey returns the key of a log under the epoch with this secret and id.
func NewKey(secret Secret, epoch, log digest.Hash) *Key {
	aead := newGCM(expand(secret, labelSeal, epoch[:], log[:]))
	return &Key{[shortID]byte(epoch[:]), [shortID]byte(log[:]), aead}
}

// Seal appends the sealed payload of p to dst. If hide is set, type and key go
// inside. The record that it is for has the clear part p.Clear(hide). If the
// error is not nil, dst is as it was.
func (k *Key) Seal(dst []byte, p *Plain, hide bool) ([]byte, error) {
	if err := p.check(k.log); err != nil {
		return dst, err
	}
	dst = append(slices.Grow(dst, p.SealedBytes(hide)), k.epoch[:]...)
	inner := p.encode(dst[len(dst):], hide) // it is sealed where it stands, for dst has room for it
	return k.aead.Seal(dst, nil, inner, p.Clear(hide).data()), nil
}

// SealedBytes returns the length of p's sealed payload.
func (p *Plain) SealedBytes(hide bool) int { return Overhead + padded(p.bytes(hide)) }

// Open returns what is in the sealed payload b of a record with the clear
// part c. The error is ErrUnreadable. Plain's Type and Key are c's if they are
// not inside; all else is the caller's.
func (k *Key) Open(c Clear, b []byte) (Plain, error) {
	p, _, err := k.OpenTo(nil, c, b)
	return p, err
}

// OpenTo is Open that decrypts behind dst: all that is not c's of what it returns lies
// in the longer dst that it returns as well, and stays for as long as that does. PlainBytes
// says how much room that takes. What is behind dst is overwritten in any case.
func (k *Key) OpenTo(dst []byte, c Clear, b []byte) (Plain, []byte, error) {
	if err := c.check(); err != nil {
		return Plain{}, dst, err
	}
	epoch, err := Epoch8(b)
	if err != nil {
		return Plain{}, dst, err
	}
	if epoch != k.epoch {
		return Plain{}, dst, fmt.Errorf("%w: sealed under epoch %x, the key is of %x", ErrUnreadable, epoch, k.epoch)
	}
	opened, err := k.aead.Open(dst, nil, b[shortID:], c.data())
	if err != nil {
		return Plain{}, dst, fmt.Errorf("%w: payload: %w", ErrUnreadable, err)
	}
	p, err := decodePlain(opened[len(dst):], c, k.log)
	if err != nil {
		return Plain{}, dst, err
	}
	return p, opened, nil
}

// PlainBytes returns how much longer OpenTo makes dst for a sealed payload.
func PlainBytes(b []byte) int { return max(len(b)-Overhead, 0) }

// Sealed reports whether b says that it was sealed under the epoch of k.
func (k *Key) Sealed(b []byte) bool { return len(b) >= shortID && [shortID]byte(b) == k.epoch }

// Epoch8 returns the first bytes of the id of the epoch that the sealed payload
// b was sealed under. The error is ErrUnreadable, for b of a length that no
// sealed payload has.
func Epoch8(b []byte) ([shortID]byte, error) {
	if len(b) < MinSealed || len(b) > MaxSealed {
		return [shortID]byte{}, fmt.Errorf("%w: sealed payload of %d bytes, want %d to %d", ErrUnreadable, len(b), MinSealed, MaxSealed)
	}
	return [shortID]byte(b), nil
}

// check returns why no sealed record has the clear part c.
func (c *Clear) check() error {
	hidden := c.Flags == clearNothing
	switch {
	case !hidden && c.Flags != clearPayload:
		return fmt.Errorf("%w: flags %#x, want %#x or %#x", ErrUnreadable, c.Flags, clearPayload, clearNothing)
	case hidden && len(c.Type)+len(c.Key) > 0:
		return fmt.Errorf("%w: type of %d and key of %d bytes beside flag 4", ErrUnreadable, len(c.Type), len(c.Key))
	case len(c.Type) > event.MaxType || len(c.Key) > event.MaxKey:
		return fmt.Errorf("%w: type of %d and key of %d bytes", ErrUnreadable, len(c.Type), len(c.Key))
	}
	return nil
}

// dataNothing is the additional data of a record with no type and key outside, as nearly
// all have.
var dataNothing = []byte{clearNothing, 0, 0}

// data returns the additional data that c is authenticated as; it is not to be written to.
func (c Clear) data() []byte {
	if c.Flags == clearNothing && len(c.Type)+len(c.Key) == 0 {
		return dataNothing
	}
	b := make([]byte, 0, 3+len(c.Type)+len(c.Key))
	b = appendLengths(append(b, c.Flags), len(c.Type), len(c.Key))
	return append(append(b, c.Type...), c.Key...)
}

// appendLengths appends the lengths of a type and a key, as a record has them.
func appendLengths(b []byte, typeLen, keyLen int) []byte {
	n := typeLen | keyLen<<6
	return append(b, byte(n), byte(n>>8))
}
