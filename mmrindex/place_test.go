// SPDX-License-Identifier: MPL-2.0

package mmrindex

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// store is a whole log as it is on disk: pages with their tier-1 nodes, one
// array of tier-2 nodes, the peaks at the start of the open page. Leaf hashes
// stand in for records.
type store struct {
	leaves []digest.Hash
	pages  []storedPage
	spans  []digest.Hash
	sealed Peaks
	open   *merkleindex.Builder
}

type storedPage struct {
	begin, end  uint64
	tier1Before uint64
	nodes       []digest.Hash
}

func newStore() *store { return &store{open: merkleindex.NewBuilder(0)} }

func (s *store) append(leaves []digest.Hash) {
	s.leaves = append(s.leaves, leaves...)
	s.open.AppendAll(leaves)
}

// seal stores the open page and begins the next.
func (s *store) seal() error {
	p := storedPage{begin: s.open.First(), end: s.open.End(), nodes: s.open.Nodes(nil)}
	if n := len(s.pages); n > 0 {
		p.tier1Before = s.pages[n-1].tier1Before + uint64(len(s.pages[n-1].nodes))
	}
	s.pages = append(s.pages, p)
	err := s.sealed.Merge(s.open.Range(), func(_ uint, _ uint64, h digest.Hash) { s.spans = append(s.spans, h) })
	s.open.Reset(p.end)
	return err
}

// ReadNodes finds each node by the rules alone, never by search.
func (s *store) ReadNodes(ids []NodeID, out []digest.Hash) error {
	for i, id := range ids {
		h, err := s.node(id)
		if err != nil {
			return err
		}
		out[i] = h
	}
	return nil
}

func (s *store) node(id NodeID) (digest.Hash, error) {
	if id.Level == 0 {
		return s.leaves[id.Index], nil
	}
	last := id.End() - 1
	at := sort.Search(len(s.pages), func(i int) bool { return last < s.pages[i].end })
	if at == len(s.pages) {
		return s.openNode(id)
	}
	p := &s.pages[at]
	if n, ok := merkleindex.NodeOffset(p.begin, p.end, uint(id.Level), id.Index); ok {
		return p.nodes[n], nil
	}
	n, ok := SpanOffset(p.begin, p.end, uint(id.Level), id.Index)
	if !ok {
		return digest.Hash{}, fmt.Errorf("node %v is not completed by the page [%d, %d)", id, p.begin, p.end)
	}
	return s.spans[SpanBase(p.begin, p.tier1Before)+uint64(n)], nil
}

// openNode finds a node that the open page completes: it is in the builder, or
// it appears when the open page is merged onto a copy of the peaks.
func (s *store) openNode(id NodeID) (digest.Hash, error) {
	if h, ok := s.open.Node(uint(id.Level), id.Index); ok {
		return h, nil
	}
	var found digest.Hash
	m, n := s.sealed, 0
	err := m.Merge(s.open.Range(), func(level uint, index uint64, h digest.Hash) {
		if at, ok := SpanOffset(s.open.First(), s.open.End(), level, index); !ok || at != n {
			found = digest.Hash{}
		} else if level == uint(id.Level) && index == id.Index {
			found = h
		}
		n++
	})
	if err == nil && found.IsZero() {
		err = fmt.Errorf("node %v is not in the open page [%d, %d)", id, s.open.First(), s.open.End())
	}
	return found, err
}

// checkStore compares every answer from the store with the naive tree's.
func checkStore(t *testing.T, s *store, tree *naive, size int, rnd *rand.Rand) {
	t.Helper()
	m, err := ReadPeaks(uint64(size), s)
	if err != nil || m.Root() != tree.root(0, size) {
		t.Fatalf("size %d: root %s, want %s, %v", size, m.Root(), tree.root(0, size), err)
	}
	for range 20 {
		seq := rnd.IntN(size)
		got, err := Inclusion(uint64(seq), uint64(size), s)
		if err != nil || !slices.Equal(got, tree.inclusion(seq, 0, size)) {
			t.Fatalf("inclusion of %d at size %d is wrong, %v", seq, size, err)
		}
		old := 1 + rnd.IntN(size)
		got, err = Consistency(uint64(old), uint64(size), s)
		if err != nil || !slices.Equal(got, tree.consistency(old, 0, size, true)) {
			t.Fatalf("consistency of %d with %d is wrong, %v", old, size, err)
		}
	}
}

// pageLengths are the ways pages are cut: all the same, one event each, a
// power of two, at random, and with long runs of events that are pages alone.
func pageLengths(rnd *rand.Rand) map[string]func() int {
	return map[string]func() int{
		"one":    func() int { return 1 },
		"61":     func() int { return 61 },
		"64":     func() int { return 64 },
		"three":  func() int { return 3 },
		"random": func() int { return 1 + rnd.IntN(90) },
		"skewed": func() int { return 1 + rnd.IntN(2)*rnd.IntN(2)*rnd.IntN(200) },
	}
}

