// SPDX-License-Identifier: MPL-2.0

package sketch

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// slowIndices is the mapping of an item in big numbers, one index at a time.
func slowIndices(h hasher, item, end uint64) (all []uint64) {
	state, index := h.seed(item), uint64(0)
	for index < end {
		all = append(all, index)
		state += 0x9e3779b97f4a7c15
		u := new(big.Int).SetUint64(mix(state)>>32 + 1)
		p := new(big.Int).SetUint64((index + 1) * (index + 2))
		p.Lsh(p, 32)
		for index++; index < end; index++ {
			q := new(big.Int).SetUint64((index + 1) * (index + 2))
			if q.Mul(q, u).Cmp(p) > 0 {
				break
			}
		}
	}
	return all
}

// slowSymbols adds up each symbol by itself.
func slowSymbols(salt Salt, items []uint64, n int) []Symbol {
	h := newHasher(salt)
	out := make([]Symbol, n)
	for _, item := range items {
		for _, i := range slowIndices(h, item, uint64(n)) {
			out[i].Item ^= item
			out[i].Check ^= h.check(item)
			out[i].Count++
		}
	}
	return out
}

// sets returns two sets with so many common items, and so many of one side.
func sets(r *rand.Rand, common, theirs, ours int) (a, b []uint64) {
	for range common {
		x := r.Uint64()
		a, b = append(a, x), append(b, x)
	}
	for range theirs {
		a = append(a, r.Uint64())
	}
	for range ours {
		b = append(b, r.Uint64())
	}
	r.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
	r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	return a, b
}

// minus is a without b, sorted, by comparing all with all.
func minus(a, b []uint64) (out []uint64) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	slices.Sort(out)
	return out
}

// decode passes symbols in steps until the difference is known; it returns
// how many it took.
func decode(t testing.TB, salt Salt, a, b []uint64, step int) (theirs, ours []uint64, n int) {
	t.Helper()
	enc, dec := NewEncoder(salt, a), NewDecoder(salt, b)
	for dec.Len() < 20*(len(a)+len(b))+100 {
		first := uint64(enc.Made())
		wire := AppendSymbols(nil, uint64(len(a)), first, enc.Next(step))
		symbols, err := ParseSymbols(wire, uint64(len(a)), first)
		if err != nil {
			t.Fatal(err)
		}
		done, err := dec.Add(symbols)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			theirs, ours, err = dec.Difference()
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(theirs)
			slices.Sort(ours)
			return theirs, ours, dec.Len()
		}
	}
	t.Fatalf("no difference from %d symbols", dec.Len())
	return nil, nil, 0
}

func TestSymbolsAgainstTheObvious(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for round := range 20 {
		salt := Salt{byte(round), 1}
		items, _ := sets(r, r.IntN(50), 0, 0)
		want := slowSymbols(salt, items, 300)
		e := NewEncoder(salt, items)
		var got []Symbol
		for len(got) < 300 {
			got = append(got, e.Next(min(1+r.IntN(90), 300-len(got)))...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: other symbols than the twin's", round)
		}
	}
}

// The first indices are known in advance: another machine, or another
// arithmetic, would not find a difference at all.
func TestMappingVectors(t *testing.T) {
	m := mapping{state: 42}
	var got []uint64
	for range 12 {
		got = append(got, m.index)
		m.next()
	}
	if want := []uint64{0, 1, 5, 11, 20, 109, 118, 255, 286, 492, 627, 1387}; !slices.Equal(got, want) {
		t.Errorf("indices %v, want %v", got, want)
	}
	if got, want := (hasher{1, 2}).check(3), uint64(0x535cb5f72839); got != want {
		t.Errorf("check %#x, want %#x", got, want)
	}
}

// Every index is hit as often as the paper says.
func TestDensity(t *testing.T) {
	const items, width = 20_000, 400
	var hits [width]float64
	for i := range items {
		for m := (mapping{state: mix(uint64(i))}); m.index < width; m.next() {
			hits[m.index]++
		}
	}
	for i, n := range hits {
		p := density(uint64(i))
		if dev := math.Sqrt(items * p * (1 - p)); math.Abs(n-items*p) > 5*dev+1e-9 {
			t.Errorf("index %d: hit by %v of %d items, want %.0f", i, n, items, items*p)
		}
	}
}

func TestLastIndex(t *testing.T) {
	for i := range uint64(2000) {
		m := mapping{state: i, index: maxIndex - 1 - i%7}
		for range 3 {
			if m.next(); m.index > maxIndex {
				t.Fatalf("index %d, at most %d", m.index, maxIndex)
			}
		}
		if m.index != maxIndex {
			t.Errorf("index %d after the last ones, want %d", m.index, maxIndex)
		}
	}
}

func TestDifferenceAgainstTheObvious(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		a, b := sets(r, r.IntN(200), r.IntN(1+int(seed)/4), r.IntN(1+int(seed)/6))
		theirs, ours, _ := decode(t, Salt{byte(seed)}, a, b, 1+r.IntN(60))
		if !slices.Equal(theirs, minus(a, b)) || !slices.Equal(ours, minus(b, a)) {
			t.Fatalf("seed %d: found %d and %d items, want %d and %d", seed, len(theirs), len(ours), len(minus(a, b)), len(minus(b, a)))
		}
	}
}

func FuzzDifference(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint8(3), uint8(9), uint8(1))
	f.Add(uint64(2), uint16(0), uint8(0), uint8(0), uint8(7))
	f.Add(uint64(3), uint16(1), uint8(200), uint8(0), uint8(64))
	f.Fuzz(func(t *testing.T, seed uint64, common uint16, x, y, step uint8) {
		r := rand.New(rand.NewPCG(seed, 3))
		a, b := sets(r, int(common%1000), int(x), int(y))
		theirs, ours, _ := decode(t, Salt{byte(seed)}, a, b, 1+int(step))
		if !slices.Equal(theirs, minus(a, b)) || !slices.Equal(ours, minus(b, a)) {
			t.Fatal("another difference than the obvious")
		}
	})
}

