// SPDX-License-Identifier: MPL-2.0

package mmrindex

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	merkleproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

func TestInclusion(t *testing.T) {
	tree := newNaive(exhaustive)
	for size := 1; size <= exhaustive; size++ {
		for seq := range size {
			got, err := Inclusion(uint64(seq), uint64(size), tree)
			if want := tree.inclusion(seq, 0, size); err != nil || !slices.Equal(got, want) {
				t.Fatalf("inclusion of %d at size %d: %d hashes, want %d, %v", seq, size, len(got), len(want), err)
			}
		}
	}
}

func TestConsistency(t *testing.T) {
	tree := newNaive(exhaustive)
	for size := 0; size <= exhaustive; size++ {
		for old := 0; old <= size; old++ {
			var want []digest.Hash
			if old > 0 {
				want = tree.consistency(old, 0, size, true)
			}
			got, err := Consistency(uint64(old), uint64(size), tree)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("consistency of %d with %d: %d hashes, want %d, %v", old, size, len(got), len(want), err)
			}
		}
	}
}

// sizes returns sizes up to 1 << 20, those around powers of two among them.
func sizes(rnd *rand.Rand) []uint64 {
	list := []uint64{1, 1 << 20, 1<<20 - 1}
	for k := range 19 {
		list = append(list, 2<<k-1, 2<<k, 2<<k+1)
	}
	for range 100 {
		list = append(list, 1+rnd.Uint64N(1<<20))
	}
	return list
}

// tlogReader serves the nodes of w to package tlog.
func tlogReader(w whole) tlog.HashReader {
	return tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, a := range at {
			level, index := tlog.SplitStoredHashIndex(a)
			h, ok := w.Node(uint(level), uint64(index))
			if !ok {
				return nil, errors.New("no such node")
			}
			out[i] = tlog.Hash(h)
		}
		return out, nil
	})
}

func tlogHashes(hashes []digest.Hash) []tlog.Hash {
	var out []tlog.Hash
	for _, h := range hashes {
		out = append(out, tlog.Hash(h))
	}
	return out
}

func slicesOf(hashes []digest.Hash) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, h[:])
	}
	return out
}

// Up to a million leaves: the proofs are those of the Go checksum database's
// package, and its and transparency-dev's verifiers accept them.
func TestAgainstOthers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	w := newWhole(1 << 20)
	reader := tlogReader(w)
	for _, size := range sizes(rnd) {
		m, err := ReadPeaks(size, w)
		if err != nil {
			t.Fatal(err)
		}
		root := m.Root()
		if want, err := tlog.TreeHash(int64(size), reader); err != nil || want != tlog.Hash(root) {
			t.Fatalf("size %d: root %s, tlog has %s, %v", size, root, want, err)
		}
		for _, seq := range []uint64{0, size - 1, rnd.Uint64N(size), rnd.Uint64N(size)} {
			checkInclusion(t, w, reader, seq, size, root)
		}
		for _, old := range []uint64{1, size, 1 + rnd.Uint64N(size), 1 + rnd.Uint64N(size)} {
			checkConsistency(t, w, reader, old, size, root)
		}
	}
}

func checkInclusion(t *testing.T, w whole, reader tlog.HashReader, seq, size uint64, root digest.Hash) {
	t.Helper()
	got, err := Inclusion(seq, size, w)
	if err != nil {
		t.Fatal(err)
	}
	want, err := tlog.ProveRecord(int64(size), int64(seq), reader)
	if err != nil || !slices.Equal(tlogHashes(got), []tlog.Hash(want)) {
		t.Fatalf("inclusion of %d at size %d: not what tlog proves, %v", seq, size, err)
	}
	leaf := w.Leaves()[seq]
	if err := tlog.CheckRecord(tlogHashes(got), int64(size), tlog.Hash(root), int64(seq), tlog.Hash(leaf)); err != nil {
		t.Fatalf("inclusion of %d at size %d: tlog: %v", seq, size, err)
	}
	if err := merkleproof.VerifyInclusion(rfc6962.DefaultHasher, seq, size, leaf[:], slicesOf(got), root[:]); err != nil {
		t.Fatalf("inclusion of %d at size %d: transparency-dev: %v", seq, size, err)
	}
}