// The whole placement scheme: nodes are written as the log grows, and found
// again for every kind of proof, at sizes in sealed pages and in the open one.
func TestPlacement(t *testing.T) {
	const total = 1500
	tree := newNaive(total)
	for name := range pageLengths(nil) {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(5, 6))
			length, s := pageLengths(rnd)[name], newStore()
			for at := 0; at < total; {
				n := min(total-at, length())
				half := rnd.IntN(n + 1)
				s.append(tree.leaves[at : at+half])
				if size := at + half; size > 0 {
					checkStore(t, s, tree, size, rnd)
					checkStore(t, s, tree, 1+rnd.IntN(size), rnd)
				}
				s.append(tree.leaves[at+half : at+n])
				if err := s.seal(); err != nil {
					t.Fatal(err)
				}
				at += n
			}
			checkPages(t, s, total)
		})
	}
}

// checkPages holds counts and bases against what was in fact written, and
// reads every node of the log.
func checkPages(t *testing.T, s *store, total int) {
	t.Helper()
	spans := 0
	for _, p := range s.pages {
		if got := SpanBase(p.begin, p.tier1Before); got != uint64(spans) {
			t.Fatalf("page [%d, %d): base %d, want %d", p.begin, p.end, got, spans)
		}
		spans += SpanCount(p.begin, p.end)
	}
	if spans != len(s.spans) {
		t.Fatalf("%d tier-2 nodes, counted %d", len(s.spans), spans)
	}
	full := whole{merkleindex.NewBuilder(0)}
	full.AppendAll(s.leaves)
	for level := uint(1); 1<<level <= total; level++ {
		for index := uint64(0); (index+1)<<level <= uint64(total); index++ {
			got, err := s.node(NodeID{Level: uint8(level), Index: index})
			if want, _ := full.Node(level, index); err != nil || got != want {
				t.Fatalf("node (%d, %d) is %s, want %s, %v", level, index, got.Short(), want.Short(), err)
			}
		}
	}
}

// naiveSpans lists the tier-2 nodes that the page completes, lowest first.
func naiveSpans(begin, end uint64) []NodeID {
	var ids []NodeID
	for level := uint8(1); uint64(1)<<level <= end; level++ {
		for index := uint64(0); (index+1)<<level <= end; index++ {
			if id := (NodeID{Level: level, Index: index}); id.Begin() < begin && id.End() > begin {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func TestSpans(t *testing.T) {
	for begin := uint64(0); begin <= exhaustive; begin++ {
		for end := begin; end <= exhaustive; end += 1 + end/90 {
			want := naiveSpans(begin, end)
			if got := SpanCount(begin, end); got != len(want) {
				t.Fatalf("SpanCount(%d, %d) = %d, want %d", begin, end, got, len(want))
			}
			for i, id := range want {
				if at, ok := SpanOffset(begin, end, uint(id.Level), id.Index); !ok || at != i {
					t.Fatalf("SpanOffset(%d, %d, %v) = %d, %v, want %d", begin, end, id, at, ok, i)
				}
			}
		}
	}
}

func TestSpanOffsetElsewhere(t *testing.T) {
	for _, p := range [][2]uint64{{5, 21}, {0, 64}, {64, 64}, {12, 3}, {16, 33}} {
		spans := naiveSpans(p[0], p[1])
		for level := range uint(70) {
			for _, index := range []uint64{0, 1, 2, 3, 4, 5, 10, 1 << 50, math.MaxUint64} {
				want := slices.Contains(spans, NodeID{Level: uint8(level), Index: index})
				if at, ok := SpanOffset(p[0], p[1], level, index); ok != want || !ok && at != 0 {
					t.Errorf("page %v level %d index %d: %d, %v, want %v", p, level, index, at, ok, want)
				}
			}
		}
		if _, ok := SpanOffset(p[0], p[1], math.MaxUint, 0); ok {
			t.Errorf("page %v has a node of the highest level", p)
		}
	}
}

// A store that has lost a node must say so, not prove with another one.
func TestStoreWithoutNode(t *testing.T) {
	s := newStore()
	s.append(testLeaves(40))
	if err := s.seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.node(NodeID{Level: 3, Index: 5}); err == nil {
		t.Error("a node past the log was found")
	}
	if err := s.ReadNodes([]NodeID{{Level: 6, Index: 0}}, make([]digest.Hash, 1)); err == nil {
		t.Error("a peak larger than the log was found")
	}
}
