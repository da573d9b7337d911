// SPDX-License-Identifier: MPL-2.0

// Package sketch finds the difference of two sets of 64-bit items from a
// message whose length goes by the difference and not by the sets: the
// rateless invertible Bloom lookup table of Yang, Gilad and Alizadeh,
// "Practical Rateless Set Reconciliation", SIGCOMM 2024.
//
// One side is the Encoder: it makes coded symbols from its set, as many as are
// asked for, one after the other. The other side is the Decoder: it subtracts
// its own symbols and peels the difference out of what is left. About 1.35 to
// 1.45 symbols for each item of the difference are enough, whatever it is.
//
// Items are taken to look random: package syncer makes them from salted hashes.
package sketch

import "math"

// A Salt makes the symbols of one exchange other than those of any other, so
// that what does not decode once does the next time.
type Salt [16]byte

// A Symbol is the items that are mapped to one index, xored, with the xor of
// their checks and their count. A symbol of one item gives it away.
type Symbol struct {
	Item  uint64
	Check uint64 // checkBits of it
	Count int64
}

const (
	checkBits = 48
	checkMask = 1<<checkBits - 1
)

func (s *Symbol) add(item, check uint64, n int64) {
	s.Item ^= item
	s.Check ^= check
	s.Count += n
}

func (s *Symbol) zero() bool { return *s == Symbol{} }

// A hasher gives each item its check and the seed of its mapping.
type hasher struct{ a, b uint64 }

func newHasher(salt Salt) hasher {
	h := hasher{}
	for i := range 8 {
		h.a = h.a<<8 | uint64(salt[i])
		h.b = h.b<<8 | uint64(salt[8+i])
	}
	return h
}

// mix is the finalizer of MurmurHash3 in Stafford's 13th variant: every bit of
// the input changes half of the output.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (h hasher) check(item uint64) uint64 { return mix(mix(item^h.a)+h.b) & checkMask }

func (h hasher) seed(item uint64) uint64 { return mix(mix(item^h.b) + h.a) }

// A mapping is the increasing indices of the symbols that an item is part of:
// index i with the probability 1/(1+i/2), as in section 4.2 of the paper. Every
// item is in symbol 0.
type mapping struct {
	state uint64
	index uint64
}

// maxIndex is beyond every index that is used; all arithmetic stays exact.
const maxIndex = 1 << 24

// next moves on to the next index. After index i comes none up to j with the
// probability (i+1)(i+2) / ((j+1)(j+2)), so the next is the first j at which
// that is below a random number.
func (m *mapping) next() {
	m.state += 0x9e3779b97f4a7c15
	u := mix(m.state)>>32 + 1 // (0, 2^32]
	if m.index >= maxIndex {
		return
	}
	i := m.index
	m.index = firstAbove((i+1)*(i+2), u, i)
}

// firstAbove returns the first j after i with (j+1)(j+2) > p * 2^32 / u. Of
// floating point it uses one square root only, as a guess, so that all machines
// agree.
func firstAbove(p, u, i uint64) uint64 {
	if p>>31 >= u { // beyond maxIndex for certain
		return maxIndex
	}
	limit := mulShift(p, u)
	if limit >= maxIndex*maxIndex {
		return maxIndex
	}
	j := uint64(math.Sqrt(float64(limit)))
	for j = max(j, 2) - 2; (j+1)*(j+2) <= limit; j++ {
	}
	return min(max(j, i+1), maxIndex)
}

// density is the probability of an index.
func density(index uint64) float64 { return 2 / (2 + float64(index)) }

// Expected is how many of n items are mapped to an index, rounded: what the
// count of a symbol is written as a difference from.
func Expected(n, index uint64) uint64 { return (2*n + (2+index)/2) / (2 + index) }