func checkConsistency(t *testing.T, w whole, reader tlog.HashReader, old, size uint64, root digest.Hash) {
	t.Helper()
	m, err1 := ReadPeaks(old, w)
	got, err2 := Consistency(old, size, w)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	oldRoot := m.Root()
	want, err := tlog.ProveTree(int64(size), int64(old), reader)
	if err != nil || !slices.Equal(tlogHashes(got), []tlog.Hash(want)) {
		t.Fatalf("consistency of %d with %d: not what tlog proves, %v", old, size, err)
	}
	if err := tlog.CheckTree(tlogHashes(got), int64(size), tlog.Hash(root), int64(old), tlog.Hash(oldRoot)); err != nil {
		t.Fatalf("consistency of %d with %d: tlog: %v", old, size, err)
	}
	if err := merkleproof.VerifyConsistency(rfc6962.DefaultHasher, old, size, slicesOf(got), oldRoot[:], root[:]); err != nil {
		t.Fatalf("consistency of %d with %d: transparency-dev: %v", old, size, err)
	}
}

// broken is a store that cannot be read.
type broken struct{ err error }

func (b broken) ReadNodes([]NodeID, []digest.Hash) error { return b.err }

func TestProofErrors(t *testing.T) {
	const over = merkleindex.MaxSize + 1
	tree := newNaive(8)
	for name, f := range map[string]func(Nodes) error{
		"leaf past the end":    func(n Nodes) error { _, err := Inclusion(8, 8, n); return err },
		"leaf of an empty log": func(n Nodes) error { _, err := Inclusion(0, 0, n); return err },
		"inclusion too large":  func(n Nodes) error { _, err := Inclusion(0, over, n); return err },
		"old after new":        func(n Nodes) error { _, err := Consistency(8, 7, n); return err },
		"consistency too big":  func(n Nodes) error { _, err := Consistency(0, over, n); return err },
		"backward range":       func(n Nodes) error { _, err := CompactRange(3, 2, n); return err },
		"range too large":      func(n Nodes) error { _, err := CompactRange(0, math.MaxUint64, n); return err },
		"peaks too large":      func(n Nodes) error { _, err := ReadPeaks(over, n); return err },
	} {
		if err := f(tree); !errors.Is(err, ErrSize) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unread := errors.New("disk on fire")
	for name, f := range map[string]func(Nodes) error{
		"inclusion":   func(n Nodes) error { _, err := Inclusion(3, 8, n); return err },
		"consistency": func(n Nodes) error { _, err := Consistency(3, 8, n); return err },
		"range":       func(n Nodes) error { _, err := CompactRange(3, 8, n); return err },
		"peaks":       func(n Nodes) error { _, err := ReadPeaks(8, n); return err },
	} {
		if err := f(broken{unread}); !errors.Is(err, unread) {
			t.Errorf("%s from a broken store: %v", name, err)
		}
	}
}

// The longest proofs there can be stay within what a verifier has to expect.
func TestProofBounds(t *testing.T) {
	zeros := broken{}
	for _, size := range []uint64{merkleindex.MaxSize, merkleindex.MaxSize - 1, merkleindex.MaxSize/2 + 1} {
		for _, at := range []uint64{1, 2, size / 3, size - 2, size - 1} {
			in, err1 := Inclusion(at, size, zeros)
			con, err2 := Consistency(at, size, zeros)
			if err := errors.Join(err1, err2); err != nil || len(in) > 62 || len(con) > 63 {
				t.Errorf("%d at size %d: %d and %d hashes, %v", at, size, len(in), len(con), err)
			}
		}
	}
}

func BenchmarkInclusion(b *testing.B) {
	w := newWhole(1 << 20)
	b.ReportAllocs()
	seq := uint64(0)
	for b.Loop() {
		seq = (seq + 7919) % (1<<20 - 3)
		if _, err := Inclusion(seq, 1<<20-3, w); err != nil {
			b.Fatal(err)
		}
	}
}

// One page of 61 events onto the peaks of a large log.
func BenchmarkMountainsMerge(b *testing.B) {
	w := newWhole(1 << 20)
	at := uint64(999_997)
	m, err1 := ReadPeaks(at, w)
	page, err2 := CompactRange(at, at+61, w)
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		grown := m
		if err := grown.Merge(page, nil); err != nil {
			b.Fatal(err)
		}
		grown.Root()
	}
}
