// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// ErrMalformed is returned for bytes that are no body of their type.
var ErrMalformed = errors.New("malformed roster record")

// MaxSize is the largest size of a log, and no sequence is above it.
const MaxSize = 1<<48 - 1

// A coder writes a body or reads one. Each record has one method that names
// its fields in their order, and both directions follow it, so that they cannot
// differ. Writing changes nothing of a record, which several may write at once. Numbers are little-endian. After the first error nothing is read or
// written any more.
type coder struct {
	b       []byte // what was written, or what is left to read
	writing bool
	err     error
}

// A body is what a coder can write and read.
type body interface{ code(*coder) }

// encode appends r's bytes to dst. The error is ErrMalformed for a value that
// has no bytes.
func encode(dst []byte, r body) ([]byte, error) {
	c := coder{b: dst, writing: true}
	r.code(&c)
	if c.err != nil {
		return dst, c.err
	}
	return c.b, nil
}

// decode reads r from b, all of it.
func decode(b []byte, r body) error {
	c := coder{b: b}
	r.code(&c)
	if c.err == nil && len(c.b) > 0 {
		c.fail("%d bytes after the end", len(c.b))
	}
	return c.err
}

// mustEncode is encode for values that were decoded or checked.
func mustEncode(r body) []byte {
	b, err := encode(nil, r)
	if err != nil {
		panic(err) // impossible: what was decoded can be written
	}
	return b
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

// check refuses a value, in both directions, unless ok.
func (c *coder) check(ok bool, format string, args ...any) {
	if !ok {
		c.fail(format, args...)
	}
}

// raw is p itself, of the length it has.
func (c *coder) raw(p []byte) {
	if c.err != nil {
		return
	}
	if c.writing {
		c.b = append(c.b, p...)
		return
	}
	if len(c.b) < len(p) {
		c.fail("%d bytes left, want %d", len(c.b), len(p))
		return
	}
	c.b = c.b[copy(p, c.b):]
}

func (c *coder) u8(v *uint8) {
	p := [1]byte{*v}
	c.raw(p[:])
	if !c.writing {
		*v = p[0]
	}
}

func (c *coder) u16(v *uint16) {
	var p [2]byte
	binary.LittleEndian.PutUint16(p[:], *v)
	c.raw(p[:])
	if !c.writing {
		*v = binary.LittleEndian.Uint16(p[:])
	}
}

func (c *coder) u32(v *uint32) {
	var p [4]byte
	binary.LittleEndian.PutUint32(p[:], *v)
	c.raw(p[:])
	if !c.writing {
		*v = binary.LittleEndian.Uint32(p[:])
	}
}

func (c *coder) u64(v *uint64) {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], *v)
	c.raw(p[:])
	if !c.writing {
		*v = binary.LittleEndian.Uint64(p[:])
	}
}

// u48 is a number of six bytes.
func (c *coder) u48(v *uint64) {
	c.check(*v < 1<<48, "%d in six bytes", *v)
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], *v)
	c.raw(p[:6])
	if !c.writing {
		*v = binary.LittleEndian.Uint64(p[:])
	}
}

// size is a u64 that a log can have as its size.
func (c *coder) size(v *uint64) {
	c.u64(v)
	c.check(*v <= MaxSize, "size %d, limit %d", *v, uint64(MaxSize))
}

func (c *coder) hash(h *digest.Hash) { c.raw(h[:]) }

func (c *coder) key(k *Key) { c.raw(k[:]) }

// present is a u8 that is 0 or 1.
func (c *coder) present(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	c.u8(&b)
	c.check(b <= 1, "presence %d, want 0 or 1", b)
	if !c.writing {
		*v = b == 1
	}
}

// optional is a u8 that is 0 or 1, and what it announces.
func optional[T any](c *coder, p **T, each func(*coder, *T)) {
	there := *p != nil
	c.present(&there)
	if c.err != nil || !there {
		return
	}
	if *p == nil {
		*p = new(T)
	}
	each(c, *p)
}
