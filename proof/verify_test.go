// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	merkleproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

const exhaustive = 300 // every size up to here is tried

// tree is the slow and obvious tree: the recursive definitions of RFC 6962,
// section 2.1, over leaf hashes, with the subtrees it has hashed remembered.
type tree struct {
	leaves []digest.Hash
	known  map[[2]int]digest.Hash
}

func newTree(n int) *tree {
	t := &tree{make([]digest.Hash, n), map[[2]int]digest.Hash{}}
	for seq := range t.leaves {
		t.leaves[seq] = digest.Leaf(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	}
	return t
}

func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// root is MTH(D[x:y]).
func (t *tree) root(x, y int) digest.Hash {
	if h, ok := t.known[[2]int{x, y}]; ok {
		return h
	}
	h := digest.Empty
	if y-x == 1 {
		h = t.leaves[x]
	} else if y > x {
		k := x + split(y-x)
		h = digest.Node(t.root(x, k), t.root(k, y))
	}
	t.known[[2]int{x, y}] = h
	return h
}

// inclusion is PATH(m-x, D[x:y]).
func (t *tree) inclusion(m, x, y int) []digest.Hash {
	if y-x == 1 {
		return nil
	}
	k := x + split(y-x)
	if m < k {
		return append(t.inclusion(m, x, k), t.root(k, y))
	}
	return append(t.inclusion(m, k, y), t.root(x, k))
}

// consistency is SUBPROOF(m-x, D[x:y], whole).
func (t *tree) consistency(m, x, y int, whole bool) []digest.Hash {
	switch {
	case m == 0 || m == y && whole:
		return nil
	case m == y:
		return []digest.Hash{t.root(x, y)}
	}
	k := x + split(y-x)
	if m <= k {
		return append(t.consistency(m, x, k, whole), t.root(k, y))
	}
	return append(t.consistency(m, k, y, false), t.root(x, k))
}

// ReadNodes hashes each node from its leaves.
func (t *tree) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		if id.End() > uint64(len(t.leaves)) {
			return fmt.Errorf("node %v is not in a tree of %d leaves", id, len(t.leaves))
		}
		out[i] = t.root(int(id.Begin()), int(id.End()))
	}
	return nil
}

func flipped(h digest.Hash) digest.Hash {
	h[7] ^= 1
	return h
}

// spoiled calls f with each way to spoil one proof: one hash too few, one too
// many, a flipped bit in each hash, two neighbours the other way round.
func spoiled(hashes []digest.Hash, f func(how string, hashes []digest.Hash)) {
	for i := range hashes {
		bad := slices.Clone(hashes)
		bad[i] = flipped(bad[i])
		f(fmt.Sprintf("bit of hash %d", i), bad)
		f(fmt.Sprintf("without hash %d", i), slices.Delete(slices.Clone(hashes), i, i+1))
		if i > 0 {
			bad = slices.Clone(hashes)
			bad[i], bad[i-1] = bad[i-1], bad[i]
			f(fmt.Sprintf("swap at %d", i), bad)
		}
	}
	f("one more", append(slices.Clone(hashes), digest.Empty))
	f("one more in front", append([]digest.Hash{digest.Empty}, hashes...))
}

func TestVerifyInclusion(t *testing.T) {
	tr := newTree(exhaustive)
	for size := 1; size <= exhaustive; size++ {
		root := tr.root(0, size)
		for seq := range size {
			hashes := tr.inclusion(seq, 0, size)
			if err := VerifyInclusion(tr.leaves[seq], uint64(seq), uint64(size), hashes, root); err != nil {
				t.Fatalf("%d at size %d: %v", seq, size, err)
			}
			if size%37 == 0 {
				refuseInclusion(t, tr, seq, size, hashes)
			}
		}
	}
}

func refuseInclusion(t *testing.T, tr *tree, seq, size int, hashes []digest.Hash) {
	t.Helper()
	root, leaf := tr.root(0, size), tr.leaves[seq]
	refuse := func(how string, leaf digest.Hash, seq, size uint64, hashes []digest.Hash, root digest.Hash) {
		t.Helper()
		if err := VerifyInclusion(leaf, seq, size, hashes, root); !errors.Is(err, ErrProof) {
			t.Fatalf("%d at size %d, %s: %v", seq, size, how, err)
		}
	}
	spoiled(hashes, func(how string, bad []digest.Hash) {
		t.Helper()
		refuse(how, leaf, uint64(seq), uint64(size), bad, root)
	})
	refuse("leaf", flipped(leaf), uint64(seq), uint64(size), hashes, root)
	refuse("root", leaf, uint64(seq), uint64(size), hashes, flipped(root))
	for other := range uint64(size) + 2 {
		if other != uint64(seq) {
			refuse("other sequence", leaf, other, uint64(size), hashes, root)
		}
	}
}

