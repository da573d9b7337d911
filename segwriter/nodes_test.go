// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/mmrindex"
)

// Every node below full pages comes out as hashing the events gives it, in whatever
// order they are asked for; of erased pages those that can be known.
func TestNodesOfFullPages(t *testing.T) {
	p := testParams(MinPageBytes, 5)
	e, dir := newErasedLog(t, 23, 300, p), t.TempDir()
	l := openLog(t, noSync, dir, p, Options{})
	if err := errors.Join(write(l, e.spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	pages, size := pagesOf(e.spans), e.spans[len(e.spans)-1].end()
	rnd := rand.New(rand.NewPCG(23, 1))
	if erased := e.compareNodes(t, l.Nodes(pages, size), rnd, size); erased > 0 {
		t.Errorf("%d nodes of a whole log are erased", erased)
	}
	if err := l.Erase(pages, e.decide(rand.New(rand.NewPCG(23, 2)), len(e.spans), 30)); err != nil {
		t.Fatal(err)
	}
	if erased := e.compareNodes(t, l.Nodes(pages, size), rnd, size); erased == 0 {
		t.Error("all nodes of an erased log are known")
	}
}

// compareNodes reads all nodes, a few at a time, and returns how many are erased.
func (e *erasedLog) compareNodes(t *testing.T, n *Nodes, rnd *rand.Rand, size uint64) (erased int) {
	t.Helper()
	var ids []mmrindex.NodeID
	want := map[mmrindex.NodeID]digest.Hash{}
	for seq := range size {
		rec, _, err := event.DecodeRecord(e.records[seq])
		if err != nil {
			t.Fatal(err)
		}
		want[mmrindex.NodeID{Index: seq}] = rec.LeafHash()
	}
	for level := uint8(0); size>>level > 0; level++ {
		for i := range size >> level {
			id := mmrindex.NodeID{Level: level, Index: i}
			if level > 0 {
				want[id] = digest.Node(want[mmrindex.NodeID{Level: level - 1, Index: 2 * i}], want[mmrindex.NodeID{Level: level - 1, Index: 2*i + 1}])
			}
			ids = append(ids, id)
		}
	}
	rnd.Shuffle(len(ids), func(i, k int) { ids[i], ids[k] = ids[k], ids[i] })
	for len(ids) > 0 {
		some := ids[:min(len(ids), 1+rnd.IntN(20))]
		ids = ids[len(some):]
		out := make([]digest.Hash, len(some))
		if err := n.ReadNodes(some, out); errors.Is(err, ErrErased) {
			erased++
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		for i, id := range some {
			if out[i] != want[id] {
				t.Fatalf("node %d of level %d: %s, want %s", id.Index, id.Level, out[i].Short(), want[id].Short())
			}
		}
	}
	return erased
}
