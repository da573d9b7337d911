// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A reader takes msgpack values of known kinds off one body. The first flaw
// sets err; after it every method returns a zero value. Nothing is allocated
// before its length was checked against the bytes left and a limit.
type reader struct {
	b   []byte
	off int
	msg Type
	err error
}

func (r *reader) fail(err error, field, format string, args ...any) {
	if r.err == nil {
		r.err = &DecodeError{Message: r.msg, Field: field, What: fmt.Sprintf(format, args...), Err: err}
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

// take returns the next n bytes, borrowed.
func (r *reader) take(field string, n uint64) []byte {
	if r.err != nil {
		return nil
	}
	if n > uint64(r.left()) {
		r.fail(ErrMalformed, field, "%d bytes, %d left", n, r.left())
		return nil
	}
	end := r.off + int(n)
	b := r.b[r.off:end:end]
	r.off = end
	return b
}

// be returns the next n bytes as a big-endian number.
func (r *reader) be(field string, n uint64) uint64 {
	var v uint64
	for _, c := range r.take(field, n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (r *reader) code(field string) byte {
	b := r.take(field, 1)
	if r.err != nil {
		return nilCode
	}
	return b[0]
}

// The first bytes of the msgpack families this protocol uses.
const (
	nilCode  = 0xc0
	falseOp  = 0xc2
	trueOp   = 0xc3
	bin8     = 0xc4
	bin32    = 0xc6
	ext8     = 0xc7
	ext32    = 0xc9
	float32c = 0xca
	float64c = 0xcb
	uint8c   = 0xcc
	uint64c  = 0xcf
	int8c    = 0xd0
	int64c   = 0xd3
	fixext1  = 0xd4
	fixext16 = 0xd8
	str8     = 0xd9
	str32    = 0xdb
	array16  = 0xdc
	array32  = 0xdd
	map16    = 0xde
	map32    = 0xdf
)

// uint reads an integer of at most limit, in any width.
func (r *reader) uint(field string, limit uint64) uint64 {
	var v uint64
	switch c := r.code(field); {
	case r.err != nil:
		return 0
	case c < 0x80:
		v = uint64(c)
	case c >= uint8c && c <= uint64c:
		v = r.be(field, 1<<(c-uint8c))
	case c >= int8c && c <= int64c:
		n := uint64(1) << (c - int8c)
		if v = r.be(field, n); v>>(8*n-1) != 0 {
			r.fail(ErrMalformed, field, "negative")
		}
	default:
		r.fail(ErrMalformed, field, "want an unsigned integer, have code %#x", c)
	}
	if v > limit {
		r.fail(ErrMalformed, field, "%d, limit %d", v, limit)
	}
	if r.err != nil {
		return 0
	}
	return v
}

func (r *reader) uint16(field string) uint16 { return uint16(r.uint(field, math.MaxUint16)) }
func (r *reader) uint32(field string) uint32 { return uint32(r.uint(field, math.MaxUint32)) }

// topic reads the number of a topic.
func (r *reader) topic() uint32 { return r.uint32("topic") }

// count reads a size, sequence or page index.
func (r *reader) count(field string) uint64 { return r.uint(field, MaxCount) }

func (r *reader) bool(field string) bool {
	c := r.code(field)
	if r.err == nil && c != falseOp && c != trueOp {
		r.fail(ErrMalformed, field, "want a bool, have code %#x", c)
	}
	return r.err == nil && c == trueOp
}

// bin reads at most limit bytes, borrowed; empty is nil.
func (r *reader) bin(field string, limit int) []byte {
	n := r.binLen(field)
	if n > uint64(limit) {
		r.fail(ErrTooLong, field, "%d bytes, limit %d", n, limit)
	}
	b := r.take(field, n)
	if len(b) == 0 {
		return nil
	}
	return b
}

func (r *reader) binLen(field string) uint64 {
	c := r.code(field)
	if r.err != nil {
		return 0
	}
	if c < bin8 || c > bin32 {
		r.fail(ErrMalformed, field, "want a bin, have code %#x", c)
		return 0
	}
	return r.be(field, 1<<(c-bin8))
}

// fixed reads a bin of exactly len(dst) bytes into dst.
func (r *reader) fixed(field string, dst []byte) {
	n := r.binLen(field)
	if r.err == nil && n != uint64(len(dst)) {
		r.fail(ErrMalformed, field, "%d bytes, want %d", n, len(dst))
	}
	copy(dst, r.take(field, n))
}

func (r *reader) hash(field string) (h digest.Hash) {
	r.fixed(field, h[:])
	return h
}

// hashes reads at most limit hashes; none is nil.
func (r *reader) hashes(field string, limit int) []digest.Hash {
	b := r.bin(field, limit*digest.Size)
	if len(b)%digest.Size != 0 {
		r.fail(ErrMalformed, field, "%d bytes, want a multiple of %d", len(b), digest.Size)
	}
	if r.err != nil || len(b) == 0 {
		return nil
	}
	hs := make([]digest.Hash, len(b)/digest.Size)
	for i := range hs {
		copy(hs[i][:], b[i*digest.Size:])
	}
	return hs
}

// str reads at most limit bytes of UTF-8, copied.
func (r *reader) str(field string, limit int) string {
	var n uint64
	switch c := r.code(field); {
	case r.err != nil:
		return ""
	case c >= 0xa0 && c <= 0xbf:
		n = uint64(c & 31)
	case c >= str8 && c <= str32:
		n = r.be(field, 1<<(c-str8))
	default:
		r.fail(ErrMalformed, field, "want a str, have code %#x", c)
	}
	if n > uint64(limit) {
		r.fail(ErrTooLong, field, "%d bytes, limit %d", n, limit)
	}
	b := r.take(field, n)
	if !utf8.Valid(b) {
		r.fail(ErrMalformed, field, "not UTF-8")
	}
	if r.err != nil {
		return ""
	}
	return string(b)
}

// strings reads a list of strings; none is nil.
func (r *reader) strings(field string, limit, each int) []string {
	n := r.list(field, limit, 1)
	if n == 0 {
		return nil
	}
	ss := make([]string, n)
	for i := range ss {
		ss[i] = r.str(field, each)
	}
	return ss
}

// array reads an array's length, which is never more than the bytes left.
func (r *reader) array(field string) int {
	var n uint64
	switch c := r.code(field); {
	case r.err != nil:
		return 0
	case c >= 0x90 && c <= 0x9f:
		n = uint64(c & 15)
	case c == array16 || c == array32:
		n = r.be(field, 2<<(c-array16))
	default:
		r.fail(ErrMalformed, field, "want an array, have code %#x", c)
	}
	if n > uint64(r.left()) {
		r.fail(ErrMalformed, field, "%d elements in %d bytes", n, r.left())
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// list reads the length of a list of at most limit elements, each of which
// takes at least so many bytes.
func (r *reader) list(field string, limit, atLeast int) int {
	n := r.array(field)
	switch {
	case n > limit:
		r.fail(ErrTooLong, field, "%d elements, limit %d", n, limit)
	case n > r.left()/atLeast:
		r.fail(ErrMalformed, field, "%d elements in %d bytes", n, r.left())
	}
	if r.err != nil {
		return 0
	}
	return n
}

// fields reads the length of an array of fields of which the first known are
// read by the caller, and returns how many are to be skipped after them.
func (r *reader) fields(field string, known int) int {
	n := r.array(field)
	if r.err == nil && n < known {
		r.fail(ErrMalformed, field, "%d fields, want at least %d", n, known)
	}
	if r.err != nil {
		return 0
	}
	return n - known
}

// header reads the body's array and type, leaving the fields.
func (r *reader) header() (fields int) {
	n := r.fields("body", 1)
	t := r.uint("type", math.MaxUint16)
	if r.err == nil && t == 0 {
		r.fail(ErrMalformed, "type", "0")
	}
	r.msg = Type(t)
	return n
}

// peekType returns the type of a body that begins with b, or 0.
func peekType(b []byte) Type {
	var off int
	switch {
	case len(b) == 0:
		return 0
	case b[0] >= 0x90 && b[0] <= 0x9f:
		off = 1
	case b[0] == array16:
		off = 3
	case b[0] == array32:
		off = 5
	default:
		return 0
	}
	switch {
	case len(b) <= off:
		return 0
	case b[off] < 0x80:
		return Type(b[off])
	case b[off] == uint8c && len(b) > off+1:
		return Type(b[off+1])
	case b[off] == uint8c+1 && len(b) > off+2:
		return Type(binary.BigEndian.Uint16(b[off+1:]))
	}
	return 0
}
