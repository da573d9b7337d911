// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"crypto/sha3"
	"encoding/binary"
)

// A Set is what a store says of a set of (log, size, root) entries: their
// count and their digest. Equal sets have equal digests. It decides whether two
// stores look further, never whether an event is believed.
type Set struct {
	Count uint64
	Sum   Hash
}

// lanes of 16 bits make 2 KiB: the LtHash16 of Lewi, Kim, Maykov and Weis,
// "Securing Update Propagation with Homomorphic Hashing", 2019.
const lanes = 1024

// A Multiset is a multiset of entries of which only an LtHash16 is kept: each
// entry is expanded to 1024 numbers of 16 bits, and these are added up lane by
// lane. Adding and removing cost one entry, and their order does not matter.
// The zero value is empty.
//
// Somebody who writes logs chooses entries. With a plain sum modulo 2^256 that
// is enough to make two different sets agree (Wagner's generalized birthday);
// here it takes a short vector in a lattice of dimension 1024, about 2^200.
type Multiset struct {
	count uint64
	sum   [lanes]uint16
}

// Add puts the entry in.
func (m *Multiset) Add(log Hash, size uint64, root Hash) {
	m.count++
	var b [2 * lanes]byte
	expand(&b, log, size, root)
	for i := range lanes {
		m.sum[i] += binary.LittleEndian.Uint16(b[2*i:])
	}
}

// Remove takes out an entry that was put in. One that was not leaves a digest
// of no set.
func (m *Multiset) Remove(log Hash, size uint64, root Hash) {
	m.count--
	var b [2 * lanes]byte
	expand(&b, log, size, root)
	for i := range lanes {
		m.sum[i] -= binary.LittleEndian.Uint16(b[2*i:])
	}
}

// Set returns the count and the digest: the tagged hash of the lanes.
func (m *Multiset) Set() Set {
	var b [2 * lanes]byte
	for i, v := range m.sum {
		binary.LittleEndian.PutUint16(b[2*i:], v)
	}
	return Set{Count: m.count, Sum: Tagged("xaeroflux frontier v1", b[:])}
}

// expand fills b with SHAKE128 of the entry's tagged hash.
func expand(b *[2 * lanes]byte, log Hash, size uint64, root Hash) {
	e := entry(log, size, root)
	h := sha3.NewSHAKE128()
	h.Write(e[:])
	h.Read(b[:])
}

func entry(log Hash, size uint64, root Hash) Hash {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], size)
	return Tagged("xaeroflux frontier entry v1", log[:], n[:], root[:])
}
