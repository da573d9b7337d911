// SPDX-License-Identifier: MPL-2.0

package digest

import (
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// A slowSet adds up with math/big.
type slowSet struct {
	count uint64
	sum   big.Int
}

var modulus = new(big.Int).Lsh(big.NewInt(1), 256)

func number(h Hash) *big.Int {
	slices.Reverse(h[:])
	return new(big.Int).SetBytes(h[:])
}

func (s *slowSet) change(e Hash, sign int64) {
	s.count += uint64(sign)
	s.sum.Add(&s.sum, new(big.Int).Mul(big.NewInt(sign), number(e)))
	s.sum.Mod(&s.sum, modulus)
}

// A few hundred random changes, some of which carry through all of the sum,
// against the twin; then all taken out again in another order.
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
	var s Set
	var slow slowSet
	for range 500 {
		if len(in) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(in))
			m := in[i]
			in = slices.Delete(in, i, i+1)
			s.Remove(m.log, m.size, m.root)
			slow.change(entry(m.log, m.size, m.root), -1)
		} else {
			m := member{random(), random(), r.Uint64()}
			in = append(in, m)
			s.Add(m.log, m.size, m.root)
			slow.change(entry(m.log, m.size, m.root), 1)
		}
		if s.Count != slow.count || number(s.Sum).Cmp(&slow.sum) != 0 {
			t.Fatalf("%d %x, want %d %x", s.Count, number(s.Sum), slow.count, &slow.sum)
		}
	}
	r.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	for _, m := range in {
		s.Remove(m.log, m.size, m.root)
	}
	if s != (Set{}) {
		t.Errorf("an emptied set is %+v", s)
	}
}

func TestSetCarries(t *testing.T) {
	one := Hash{1}
	for zeros := range Size {
		s := Set{}
		for i := range Size - zeros {
			s.Sum[i] = 0xff
		}
		before, want := s.Sum, Hash{}
		if zeros > 0 {
			want[Size-zeros] = 1
		}
		add := Set{Sum: s.Sum}
		add.sum(one, bits.Add64)
		if add.Sum != want {
			t.Errorf("%v + 1 = %v, want %v", before, add.Sum, want)
		}
		add.sum(one, bits.Sub64)
		if add.Sum != before {
			t.Errorf("%v - 1 = %v, want %v", want, add.Sum, before)
		}
	}
}

// Two sets that went different ways to the same entries are equal, and an
// entry taken out before it is put in leaves no trace either.
func TestSetOrderDoesNotMatter(t *testing.T) {
	name := func(i int) Hash { return Sum([]byte{byte(i)}) }
	var forth, back Set
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
		t.Errorf("%+v one way, %+v the other", forth, back)
	}
	forth.Add(name(0), 0, name(1)) // it is a multiset: twice is not once
	if forth == back {
		t.Error("an entry put in twice does not count")
	}
}

func TestSetEntriesAreApart(t *testing.T) {
	log, root := Sum([]byte("log")), Sum([]byte("root"))
	of := func(l Hash, size uint64, r Hash) Set {
		var s Set
		s.Add(l, size, r)
		return s
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
