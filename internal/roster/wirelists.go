// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"slices"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// blob is a u16 length, one of lens, and that many bytes.
func (c *coder) blob(p *[]byte, lens ...int) {
	n := uint16(len(*p))
	c.check(len(*p) <= 1<<16-1, "%d bytes", len(*p))
	c.u16(&n)
	c.check(slices.Contains(lens, int(n)), "length %d, want one of %v", n, lens)
	c.take(p, int(n))
}

// name is a u8 length, at least 1 and at most limit, and that many bytes.
func (c *coder) name(s *string, limit int) {
	n := uint8(min(len(*s), 255))
	c.check(len(*s) <= limit, "name of %d bytes, limit %d", len(*s), limit)
	c.u8(&n)
	c.check(n >= 1 && int(n) <= limit, "name of %d bytes, want 1 to %d", n, limit)
	p := []byte(*s)
	c.take(&p, int(n))
	*s = string(p)
}

// take is n bytes; room is made only once they are known to be there.
func (c *coder) take(p *[]byte, n int) {
	if c.err != nil || n == 0 {
		return
	}
	if !c.writing {
		if len(c.b) < n {
			c.fail("%d bytes left, want %d", len(c.b), n)
			return
		}
		*p = make([]byte, n)
	}
	c.raw(*p)
}

// list is a u16 count between least and most, and elements of width bytes each.
func list[T any](c *coder, s *[]T, least, most, width int, each func(*coder, *T)) {
	n := uint16(len(*s))
	c.check(len(*s) <= most, "%d entries, limit %d", len(*s), most)
	c.u16(&n)
	c.check(int(n) >= least && int(n) <= most, "%d entries, want %d to %d", n, least, most)
	if c.err != nil || n == 0 {
		return
	}
	if !c.writing {
		if len(c.b) < int(n)*width {
			c.fail("%d bytes left, want %d entries of %d", len(c.b), n, width)
			return
		}
		*s = make([]T, n)
	}
	for i := range *s {
		each(c, &(*s)[i])
	}
}

// rising checks that keys rise strictly, so that a list has one order.
func rising[T any](c *coder, s []T, key func(*T) []byte) {
	for i := 1; i < len(s) && c.err == nil; i++ {
		c.check(bytes.Compare(key(&s[i-1]), key(&s[i])) < 0, "entry %d does not rise", i)
	}
}

// hashes is a u8 count, at most 64, and the hashes of a proof.
func (c *coder) hashes(s *[]digest.Hash) {
	n := uint8(min(len(*s), 255))
	c.u8(&n)
	c.check(n <= 64, "%d hashes, limit 64", n)
	if c.err == nil && !c.writing && n > 0 {
		if len(c.b) < int(n)*digest.Size {
			c.fail("%d bytes left, want %d hashes", len(c.b), n)
			return
		}
		*s = make([]digest.Hash, n)
	}
	for i := range *s {
		c.hash(&(*s)[i])
	}
}
