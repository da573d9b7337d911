// SPDX-License-Identifier: MPL-2.0

package merkleindex

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/race"
)

func TestLayout(t *testing.T) {
	for begin := uint64(0); begin <= exhaustive; begin += 1 + begin/70 {
		for end := begin; end <= exhaustive; end += 1 + end/70 {
			ids := naiveNodes(begin, end)
			if got := NodeCount(begin, end); got != len(ids) {
				t.Fatalf("NodeCount(%d, %d) = %d, want %d", begin, end, got, len(ids))
			}
			for want, id := range ids {
				if got, ok := NodeOffset(begin, end, uint(id.Level), id.Index); !ok || got != want {
					t.Fatalf("NodeOffset(%d, %d, %v) = %d, %v, want %d", begin, end, id, got, ok, want)
				}
			}
		}
	}
}

func TestNodeOffsetElsewhere(t *testing.T) {
	const begin, end = 5, 21
	stored := naiveNodes(begin, end)
	for level := range uint(70) {
		for _, index := range []uint64{0, 1, 2, 3, 4, 5, 9, 10, 11, 20, 1 << 40, math.MaxUint64} {
			want := slices.Contains(stored, NodeID{uint8(level), index})
			if at, ok := NodeOffset(begin, end, level, index); ok != want || !ok && at != 0 {
				t.Errorf("level %d index %d: %d, %v, want %v", level, index, at, ok, want)
			}
		}
	}
	for _, p := range [][2]uint64{{9, 9}, {9, 3}, {math.MaxUint64, math.MaxUint64}, {math.MaxUint64 - 9, math.MaxUint64}} {
		if n := NodeCount(p[0], p[1]); n != 0 {
			t.Errorf("page [%d, %d) has %d nodes", p[0], p[1], n)
		}
	}
	if n := NodeCount(0, MaxSize); n != MaxSize-1 {
		t.Errorf("the largest page has %d nodes, want %d", n, MaxSize-1)
	}
}

// checkBuilder compares everything that b holds with the twins.
func checkBuilder(t *testing.T, b *Builder, begin uint64, leaves []digest.Hash) {
	t.Helper()
	end := begin + uint64(len(leaves))
	if b.First() != begin || b.End() != end || b.Len() != len(leaves) || !slices.Equal(b.Leaves(), leaves) {
		t.Fatalf("page [%d, %d) of %d, want [%d, %d)", b.First(), b.End(), b.Len(), begin, end)
	}
	ids := naiveNodes(begin, end)
	want := naiveHashes(ids, leaves, begin)
	if got := b.Nodes(nil); !slices.Equal(got, want) {
		t.Fatalf("page [%d, %d): %d nodes, want %d, or other hashes", begin, end, len(got), len(want))
	}
	for i, id := range ids {
		if h, ok := b.Node(uint(id.Level), id.Index); !ok || h != want[i] {
			t.Fatalf("page [%d, %d): node %v is %s, %v", begin, end, id, h.Short(), ok)
		}
	}
	r := b.Range()
	if hashes := naiveHashes(RangeNodes(begin, end), leaves, begin); !slices.Equal(r.Hashes, hashes) || r.Valid() != nil {
		t.Fatalf("page [%d, %d): compact range is wrong", begin, end)
	}
}

// One builder is used again for every page, one leaf at a time or in batches.
func TestBuilder(t *testing.T) {
	b := NewBuilder(0)
	for begin := uint64(0); begin <= 70; begin++ {
		for n := range uint64(70) {
			leaves := testLeaves(begin, begin+n)
			b.Reset(begin)
			for _, h := range leaves {
				b.Append(h)
			}
			checkBuilder(t, b, begin, leaves)
		}
	}
}

func TestBuilderBatches(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		begin := rnd.Uint64N(1 << 20)
		n := rnd.IntN(300)
		leaves := testLeaves(begin, begin+uint64(n))
		b := NewBuilder(begin)
		for at := 0; at < n; {
			next := min(n, at+rnd.IntN(40))
			b.AppendAll(leaves[at:next])
			at = next
		}
		rebuilt := NewBuilder(7)
		rebuilt.AppendAll(leaves[:n/3])
		rebuilt.Reset(begin)
		rebuilt.AppendAll(leaves)
		checkLarge(t, b, leaves)
		checkLarge(t, rebuilt, leaves)
	}
}

