// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"encoding/binary"
	"math/bits"
)

// A Set is an incremental digest of a set of (log, size, root) entries: their
// count and the sum of their hashes modulo 2^256. Adding and removing are a
// hash and an addition, and the order does not matter.
//
// Equal sets have equal digests. A sum of hashes is weaker against somebody
// who chooses the entries than a hash of a sorted list; it decides whether two
// stores look further, never whether an event is believed.
type Set struct {
	Count uint64
	Sum   Hash
}

// Add puts the entry in.
func (s *Set) Add(log Hash, size uint64, root Hash) {
	s.Count++
	s.sum(entry(log, size, root), bits.Add64)
}

// Remove takes out an entry that was put in. One that was not leaves a digest
// of no set.
func (s *Set) Remove(log Hash, size uint64, root Hash) {
	s.Count--
	s.sum(entry(log, size, root), bits.Sub64)
}

func (s *Set) sum(e Hash, op func(x, y, carry uint64) (uint64, uint64)) {
	var carry uint64
	for i := 0; i < Size; i += 8 {
		var w uint64
		w, carry = op(binary.LittleEndian.Uint64(s.Sum[i:]), binary.LittleEndian.Uint64(e[i:]), carry)
		binary.LittleEndian.PutUint64(s.Sum[i:], w)
	}
}

func entry(log Hash, size uint64, root Hash) Hash {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], size)
	return Tagged("xaeroflux frontier entry v1", log[:], n[:], root[:])
}
