// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"crypto/sha3"
	"math/rand/v2"
	"slices"
	"testing"
)

// A slowSet keeps the entries and adds them all up each time it is asked.
type slowSet []Hash

func (s slowSet) set() Set {
	var sums [lanes]int
	for _, e := range s {
		x := sha3.SumSHAKE128(e[:], 2*lanes)
		for lane := range lanes {
			sums[lane] += int(x[2*lane]) | int(x[2*lane+1])<<8
		}
	}
	var b []byte
	for _, v := range sums {
		b = append(b, byte(v), byte(v>>8))
	}
	return Set{Count: uint64(len(s)), Sum: Tagged("xaeroflux frontier v1", b)}
}

// Random changes against the twin, then all taken out again in another order.
func TestSetAgainstTheObvious(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() (h Hash) {
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		return h
	}
	type member struct {
		log, root Hash
		size      uint64
	}
	var in []member
	var s Multiset
	var slow slowSet
	for range 60 {
		if len(in) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(in))
			m := in[i]
			in = slices.Delete(in, i, i+1)
			s.Remove(m.log, m.size, m.root)
			slow = slices.Delete(slow, i, i+1)
		} else {
			m := member{random(), random(), r.Uint64()}
			in = append(in, m)
			s.Add(m.log, m.size, m.root)
			slow = append(slow, entry(m.log, m.size, m.root))
		}
		if got, want := s.Set(), slow.set(); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
	r.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	for _, m := range in {
		s.Remove(m.log, m.size, m.root)
	}
	if s != (Multiset{}) {
		t.Errorf("an emptied set holds %d entries", s.count)
	}
}

// Two sets that went different ways to the same entries are equal, and an
// entry taken out before it is put in leaves no trace either.
func TestSetOrderDoesNotMatter(t *testing.T) {
	name := func(i int) Hash { return Sum([]byte{byte(i)}) }
	var forth, back Multiset
	for i := range 100 {
		forth.Add(name(i), uint64(i), name(i+1))
		back.Remove(name(i), 1e6, Hash{})
	}
	for i := 99; i >= 0; i-- {
		back.Add(name(i), uint64(i), name(i+1))
	}
	for i := range 100 {
		if back == forth {
			t.Fatalf("equal with %d entries to go", 100-i)
		}
		back.Add(name(i), 1e6, Hash{})
	}
	if forth != back {
		t.Errorf("%+v one way, %+v the other", forth.Set(), back.Set())
	}
	forth.Add(name(0), 0, name(1)) // it is a multiset: twice is not once
	if forth == back {
		t.Error("an entry put in twice does not count")
	}
}

func TestSetEntriesAreApart(t *testing.T) {
	log, root := Sum([]byte("log")), Sum([]byte("root"))
	of := func(l Hash, size uint64, r Hash) Set {
		var s Multiset
		s.Add(l, size, r)
		return s.Set()
	}
	base := of(log, 7, root)
	for name, other := range map[string]Set{
		"size": of(log, 8, root), "root": of(log, 7, log), "log": of(root, 7, root), "swapped": of(root, 7, log),
	} {
		if other == base {
			t.Errorf("another %s has the same digest", name)
		}
	}
}
