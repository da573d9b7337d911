// SPDX-License-Identifier: MPL-2.0

package merkleindex

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

const exhaustive = 300 // every size up to here is tried

func TestRangeNodes(t *testing.T) {
	top := NodeID{Level: 9}
	for begin := uint64(0); begin <= exhaustive; begin++ {
		for end := begin; end <= exhaustive; end++ {
			want := naiveRange(top, begin, end)
			if begin == end {
				want = nil
			}
			if got := RangeNodes(begin, end); !slices.Equal(got, want) {
				t.Fatalf("RangeNodes(%d, %d) = %v, want %v", begin, end, got, want)
			}
			if got := RangeLen(begin, end); got != len(want) {
				t.Fatalf("RangeLen(%d, %d) = %d, want %d", begin, end, got, len(want))
			}
		}
	}
}

func TestRangeNodesLarge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		begin := rnd.Uint64N(MaxSize) >> rnd.UintN(62)
		end := begin + rnd.Uint64N(MaxSize-begin+1)>>rnd.UintN(62)
		got := RangeNodes(begin, end)
		var want []NodeID
		for _, id := range compact.RangeNodes(begin, end, nil) {
			want = append(want, NodeID{uint8(id.Level), id.Index})
		}
		if !slices.Equal(got, want) || RangeLen(begin, end) != len(want) {
			t.Fatalf("[%d, %d): %d nodes %v, want %v", begin, end, RangeLen(begin, end), got, want)
		}
	}
}

func TestRangeLimits(t *testing.T) {
	if n := RangeLen(1, MaxSize-1); n != 122 {
		t.Errorf("longest range has %d hashes, documented 122", n)
	}
	for _, r := range [][2]uint64{{3, 2}, {0, MaxSize + 1}, {0, math.MaxUint64}, {math.MaxUint64, 0}, {math.MaxUint64 - 1, math.MaxUint64}} {
		if n, ids := RangeLen(r[0], r[1]), RangeNodes(r[0], r[1]); n != 0 || len(ids) != 0 {
			t.Errorf("%v: %d hashes, nodes %v, want none", r, n, ids)
		}
		if err := (CompactRange{Begin: r[0], End: r[1]}).Valid(); !errors.Is(err, ErrRange) {
			t.Errorf("%v: Valid returned %v", r, err)
		}
	}
	full := CompactRange{Begin: MaxSize - 1, End: MaxSize, Hashes: make([]digest.Hash, 1)}
	if err := full.Append(digest.Empty, nil); !errors.Is(err, ErrRange) || full.End != MaxSize {
		t.Errorf("append at the largest size: %v, end %d", err, full.End)
	}
}

// Each node must be shown once, after its children, with the hash of its leaves.
func TestRangeAppend(t *testing.T) {
	for begin := uint64(0); begin < 40; begin++ {
		leaves := testLeaves(begin, exhaustive)
		r := CompactRange{Begin: begin, End: begin}
		seen := map[NodeID]digest.Hash{}
		for end := begin; end < exhaustive; end++ {
			err := r.Append(leaves[end-begin], func(level uint, index uint64, h digest.Hash) {
				id := NodeID{uint8(level), index}
				if _, twice := seen[id]; twice {
					t.Fatalf("%v was shown twice", id)
				}
				seen[id] = h
			})
			if err != nil {
				t.Fatal(err)
			}
			want := naiveHashes(RangeNodes(begin, end+1), leaves, begin)
			if !slices.Equal(r.Hashes, want) || r.End != end+1 {
				t.Fatalf("[%d, %d) after append at %d is wrong", r.Begin, r.End, end)
			}
		}
		ids := naiveNodes(begin, exhaustive)
		if len(ids) != len(seen) {
			t.Fatalf("from %d: %d nodes shown, want %d", begin, len(seen), len(ids))
		}
		for i, h := range naiveHashes(ids, leaves, begin) {
			if seen[ids[i]] != h {
				t.Fatalf("from %d: node %v is wrong", begin, ids[i])
			}
		}
	}
}

func TestRangeRoot(t *testing.T) {
	leaves := testLeaves(0, exhaustive)
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	other := factory.NewEmptyRange(0)
	var r CompactRange
	for size := 0; ; size++ {
		got, err := r.Root()
		if want := naiveRoot(leaves[:size]); err != nil || got != want {
			t.Fatalf("size %d: root %s, %v, want %s", size, got, err, want)
		}
		if size > 0 {
			if want, err := other.GetRootHash(nil); err != nil || digest.Hash(want) != got {
				t.Fatalf("size %d: transparency-dev has %x, %v", size, want, err)
			}
		}
		if size == len(leaves) {
			return
		}
		if err := errors.Join(r.Append(leaves[size], nil), other.Append(leaves[size][:], nil)); err != nil {
			t.Fatal(err)
		}
	}
}

