// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A writer appends msgpack to out. The first field over its limit sets err,
// after which nothing of what it wrote is used.
type writer struct {
	enc *msgpack.Encoder
	out []byte
	msg Type
	err error
}

var writers = sync.Pool{New: func() any {
	w := new(writer)
	w.enc = msgpack.NewEncoder(w)
	return w
}}

// Write appends b; it is how the encoder reaches out.
func (w *writer) Write(b []byte) (int, error) {
	w.out = append(w.out, b...)
	return len(b), nil
}

// WriteByte appends c.
func (w *writer) WriteByte(c byte) error {
	w.out = append(w.out, c)
	return nil
}

func (w *writer) fail(err error, field, format string, args ...any) {
	if w.err == nil {
		w.err = &DecodeError{Message: w.msg, Field: field, What: fmt.Sprintf(format, args...), Err: err}
	}
}

// check takes what Write, which cannot fail, returned through the encoder.
func (w *writer) check(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

// begin opens the body of a message with so many fields after its type.
func (w *writer) begin(t Type, fields int) {
	w.msg = t
	w.array(1 + fields)
	w.check(w.enc.EncodeUint(uint64(t)))
}

func (w *writer) array(n int) { w.check(w.enc.EncodeArrayLen(n)) }

// list opens a list of n elements, at most limit.
func (w *writer) list(field string, n, limit int) {
	if n > limit {
		w.fail(ErrTooLong, field, "%d elements, limit %d", n, limit)
	}
	w.array(n)
}

func (w *writer) uint(field string, v, limit uint64) {
	if v > limit {
		w.fail(ErrMalformed, field, "%d, limit %d", v, limit)
	}
	w.check(w.enc.EncodeUint(v))
}

// topic writes the number of a topic.
func (w *writer) topic(n uint32) { w.uint("topic", uint64(n), math.MaxUint32) }

func (w *writer) bool(v bool) { w.check(w.enc.EncodeBool(v)) }

func (w *writer) str(field, s string, limit int) {
	switch {
	case len(s) > limit:
		w.fail(ErrTooLong, field, "%d bytes, limit %d", len(s), limit)
	case !utf8.ValidString(s):
		w.fail(ErrMalformed, field, "not UTF-8")
	}
	w.check(w.enc.EncodeString(s))
}

// bin does not use EncodeBytes, which makes a nil of an empty slice.
func (w *writer) bin(field string, b []byte, limit int) {
	if len(b) > limit {
		w.fail(ErrTooLong, field, "%d bytes, limit %d", len(b), limit)
		return
	}
	w.check(w.enc.EncodeBytesLen(len(b)))
	w.out = append(w.out, b...)
}

// fixed writes a bin whose length the format fixes.
func (w *writer) fixed(b []byte) {
	w.check(w.enc.EncodeBytesLen(len(b)))
	w.out = append(w.out, b...)
}

func (w *writer) hashes(field string, hs []digest.Hash, limit int) {
	if len(hs) > limit {
		w.fail(ErrTooLong, field, "%d hashes, limit %d", len(hs), limit)
		return
	}
	w.check(w.enc.EncodeBytesLen(len(hs) * digest.Size))
	for i := range hs {
		w.out = append(w.out, hs[i][:]...)
	}
}