// The mean number of symbols for each item of the difference is that of the
// paper: 1.35 to 1.45 in the long run, a little more for small ones.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		d, rounds int
		low, high float64
	}{{100, 60, 1.3, 1.55}, {300, 40, 1.3, 1.5}, {1000, 20, 1.3, 1.45}, {5000, 6, 1.3, 1.42}} {
		total := 0
		for seed := range c.rounds {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(c.d)))
			a, b := sets(r, 500, c.d/2, c.d-c.d/2)
			_, _, n := decode(t, Salt{byte(seed), 9}, a, b, max(1, c.d/200))
			total += n
		}
		mean := float64(total) / float64(c.rounds) / float64(c.d)
		t.Logf("%d differences: %.3f symbols each", c.d, mean)
		if mean < c.low || mean > c.high {
			t.Errorf("%d differences take %.3f symbols each, want %.2f to %.2f", c.d, mean, c.low, c.high)
		}
	}
}

// A first batch that is too short still says about how many more are needed.
func TestEstimate(t *testing.T) {
	for _, d := range []int{500, 3000, 20_000} {
		for _, theirs := range []int{d / 2, d, 0} {
			r := rand.New(rand.NewPCG(uint64(d), uint64(theirs)))
			a, b := sets(r, 2000, theirs, d-theirs)
			enc, dec := NewEncoder(Salt{1}, a), NewDecoder(Salt{1}, b)
			if done, err := dec.Add(enc.Next(256)); done || err != nil {
				t.Fatal(done, err)
			}
			if got := dec.Estimate(); got < d*6/10 || got > d*15/10 {
				t.Errorf("%d of %d differences theirs: the estimate is %d", theirs, d, got)
			}
		}
	}
}

func TestWireBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	items, _ := sets(r, 20_000, 0, 0)
	symbols := NewEncoder(Salt{3}, items).Next(1000)
	b := AppendSymbols(nil, 20_000, 0, symbols)
	if each := float64(len(b)) / 1000; each > 15.3 {
		t.Errorf("%.2f bytes a symbol, want about 15", each)
	}
	got, err := ParseSymbols(b, 20_000, 0)
	if err != nil || !slices.Equal(got, symbols) {
		t.Fatalf("%v, or other symbols than were written", err)
	}
	for cut := 1; cut < MinSymbolBytes; cut++ {
		if _, err := ParseSymbols(b[:len(b)-cut], 20_000, 0); !errors.Is(err, ErrSketch) {
			t.Errorf("%d bytes cut off: %v", cut, err)
		}
	}
	for name, s := range map[string]Symbol{"negative": {Count: -1}, "more than there are": {Count: 20_001}} {
		if _, err := ParseSymbols(AppendSymbols(nil, 20_000, 7, []Symbol{s}), 20_000, 7); !errors.Is(err, ErrSketch) {
			t.Errorf("a count that is %s: %v", name, err)
		}
	}
}

// Symbols that nobody's set gives end in an error, or in no difference, after
// work that goes by their number.
func TestMadeUpSymbols(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	_, b := sets(r, 100, 0, 0)
	salt := Salt{6}
	h := newHasher(salt)
	for name, next := range map[string]func(i int) Symbol{
		"noise": func(int) Symbol { return Symbol{r.Uint64(), r.Uint64(), r.Int64N(5)} },
		"each another pure one": func(int) Symbol {
			x := r.Uint64()
			return Symbol{x, h.check(x), 1}
		},
		"all the same pure one": func(int) Symbol { return Symbol{1, h.check(1), 1} },
		"nothing":               func(int) Symbol { return Symbol{} },
	} {
		d := NewDecoder(salt, b)
		var symbols []Symbol
		for i := range 2000 {
			symbols = append(symbols, next(i))
		}
		done, err := d.Add(symbols)
		if len(d.found) > 2000 {
			t.Errorf("%s: %d items from 2000 symbols", name, len(d.found))
		}
		if name == "nothing" { // an empty set: all of ours is the difference
			if _, ours, _ := d.Difference(); !done || len(ours) != 100 {
				t.Errorf("%s: %d items of ours, done %v %v", name, len(ours), done, err)
			}
			continue
		}
		if done && err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func TestTooManySymbols(t *testing.T) {
	d := NewDecoder(Salt{}, nil)
	if _, err := d.Add(make([]Symbol, MaxSymbols+1)); err == nil {
		t.Error("more symbols than the limit are taken")
	}
	if n := len(NewEncoder(Salt{}, nil).Next(MaxSymbols + 1)); n != MaxSymbols {
		t.Errorf("%d symbols made, limit %d", n, MaxSymbols)
	}
}

// FuzzMadeUp decodes anything that parses.
func FuzzMadeUp(f *testing.F) {
	items, _ := sets(rand.New(rand.NewPCG(7, 7)), 40, 0, 0)
	f.Add(AppendSymbols(nil, 40, 0, NewEncoder(Salt{1}, items).Next(30)), uint64(40))
	f.Add([]byte("nothing at all, only text"), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		symbols, err := ParseSymbols(b, n, 0)
		if err != nil {
			return
		}
		if back := AppendSymbols(nil, n, 0, symbols); len(back) > len(b) {
			t.Fatalf("%d bytes of %d", len(back), len(b))
		}
		d := NewDecoder(Salt{1}, items[:20])
		if _, err := d.Add(symbols); err == nil && len(d.found) > len(symbols) {
			t.Fatal("more items than symbols")
		}
		d.Estimate()
	})
}
