// SPDX-License-Identifier: MPL-2.0

package messages

// skip passes over n values of any family: the fields a later version added.
// It keeps a stack of what is still open instead of recursing, so that a frame
// of nested arrays costs no more than its length.
func (r *reader) skip(field string, n int) {
	var open [maxDepth]uint64 // values left at each depth
	depth := 0
	open[0] = uint64(n)
	for r.err == nil {
		for depth > 0 && open[depth] == 0 {
			depth--
		}
		if open[depth] == 0 {
			return
		}
		open[depth]--
		inner := r.skipOne(field)
		if inner == 0 {
			continue
		}
		if depth++; depth == maxDepth {
			r.fail(ErrTooLong, field, "nested deeper than %d", maxDepth)
			return
		}
		open[depth] = inner
	}
}

// skipOne passes over one value and returns how many values it holds: zero
// for all but arrays and maps.
func (r *reader) skipOne(field string) uint64 {
	c := r.code(field)
	switch {
	case r.err != nil || c < 0x80 || c >= 0xe0 || c == nilCode || c == falseOp || c == trueOp:
	case c < 0x90:
		return r.inner(field, 2*uint64(c&15))
	case c < 0xa0:
		return r.inner(field, uint64(c&15))
	case c < 0xc0:
		r.take(field, uint64(c&31))
	case c >= bin8 && c <= bin32:
		r.take(field, r.be(field, 1<<(c-bin8)))
	case c >= ext8 && c <= ext32:
		r.take(field, 1+r.be(field, 1<<(c-ext8)))
	case c == float32c || c == float64c:
		r.take(field, 4<<(c-float32c))
	case c >= uint8c && c <= uint64c:
		r.take(field, 1<<(c-uint8c))
	case c >= int8c && c <= int64c:
		r.take(field, 1<<(c-int8c))
	case c >= fixext1 && c <= fixext16:
		r.take(field, 1+1<<(c-fixext1))
	case c >= str8 && c <= str32:
		r.take(field, r.be(field, 1<<(c-str8)))
	case c == array16 || c == array32:
		return r.inner(field, r.be(field, 2<<(c-array16)))
	case c == map16 || c == map32:
		return r.inner(field, 2*r.be(field, 2<<(c-map16)))
	default: // 0xc1, which msgpack never uses
		r.fail(ErrMalformed, field, "code %#x", c)
	}
	return 0
}

// inner checks that n values can still follow.
func (r *reader) inner(field string, n uint64) uint64 {
	if n > uint64(r.left()) {
		r.fail(ErrMalformed, field, "%d values in %d bytes", n, r.left())
	}
	if r.err != nil {
		return 0
	}
	return n
}
