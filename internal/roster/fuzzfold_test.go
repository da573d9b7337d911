// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// A byteSource draws from bytes, eight at a time, each time mixed with a count,
// so that what draws until it likes a number ends when the bytes have.
type byteSource struct {
	b []byte
	n uint64
}

func (s *byteSource) Uint64() uint64 {
	var p [8]byte
	s.b = s.b[copy(p[:], s.b):]
	s.n += 0x9e3779b97f4a7c15
	return binary.BigEndian.Uint64(p[:]) ^ s.n
}

// FuzzFold makes a roster out of bytes, in both folds.
func FuzzFold(f *testing.F) {
	for seed := range byte(5) {
		b := make([]byte, 4000)
		rand.NewChaCha8([32]byte{seed}).Read(b)
		f.Add(seed, b)
	}
	f.Fuzz(func(t *testing.T, seed uint8, b []byte) {
		src := &byteSource{b: b}
		r := newRealm(t, uint64(seed))
		r.rng = rand.New(src)
		r.m.rng = r.rng
		for range 40 {
			if len(src.b) == 0 {
				break
			}
			r.step(r.writers[0])
		}
	})
}

// FuzzApply feeds bytes to a fold as they are: whatever they are, it refuses,
// closes, or goes on by one record.
func FuzzApply(f *testing.F) {
	for _, r := range sampleRecords() {
		f.Add(r.Type(), mustEncode(r))
	}
	f.Fuzz(func(t *testing.T, typ string, body []byte) {
		for _, g := range []Genesis{openGenesis(), sampleGenesis} {
			s := found(t, g)
			before := dumpFast(s.Clone())
			e, err := s.Apply(2, typ, 1, body)
			if err != nil {
				if s.Closed() == nil || s.size() != 2 {
					t.Fatalf("not closed after %v", err)
				}
				same(t, "closed", before, dumpFast(s))
				continue
			}
			if s.size() != 3 || s.Closed() != nil {
				t.Fatalf("size %d, closed %v", s.size(), s.Closed())
			}
			if e.Void != "" {
				same(t, "void", before, dumpFast(s))
			}
		}
	})
}
