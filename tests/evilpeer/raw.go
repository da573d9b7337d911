// SPDX-License-Identifier: MPL-2.0

package evilpeer

import (
	"encoding/binary"
	"slices"

	"github.com/xaeroflux/xaeroflux/messages"
)

// Messages that the encoder of package messages refuses are written by hand:
// the pieces of msgpack that XSP uses, with lengths that need not be true.

// Frame puts a length before a body.
func Frame(body ...[]byte) []byte {
	b := slices.Concat(body...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// Array claims an array of n elements.
func Array(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0xdd}, n) }

// Uint is an unsigned integer in nine bytes.
func Uint(v uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0xcf}, v) }

// Bin claims n bytes and has those of b.
func Bin(n uint32, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xc6}, n), b...)
}

// Str is a string, whatever its bytes.
func Str(s string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xdb}, uint32(len(s))), s...)
}

// Bool is true or false.
func Bool(v bool) []byte {
	if v {
		return []byte{0xc3}
	}
	return []byte{0xc2}
}

// Nested is arrays in arrays, so many.
func Nested(depth int) []byte { return append(slices.Repeat([]byte{0x91}, depth), 0x90) }

// Encoded is a true frame of a message; it panics if there can be none.
func Encoded(m messages.Message) []byte {
	frame, err := messages.AppendFrame(nil, m)
	if err != nil {
		panic(err)
	}
	return frame
}
