// SPDX-License-Identifier: MPL-2.0

package identity

import "encoding/binary"

// A reader takes fields from the front of b; past its end it is short, and
// every field is zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// uint returns a little-endian number of n bytes, at most eight.
func (r *reader) uint(n int) uint64 {
	var b [8]byte
	copy(b[:], r.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (r *reader) uint8() int     { return int(r.uint(1)) }
func (r *reader) uint16() int    { return int(r.uint(2)) }
func (r *reader) uint32() uint32 { return uint32(r.uint(4)) }
