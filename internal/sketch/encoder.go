// SPDX-License-Identifier: MPL-2.0

package sketch

import "math/bits"

// mulShift is p * 2^32 / u, for p < 2^32 * u.
func mulShift(p, u uint64) uint64 {
	q, _ := bits.Div64(p>>32, p<<32, u)
	return q
}

// An Encoder makes the symbols of a set, one after the other.
type Encoder struct {
	h     hasher
	items []uint64
	maps  []mapping // of items
	at    uint64    // symbols made
}

// NewEncoder returns an encoder of a set. It keeps the slice, in which no item
// may be twice.
func NewEncoder(salt Salt, items []uint64) *Encoder {
	e := &Encoder{h: newHasher(salt), items: items, maps: make([]mapping, len(items))}
	for i, item := range items {
		e.maps[i].state = e.h.seed(item)
	}
	return e
}

// Made is the number of symbols made so far.
func (e *Encoder) Made() int { return int(e.at) }

// Next makes n more symbols, at most up to MaxSymbols.
func (e *Encoder) Next(n int) []Symbol {
	n = max(min(n, MaxSymbols-int(e.at)), 0)
	out := make([]Symbol, n)
	end := e.at + uint64(n)
	for i, item := range e.items {
		m := &e.maps[i]
		if m.index >= end {
			continue
		}
		for check := e.h.check(item); m.index < end; m.next() {
			out[m.index-e.at].add(item, check, 1)
		}
	}
	e.at = end
	return out
}
