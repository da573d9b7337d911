// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"math"
	"math/bits"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A log name is what a log's id follows from beside its topic. It is four
// fields in a row, for a log of kind 0 and number 0 with pages of 256 bytes and
// more no longer than a page size in bytes would be:
//
//	author (bin 32), log2 of page bytes, kind, number
const logNameFields = 4

func (w *writer) logName(author *[32]byte, pageBytes uint32, kind identity.LogKind, number uint64) {
	w.fixed(author[:])
	w.pageSize(pageBytes)
	if !kind.Valid() {
		w.fail(ErrMalformed, "kind", "%v", kind)
	}
	w.uint("kind", uint64(kind), math.MaxUint8)
	w.uint("number", number, math.MaxUint64)
}

func (r *reader) logName(author *[32]byte, pageBytes *uint32, kind *identity.LogKind, number *uint64) {
	r.fixed("author", author[:])
	*pageBytes = r.pageSize()
	*kind = identity.LogKind(r.uint("kind", math.MaxUint8))
	if r.err == nil && !kind.Valid() {
		r.fail(ErrMalformed, "kind", "%v", *kind)
	}
	*number = r.uint("number", math.MaxUint64)
}

// maxPageLog is log2 of MaxPageBytes.
const maxPageLog = 16

// pageSize writes a page size, which is a power of two, as its logarithm.
func (w *writer) pageSize(n uint32) {
	if bits.OnesCount32(n) != 1 || n > MaxPageBytes {
		w.fail(ErrMalformed, "page bytes", "%d, want a power of two up to %d", n, MaxPageBytes)
		n = 1
	}
	w.uint("page bytes", uint64(bits.TrailingZeros32(n)), maxPageLog)
}

func (r *reader) pageSize() uint32 { return 1 << r.uint("page bytes", maxPageLog) }

// A roster position is [term, leg, size, root], or an empty array if nothing
// of the roster is held.
const positionFields = 4

func (w *writer) position(p identity.Position) {
	if p == (identity.Position{}) {
		w.array(0)
		return
	}
	if p.Size == 0 {
		w.fail(ErrMalformed, "roster size", "0")
	}
	w.array(positionFields)
	w.uint("term", uint64(p.Term), math.MaxUint32)
	w.uint("leg", uint64(p.Leg), math.MaxUint32)
	w.uint("roster size", p.Size, MaxCount)
	w.fixed(p.Root[:])
}

func (r *reader) position() identity.Position {
	n := r.array("roster")
	if n == 0 {
		return identity.Position{}
	}
	if n < positionFields {
		r.fail(ErrMalformed, "roster", "%d fields, want none or at least %d", n, positionFields)
		return identity.Position{}
	}
	p := identity.Position{Term: r.uint32("term"), Leg: r.uint32("leg"), Size: r.count("roster size")}
	if r.err == nil && p.Size == 0 {
		r.fail(ErrMalformed, "roster size", "0")
	}
	p.Root = r.hash("roster root")
	r.skip("roster", n-positionFields)
	return p
}