func TestVerifyConsistency(t *testing.T) {
	tr := newTree(exhaustive)
	for size := 0; size <= exhaustive; size++ {
		for old := 0; old <= size; old++ {
			hashes := tr.consistency(old, 0, size, true)
			if err := VerifyConsistency(uint64(old), tr.root(0, old), uint64(size), tr.root(0, size), hashes); err != nil {
				t.Fatalf("%d with %d: %v", old, size, err)
			}
			if size%37 == 0 {
				refuseConsistency(t, tr, old, size, hashes)
			}
		}
	}
}

func refuseConsistency(t *testing.T, tr *tree, old, size int, hashes []digest.Hash) {
	t.Helper()
	oldRoot, root := tr.root(0, old), tr.root(0, size)
	refuse := func(how string, oldRoot, root digest.Hash, hashes []digest.Hash) {
		t.Helper()
		if err := VerifyConsistency(uint64(old), oldRoot, uint64(size), root, hashes); !errors.Is(err, ErrProof) {
			t.Fatalf("%d with %d, %s: %v", old, size, how, err)
		}
	}
	spoiled(hashes, func(how string, bad []digest.Hash) {
		t.Helper()
		refuse(how, oldRoot, root, bad)
	})
	refuse("old root", flipped(oldRoot), root, hashes)
	if old > 0 { // every root begins with nothing
		refuse("root", oldRoot, flipped(root), hashes)
	}
}

func TestVerifyRange(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	tr := newTree(exhaustive)
	for range 3000 {
		cut := []uint64{rnd.Uint64N(exhaustive + 1), rnd.Uint64N(exhaustive + 1), rnd.Uint64N(exhaustive + 1)}
		slices.Sort(cut)
		x, y, size := cut[0], cut[1], cut[2]
		left, err1 := mmrindex.ReadPeaks(x, tr)
		mid, err2 := mmrindex.CompactRange(x, y, tr)
		right, err3 := mmrindex.CompactRange(y, size, tr)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		root := tr.root(0, int(size))
		if err := VerifyRange(left, mid, right.Hashes, size, root); err != nil {
			t.Fatalf("%v: %v", cut, err)
		}
		before := slices.Clone(mid.Hashes)
		refuseRange(t, left, mid, right.Hashes, size, root)
		if !slices.Equal(before, mid.Hashes) || left.Root() != tr.root(0, int(x)) {
			t.Fatalf("%v: verifying changed what it was given", cut)
		}
	}
}

func refuseRange(t *testing.T, left mmrindex.Peaks, mid merkleindex.CompactRange, right []digest.Hash, size uint64, root digest.Hash) {
	t.Helper()
	refuse := func(how string, mid merkleindex.CompactRange, right []digest.Hash, size uint64, root digest.Hash) {
		t.Helper()
		if err := VerifyRange(left, mid, right, size, root); !errors.Is(err, ErrProof) {
			t.Fatalf("%d, %d, %d: %s: %v", left.Size(), mid.End, size, how, err)
		}
	}
	refuse("root", mid, right, size, flipped(root))
	refuse("one more on the right", mid, append(slices.Clone(right), digest.Empty), size, root)
	refuse("end before the range", merkleindex.CompactRange{Begin: mid.Begin, End: size + 1, Hashes: mid.Hashes}, right, size, root)
	refuse("gap", merkleindex.CompactRange{Begin: mid.Begin + 1, End: mid.End + 1, Hashes: mid.Hashes}, right, size+1, root)
	refuse("huge", mid, right, math.MaxUint64, root)
	for i := range right {
		bad := slices.Clone(right)
		bad[i] = flipped(bad[i])
		refuse("hash on the right", mid, bad, size, root)
	}
	for i := range mid.Hashes {
		bad := mid.Clone()
		bad.Hashes[i] = flipped(bad.Hashes[i])
		refuse("hash of the range", bad, right, size, root)
	}
}

func bytesOf(hashes []digest.Hash) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