func builtRange(leaves []digest.Hash, begin, end uint64) CompactRange {
	hashes := naiveHashes(RangeNodes(begin, end), leaves, 0)
	return CompactRange{Begin: begin, End: end, Hashes: hashes}
}

// Merging must not depend on where ranges are cut, and must show just the
// nodes that are in neither part.
func TestRangeMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	leaves := testLeaves(0, exhaustive)
	for range 5000 {
		cut := []uint64{rnd.Uint64N(exhaustive + 1), rnd.Uint64N(exhaustive + 1), rnd.Uint64N(exhaustive + 1)}
		slices.Sort(cut)
		x, y, z := cut[0], cut[1], cut[2]
		left, right := builtRange(leaves, x, y), builtRange(leaves, y, z)
		shown := 0
		err := left.Merge(right, func(level uint, index uint64, h digest.Hash) {
			id := NodeID{uint8(level), index}
			if id.Begin() < x || id.Begin() >= y || id.End() <= y || id.End() > z {
				t.Fatalf("[%d, %d) and [%d, %d): node %v is not across the seam", x, y, y, z, id)
			}
			if h != naiveRoot(leaves[id.Begin():id.End()]) {
				t.Fatalf("node %v is wrong", id)
			}
			shown++
		})
		want := builtRange(leaves, x, z)
		if err != nil || left.Begin != x || left.End != z || !slices.Equal(left.Hashes, want.Hashes) {
			t.Fatalf("[%d, %d) and [%d, %d): wrong, %v", x, y, y, z, err)
		}
		if n := len(naiveNodes(x, z)) - len(naiveNodes(x, y)) - len(naiveNodes(y, z)); shown != n {
			t.Fatalf("[%d, %d) and [%d, %d): %d nodes shown, want %d", x, y, y, z, shown, n)
		}
	}
}

func TestRangeMergeRefused(t *testing.T) {
	leaves := testLeaves(0, 20)
	good := builtRange(leaves, 3, 11)
	for name, right := range map[string]CompactRange{
		"gap":        builtRange(leaves, 12, 15),
		"overlap":    builtRange(leaves, 10, 15),
		"hash short": {Begin: 11, End: 15, Hashes: make([]digest.Hash, RangeLen(11, 15)-1)},
		"hash more":  {Begin: 11, End: 15, Hashes: make([]digest.Hash, RangeLen(11, 15)+1)},
		"backwards":  {Begin: 11, End: 10},
		"too large":  {Begin: 11, End: MaxSize + 1},
	} {
		r := good.Clone()
		if err := r.Merge(right, nil); !errors.Is(err, ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
		if r.End != good.End || !slices.Equal(r.Hashes, good.Hashes) {
			t.Errorf("%s: refused, and changed", name)
		}
	}
	short := CompactRange{Begin: 3, End: 11}
	if err := short.Append(leaves[11], nil); !errors.Is(err, ErrRange) {
		t.Errorf("append to a range without hashes: %v", err)
	}
	if _, err := short.Root(); !errors.Is(err, ErrRange) {
		t.Errorf("root of a range without hashes: %v", err)
	}
}

func TestRangeClone(t *testing.T) {
	leaves := testLeaves(0, 8)
	r := builtRange(leaves, 0, 7)
	c := r.Clone()
	if err := r.Append(leaves[7], nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Hashes, builtRange(leaves, 0, 7).Hashes) {
		t.Error("appending to the original changed the clone")
	}
}

func FuzzRangeMerge(f *testing.F) {
	f.Add(uint64(0), uint64(5), uint64(5), uint64(9), uint8(2), uint8(2))
	f.Add(uint64(3), uint64(8), uint64(8), uint64(300), uint8(3), uint8(4))
	f.Add(uint64(0), uint64(MaxSize), uint64(MaxSize), uint64(MaxSize+1), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, a, b, c, d uint64, n, m uint8) {
		left := CompactRange{a, b, make([]digest.Hash, n)}
		right := CompactRange{c, d, make([]digest.Hash, m)}
		for i := range right.Hashes {
			right.Hashes[i][0] = byte(i)
		}
		ok := left.Valid() == nil && right.Valid() == nil && b == c
		shown := 0
		err := left.Merge(right, func(uint, uint64, digest.Hash) { shown++ })
		if (err == nil) != ok {
			t.Fatalf("[%d, %d) with %d and [%d, %d) with %d: %v", a, b, n, c, d, m, err)
		}
		if err != nil {
			return
		}
		if err := left.Valid(); err != nil {
			t.Fatal(err)
		}
		if shown > 122 || len(left.Hashes) != int(n)+int(m)-shown {
			t.Fatalf("%d and %d hashes, %d nodes made, %d left", n, m, shown, len(left.Hashes))
		}
	})
}
