// SPDX-License-Identifier: MPL-2.0

package home

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is returned for bytes that are no event of their type.
var ErrMalformed = errors.New("malformed event of a home topic")

// version is the first byte of every payload.
const version = 1

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// A reader takes fields from the front of b; past its end it is short, and every field is
// of no bytes.
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

func (r *reader) key() (k [32]byte) {
	copy(k[:], r.take(32))
	return k
}

// begin checks the version.
func (r *reader) begin() error {
	if v := r.uint(1); r.short || v != version {
		return malformed("version %d, want %d", v, version)
	}
	return nil
}

// end returns why b does not end where its fields do.
func (r *reader) end() error {
	if r.short {
		return malformed("it is too short")
	}
	if len(r.b) > 0 {
		return malformed("%d bytes after the end", len(r.b))
	}
	return nil
}

// appendSized appends p with its length, two bytes.
func appendSized(b, p []byte) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(p))), p...)
}

func (r *reader) sized() []byte { return r.take(int(r.uint(2))) }