// checkLarge is checkBuilder for pages whose nodes are too far from the start
// of the log to be tried one by one.
func checkLarge(t *testing.T, b *Builder, leaves []digest.Hash) {
	t.Helper()
	nodes := b.Nodes(nil)
	if want := NodeCount(b.First(), b.End()); len(nodes) != want {
		t.Fatalf("page [%d, %d): %d nodes, want %d", b.First(), b.End(), len(nodes), want)
	}
	r := CompactRange{Begin: b.First(), End: b.First()}
	for _, leaf := range leaves {
		err := r.Append(leaf, func(level uint, index uint64, h digest.Hash) {
			at, ok := NodeOffset(b.First(), b.End(), level, index)
			if !ok || nodes[at] != h {
				t.Fatalf("page [%d, %d): node (%d, %d) is not at %d", b.First(), b.End(), level, index, at)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := b.Range(); !slices.Equal(got.Hashes, r.Hashes) || got.End != r.End {
		t.Fatalf("page [%d, %d): compact range is wrong", b.First(), b.End())
	}
}

func TestBuilderNodeElsewhere(t *testing.T) {
	b := NewBuilder(5)
	b.AppendAll(testLeaves(5, 21))
	for _, id := range []NodeID{{0, 4}, {0, 21}, {1, 2}, {1, 10}, {4, 0}, {5, 0}, {63, 0}, {255, 0}, {0, math.MaxUint64}} {
		if h, ok := b.Node(uint(id.Level), id.Index); ok || h != (digest.Hash{}) {
			t.Errorf("node %v is in the page [5, 21)", id)
		}
	}
	if _, ok := b.Node(math.MaxUint, 0); ok {
		t.Error("there is a node of the highest level")
	}
}

func TestBuilderRangeOwned(t *testing.T) {
	b := NewBuilder(3)
	b.AppendAll(testLeaves(3, 100))
	r := b.Range()
	b.Reset(100)
	b.AppendAll(testLeaves(200, 300))
	if !slices.Equal(r.Hashes, naiveHashes(RangeNodes(3, 100), testLeaves(3, 100), 3)) {
		t.Error("the range changed with the builder")
	}
}

func TestBuilderAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes sync.Pool forget: make norace runs it")
	}
	b, leaves := NewBuilder(0), testLeaves(0, 64)
	b.AppendAll(leaves)
	n := testing.AllocsPerRun(100, func() {
		b.Reset(b.End())
		b.AppendAll(leaves[:63])
		b.Append(leaves[63])
		b.Range()
	})
	if n > 1 {
		t.Errorf("%v allocations a page, want one for its range", n)
	}
}

// 61 events of 256 bytes fit a page of 16 KiB.
func BenchmarkBuilderAppendAll(b *testing.B) {
	leaves := testLeaves(0, 61)
	tree := NewBuilder(0)
	b.ReportAllocs()
	for b.Loop() {
		tree.Reset(tree.End())
		tree.AppendAll(leaves)
		tree.Range()
	}
	b.ReportMetric(float64(len(leaves)*b.N)/b.Elapsed().Seconds(), "leaves/s")
}

func BenchmarkBuilderAppend(b *testing.B) {
	leaves := testLeaves(0, 61)
	tree := NewBuilder(0)
	b.ReportAllocs()
	for b.Loop() {
		tree.Reset(tree.End())
		for _, h := range leaves {
			tree.Append(h)
		}
	}
	b.ReportMetric(float64(len(leaves)*b.N)/b.Elapsed().Seconds(), "leaves/s")
}

func BenchmarkRangeAppend(b *testing.B) {
	var r CompactRange
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Append(digest.Empty, nil); err != nil {
			b.Fatal(err)
		}
	}
}
