// SPDX-License-Identifier: MPL-2.0

package sketch

import (
	"errors"
	"fmt"
	"math"
)

// MaxSymbols is the most symbols that one exchange makes or takes.
const MaxSymbols = 1 << 19

// ErrSketch is returned for symbols that no two sets give: the peer, or what
// lies between, made them up.
var ErrSketch = errors.New("a sketch of symbols that no set gives")

// A Decoder finds the difference between the set of an encoder and its own.
// Its memory and work go by the symbols it was given: at most one item is
// found for each, and a symbol is looked at once for each item that is mapped
// to it.
type Decoder struct {
	h       hasher
	own     *Encoder
	symbols []Symbol // theirs less ours less what was found
	found   []found
	pure    []int // symbols to look at
}

// A found item; sign is 1 if it is theirs, -1 if it is ours.
type found struct {
	item, check uint64
	sign        int64
	m           mapping // the next index that is not subtracted yet
}

// NewDecoder returns a decoder for one who has a set. It keeps the slice.
func NewDecoder(salt Salt, items []uint64) *Decoder {
	return &Decoder{h: newHasher(salt), own: NewEncoder(salt, items)}
}

// Len is the number of symbols taken so far.
func (d *Decoder) Len() int { return len(d.symbols) }

// Add takes the symbols that follow those taken before, and reports whether
// the difference is known. Symbols past that are an error, and so are those
// past MaxSymbols.
func (d *Decoder) Add(theirs []Symbol) (done bool, err error) {
	if len(d.symbols)+len(theirs) > MaxSymbols {
		return false, fmt.Errorf("%d symbols of a sketch and %d more, limit %d", len(d.symbols), len(theirs), MaxSymbols)
	}
	begin := len(d.symbols)
	for i, s := range d.own.Next(len(theirs)) {
		s.add(theirs[i].Item, theirs[i].Check&checkMask, 0)
		s.Count = theirs[i].Count - s.Count
		d.symbols = append(d.symbols, s)
	}
	for i := range d.found {
		d.subtract(&d.found[i])
	}
	for i := begin; i < len(d.symbols); i++ {
		d.pure = append(d.pure, i)
	}
	return d.peel()
}

// subtract takes a found item out of the symbols it is mapped to.
func (d *Decoder) subtract(f *found) {
	for ; f.m.index < uint64(len(d.symbols)); f.m.next() {
		s := &d.symbols[f.m.index]
		s.add(f.item, f.check, -f.sign)
		if s.Count == 1 || s.Count == -1 {
			d.pure = append(d.pure, int(f.m.index))
		}
	}
}

func (d *Decoder) peel() (bool, error) {
	for len(d.pure) > 0 {
		s := d.symbols[d.pure[len(d.pure)-1]]
		d.pure = d.pure[:len(d.pure)-1]
		if s.Count != 1 && s.Count != -1 || d.h.check(s.Item) != s.Check {
			continue
		}
		if len(d.found) >= len(d.symbols) {
			d.pure = nil
			return false, fmt.Errorf("%w: more than %d items in as many", ErrSketch, len(d.symbols))
		}
		f := found{item: s.Item, check: s.Check, sign: s.Count, m: mapping{state: d.h.seed(s.Item)}}
		d.subtract(&f)
		d.found = append(d.found, f)
	}
	return len(d.symbols) > 0 && d.symbols[0].zero(), nil
}

// Difference returns what was found: the items that only the encoder has, and
// those that only the decoder has. It is all once Add said done.
func (d *Decoder) Difference() (theirs, ours []uint64, err error) {
	seen := make(map[uint64]bool, len(d.found))
	for _, f := range d.found {
		if seen[f.item] {
			return nil, nil, fmt.Errorf("%w: an item is found twice", ErrSketch)
		}
		seen[f.item] = true
		if f.sign > 0 {
			theirs = append(theirs, f.item)
		} else {
			ours = append(ours, f.item)
		}
	}
	return theirs, ours, nil
}

// Estimate guesses how many items the difference has from symbols that did
// not give it away: the counts of what is left scatter by it. It adds what was
// found already.
func (d *Decoder) Estimate() int {
	if len(d.symbols) == 0 {
		return 0
	}
	excess, sum, n := float64(d.symbols[0].Count), 0.0, 0
	for i := 1; i < len(d.symbols); i++ {
		p := density(uint64(i))
		diff := float64(d.symbols[i].Count) - excess*p
		sum += min(diff*diff/(p*(1-p)), math.MaxInt32)
		n++
	}
	left := math.Abs(excess)
	if n > 0 {
		left = max(left, sum/float64(n))
	}
	return len(d.found) + int(min(left, math.MaxInt32))
}
