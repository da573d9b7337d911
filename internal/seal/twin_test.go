// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// twinPadded counts up to the first length that Padmé can have.
func twinPadded(n int) int {
	e, s := 0, 0
	for m := n; m > 1; m /= 2 {
		e++
	}
	for m := e; m > 0; m /= 2 {
		s++
	}
	step := 1
	for range e - s {
		step *= 2
	}
	for n < 64 || n%step != 0 {
		n++
	}
	return n
}

// twinExpand is HKDF-Expand of RFC 5869 for its first block.
func twinExpand(secret []byte, info ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, i := range info {
		h.Write(i)
	}
	h.Write([]byte{1})
	return h.Sum(nil)
}

func twinGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// twinClear is the clear part of a sealed record as leaf data has it.
func twinClear(p *Plain, hide bool) []byte {
	var b bytes.Buffer
	if hide {
		b.Write([]byte{6, 0, 0})
	} else {
		b.WriteByte(2)
		binary.Write(&b, binary.LittleEndian, uint16(len(p.Type)+64*len(p.Key)))
		b.Write(p.Type)
		b.Write(p.Key)
	}
	return b.Bytes()
}

// twinInner is the padded plaintext.
func twinInner(p *Plain, hide bool) []byte {
	var b bytes.Buffer
	b.WriteByte(0)
	if len(p.Refs) > 0 {
		b.Bytes()[0] += 8
		b.Write(p.Refs)
	}
	if p.ID != nil {
		b.Bytes()[0] += 16
		b.Write(p.ID[:])
	}
	if hide {
		binary.Write(&b, binary.LittleEndian, uint16(len(p.Type)+64*len(p.Key)))
		b.Write(p.Type)
		b.Write(p.Key)
	} else {
		b.Write([]byte{0, 0})
	}
	b.Write(p.Payload)
	b.WriteByte(0x80)
	for n := twinPadded(b.Len()); b.Len() < n; {
		b.WriteByte(0)
	}
	return b.Bytes()
}

// at is what a payload is sealed under.
type at struct {
	secret     Secret
	epoch, log digest.Hash
}

func (a at) key() *Key { return NewKey(a.secret, a.epoch, a.log) }

func (a at) twinKey() []byte {
	return twinExpand(a.secret[:], []byte("xaeroflux seal v1"), a.epoch[:], a.log[:])
}

// twinSeal seals any plaintext, also one that no event makes, with any
// additional data.
func (a at) twinSeal(nonce, inner, clear []byte) []byte {
	b := slices.Concat(a.epoch[:8], nonce)
	return twinGCM(a.twinKey()).Seal(b, nonce, inner, clear)
}
