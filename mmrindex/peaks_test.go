// SPDX-License-Identifier: MPL-2.0

package mmrindex

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

const exhaustive = 300 // every size up to here is tried

func TestMountainsAppend(t *testing.T) {
	tree := newNaive(exhaustive)
	var m Peaks
	shown := 0
	for size := 0; ; size++ {
		if m.Size() != uint64(size) || m.Root() != tree.root(0, size) {
			t.Fatalf("size %d, root %s, want %d, %s", m.Size(), m.Root(), size, tree.root(0, size))
		}
		same, err := New(m.Size(), m.Hashes())
		if err != nil || same.Root() != m.Root() {
			t.Fatalf("size %d: from its peaks: %v, root %s", size, err, same.Root())
		}
		if size == exhaustive {
			return
		}
		err = m.Append(tree.leaves[size], func(level uint, index uint64, h digest.Hash) {
			shown++
			id := NodeID{Level: uint8(level), Index: index}
			if id.End() != uint64(size)+1 || h != tree.root(int(id.Begin()), int(id.End())) {
				t.Fatalf("size %d: node %v is wrong", size, id)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := int(SpanBase(uint64(size)+1, 0)); shown != want {
			t.Fatalf("size %d: %d nodes shown, want %d", size+1, shown, want)
		}
	}
}

func TestMountainsMerge(t *testing.T) {
	tree := newNaive(exhaustive)
	for x := 0; x <= exhaustive; x += 1 + x/40 {
		left, err := ReadPeaks(uint64(x), tree)
		if err != nil {
			t.Fatal(err)
		}
		for y := x; y <= exhaustive; y++ {
			m := left
			mid, err := CompactRange(uint64(x), uint64(y), tree)
			if err := errors.Join(err, m.Merge(mid, nil)); err != nil {
				t.Fatal(err)
			}
			if m.Size() != uint64(y) || m.Root() != tree.root(0, y) {
				t.Fatalf("%d and [%d, %d): size %d, root %s", x, x, y, m.Size(), m.Root())
			}
		}
		if left.Size() != uint64(x) || left.Root() != tree.root(0, x) {
			t.Fatalf("merging to a copy changed the mountains of size %d", x)
		}
	}
}

// TestMountainsWith puts every number of leaves behind every small size.
func TestMountainsWith(t *testing.T) {
	tree := newNaive(64)
	var m Peaks
	for size := range 64 {
		for end := size; end <= 64; end++ {
			whole, err := m.With(tree.leaves[size:end])
			if err != nil || whole.Size() != uint64(end) || whole.Root() != tree.root(0, end) {
				t.Fatalf("%d leaves behind %d: size %d, root %s, %v", end-size, size, whole.Size(), whole.Root(), err)
			}
		}
		if m.Size() != uint64(size) || m.Root() != tree.root(0, size) {
			t.Fatalf("size %d did not stay as it was", size)
		}
		if err := m.Append(tree.leaves[size], nil); err != nil {
			t.Fatal(err)
		}
	}
}

// A copy must stay as it was: not only its size, its peaks too.
func TestMountainsValue(t *testing.T) {
	leaves := testLeaves(100)
	var m Peaks
	var kept []Peaks
	for _, leaf := range leaves {
		kept = append(kept, m)
		other := m
		if err := errors.Join(other.Append(digest.Empty, nil), m.Append(leaf, nil)); err != nil {
			t.Fatal(err)
		}
		m.Hashes()[0] = digest.Empty
		m.CompactRange().Hashes[0] = digest.Empty
	}
	tree := newNaive(100)
	for size, k := range kept {
		if k.Root() != tree.root(0, size) {
			t.Fatalf("the copy of size %d changed", size)
		}
	}
	if c := m.Clone(); &c.all.Hashes[0] == &m.all.Hashes[0] || c.Root() != m.Root() {
		t.Error("a clone shares memory, or is another")
	}
	peaks := m.Hashes()
	fresh, err := New(100, peaks)
	peaks[0] = digest.Empty
	if err != nil || fresh.Root() != tree.root(0, 100) {
		t.Error("New kept the caller's slice")
	}
}

func TestMountainsRefused(t *testing.T) {
	for size, n := range map[uint64]int{0: 1, 1: 0, 3: 1, 4: 2, merkleindex.MaxSize: 0, merkleindex.MaxSize + 1: 2, math.MaxUint64: 64} {
		if m, err := New(size, make([]digest.Hash, n)); !errors.Is(err, ErrPeaks) || m.Size() != 0 {
			t.Errorf("size %d with %d peaks: %v", size, n, err)
		}
	}
	tree := newNaive(20)
	m, err := ReadPeaks(9, tree)
	if err != nil {
		t.Fatal(err)
	}
	gap, err := CompactRange(10, 12, tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Merge(gap, nil); !errors.Is(err, ErrPeaks) || m.Size() != 9 || m.Root() != tree.root(0, 9) {
		t.Errorf("merge over a gap: %v", err)
	}
	full, err := New(merkleindex.MaxSize, make([]digest.Hash, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := full.Append(digest.Empty, nil); !errors.Is(err, ErrPeaks) || full.Size() != merkleindex.MaxSize {
		t.Errorf("append at the largest size: %v", err)
	}
}

// What a peer holds of a longer log: merging in any pieces gives one root.
func TestMountainsPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	tree := newWhole(1 << 16)
	for range 50 {
		size := rnd.Uint64N(1<<16) + 1
		cuts := []uint64{0, size}
		for range rnd.IntN(20) {
			cuts = append(cuts, rnd.Uint64N(size))
		}
		slices.Sort(cuts)
		var m Peaks
		for i, end := range cuts[1:] {
			r, err := CompactRange(cuts[i], end, tree)
			if err := errors.Join(err, m.Merge(r, nil)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := ReadPeaks(size, tree)
		if err != nil || m.Root() != want.Root() || !slices.Equal(m.Hashes(), want.Hashes()) {
			t.Fatalf("size %d in %d pieces: other peaks, %v", size, len(cuts)-1, err)
		}
	}
}

func TestMountainsPeak(t *testing.T) {
	tree := newNaive(64)
	for size := uint64(0); size <= 64; size++ {
		m, err := ReadPeaks(size, tree)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for level := range uint8(9) {
			for index := range uint64(66) {
				id := NodeID{Level: level, Index: index}
				h, ok := m.Peak(id)
				if !ok {
					continue
				}
				if found++; h != tree.root(int(id.Begin()), int(id.End())) {
					t.Errorf("size %d: peak %v is wrong", size, id)
				}
			}
		}
		if found != len(m.Hashes()) {
			t.Errorf("size %d: %d nodes are peaks, want %d", size, found, len(m.Hashes()))
		}
	}
	if _, ok := (Peaks{}).Peak(NodeID{Level: 255, Index: math.MaxUint64}); ok {
		t.Error("a peak of nothing")
	}
}