// FuzzVerifyInclusion holds the verifiers against those of transparency-dev and
// of the Go checksum database: on any input all agree. If b makes a tree,
// true proofs are spoiled; else the hashes are whatever b holds.
func FuzzVerifyInclusion(f *testing.F) {
	f.Add(uint64(3), uint64(7), uint8(0), []byte{})
	f.Add(uint64(6), uint64(7), uint8(2), []byte{1})
	f.Add(uint64(0), uint64(1), uint8(0), []byte{})
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64), uint8(3), make([]byte, 96))
	f.Add(uint64(1<<61), uint64(merkleindex.MaxSize), uint8(1), make([]byte, 62*32))
	const small = 64
	tr := newTree(small)
	for size := range small + 1 {
		tr.root(0, size) // what is hashed once only would look like new coverage
		for seq := range size {
			tr.inclusion(seq, 0, size)
		}
	}
	f.Fuzz(func(t *testing.T, seq, size uint64, spoil uint8, b []byte) {
		var hashes []digest.Hash
		leaf, root, oldRoot := digest.Leaf(b), digest.Empty, digest.Empty
		real := size <= small && seq < size && spoil < 128
		if real {
			leaf, root, oldRoot = tr.leaves[seq], tr.root(0, int(size)), tr.root(0, int(seq))
			hashes = tr.inclusion(int(seq), 0, int(size))
		}
		for ; len(b) >= digest.Size && len(hashes) < 200; b = b[digest.Size:] {
			hashes = append(hashes, digest.Hash(b))
		}
		if real && spoil > 0 && len(hashes) > 0 {
			hashes[int(spoil)%len(hashes)][spoil&31] ^= spoil
		} else if real && spoil > 0 {
			leaf[spoil&31] ^= spoil
		}
		got := VerifyInclusion(leaf, seq, size, hashes, root) == nil
		if got != (real && spoil == 0 && len(hashes) == len(tr.inclusion(int(seq), 0, int(size)))) {
			t.Fatalf("sequence %d at size %d with %d hashes: accepted %v", seq, size, len(hashes), got)
		}
		if want := merkleproof.VerifyInclusion(rfc6962.DefaultHasher, seq, size, leaf[:], bytesOf(hashes), root[:]) == nil; size <= merkleindex.MaxSize && got != want {
			t.Fatalf("sequence %d at size %d: accepted %v, transparency-dev %v", seq, size, got, want)
		}
		got = VerifyConsistency(seq, oldRoot, size, root, hashes) == nil
		if 0 < seq && seq <= size && size <= merkleindex.MaxSize {
			want := tlog.CheckTree(tlogHashes(hashes), int64(size), tlog.Hash(root), int64(seq), tlog.Hash(oldRoot)) == nil
			if got != want {
				t.Fatalf("consistency of %d with %d: accepted %v, tlog %v", seq, size, got, want)
			}
		}
	})
}

func tlogHashes(hashes []digest.Hash) []tlog.Hash {
	var out []tlog.Hash
	for _, h := range hashes {
		out = append(out, tlog.Hash(h))
	}
	return out
}

func TestVerifyExtremes(t *testing.T) {
	many := make([]digest.Hash, 1000)
	for _, n := range []uint64{0, 1, merkleindex.MaxSize, merkleindex.MaxSize + 1, math.MaxInt64, math.MaxUint64} {
		for _, m := range []uint64{0, 1, 3, merkleindex.MaxSize - 1, merkleindex.MaxSize, math.MaxUint64} {
			for _, k := range []int{0, 1, 62, 63, 64, 1000} {
				if err := VerifyInclusion(digest.Empty, m, n, many[:k], digest.Empty); !errors.Is(err, ErrProof) && (m != 0 || n != 1 || k != 0) {
					t.Errorf("inclusion of %d at size %d with %d hashes: %v", m, n, k, err)
				}
				nothing := k == 0 && (m == 0 || m == n) && n <= merkleindex.MaxSize
				if err := VerifyConsistency(m, digest.Empty, n, digest.Empty, many[:k]); !errors.Is(err, ErrProof) && !nothing {
					t.Errorf("consistency of %d with %d and %d hashes: %v", m, n, k, err)
				}
			}
		}
	}
}

// A size past the limit is refused though its hashes do lead to the root.
func TestVerifyTooLarge(t *testing.T) {
	peak, leaf := digest.Leaf(nil), digest.Leaf([]byte("last"))
	root := digest.Node(peak, leaf)
	const size = merkleindex.MaxSize + 1
	if err := VerifyInclusion(leaf, size-1, size, []digest.Hash{peak}, root); !errors.Is(err, ErrProof) {
		t.Errorf("inclusion: %v", err)
	}
	if err := VerifyConsistency(size-1, peak, size, root, []digest.Hash{leaf}); !errors.Is(err, ErrProof) {
		t.Errorf("consistency: %v", err)
	}
	if err := VerifyInclusion(leaf, size/2, size-1, make([]digest.Hash, 62), root); !errors.Is(err, ErrProof) {
		t.Errorf("the longest proof: %v", err)
	}
	if err := VerifyInclusion(leaf, 1, 2, []digest.Hash{peak}, root); err != nil {
		t.Errorf("the same hashes at a size that can be: %v", err)
	}
}

func BenchmarkVerifyInclusion(b *testing.B) {
	tree := merkleindex.NewBuilder(0)
	for range 1 << 20 {
		tree.Append(digest.Empty)
	}
	w := builderNodes{tree}
	const seq, size = 777_777, 1 << 20
	hashes, err := mmrindex.Inclusion(seq, size, w)
	if err != nil {
		b.Fatal(err)
	}
	root := merkleindex.Bag(tree.Range().Hashes)
	b.ReportAllocs()
	for b.Loop() {
		if err := VerifyInclusion(digest.Empty, seq, size, hashes, root); err != nil {
			b.Fatal(err)
		}
	}
}

type builderNodes struct{ *merkleindex.Builder }

func (w builderNodes) ReadNodes(ids []mmrindex.NodeID, out []digest.Hash) error {
	for i, id := range ids {
		out[i], _ = w.Node(uint(id.Level), id.Index)
	}
	return nil
}
