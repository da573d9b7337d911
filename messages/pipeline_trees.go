// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// Trees and ranges, as Batch and Pages carry them. A tree is one bin of its
// nodes; a range is
//
//	[begin, end, hashes]
const (
	rangeFields = 3
	minRange    = 1 + 1 + 1 + 2
	minTree     = 2
)

func (w *writer) trees(trees [][]digest.Hash) {
	w.list("trees", len(trees), MaxSeals)
	for i := 0; i < len(trees) && w.err == nil; i++ {
		w.hashes("tree", trees[i], maxTreeNodes)
	}
}

// trees reads none, or one for each seal.
func (r *reader) trees(seals int) [][]digest.Hash {
	n := r.listOf("trees", seals, minTree)
	if n == 0 {
		return nil
	}
	trees := make([][]digest.Hash, n)
	for i := 0; i < n && r.err == nil; i++ {
		trees[i] = r.hashes("tree", maxTreeNodes)
	}
	return trees
}

func (w *writer) ranges(ranges []merkleindex.Range) {
	w.list("ranges", len(ranges), MaxSeals+1)
	for i := 0; i < len(ranges) && w.err == nil; i++ {
		w.array(rangeFields)
		w.uint("range begin", ranges[i].Begin, MaxCount)
		w.uint("range end", ranges[i].End, MaxCount)
		w.hashes("range", ranges[i].Hashes, MaxRight)
	}
}

// ranges reads none, or one more than there are seals.
func (r *reader) ranges(seals int) []merkleindex.Range {
	n := r.listOf("ranges", seals+1, minRange)
	if n == 0 {
		return nil
	}
	ranges := make([]merkleindex.Range, n)
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("range", rangeFields)
		ranges[i] = merkleindex.Range{Begin: r.count("range begin"), End: r.count("range end"), Hashes: r.hashes("range", MaxRight)}
		r.skip("range", rest)
	}
	return ranges
}

// listOf reads the length of a list that is empty or has want elements.
func (r *reader) listOf(field string, want, atLeast int) int {
	n := r.list(field, MaxSeals+1, atLeast)
	if r.err == nil && n != 0 && n != want {
		r.fail(ErrMalformed, field, "%d elements, want none or %d", n, want)
	}
	if r.err != nil {
		return 0
	}
	return n
}

// treesFlaw says why trees cannot be those of the sealed pages; none always can.
func treesFlaw(trees [][]digest.Hash, seals []Seal) string {
	if len(trees) != 0 && len(trees) != len(seals) {
		return fmt.Sprintf("%d trees, %d seals", len(trees), len(seals))
	}
	for i, tree := range trees {
		if want := merkleindex.NodeCount(seals[i].First, seals[i].End()); len(tree) != want {
			return fmt.Sprintf("tree %d has %d nodes, want %d", i, len(tree), want)
		}
	}
	return ""
}

// rangesFlaw says why ranges cannot be those of the sealed pages and of the
// open page, which holds what follows them; none always can.
func rangesFlaw(ranges []merkleindex.Range, seals []Seal) string {
	if len(ranges) != 0 && len(ranges) != len(seals)+1 {
		return fmt.Sprintf("%d ranges, %d seals", len(ranges), len(seals))
	}
	for i, r := range ranges {
		if err := r.Valid(); err != nil {
			return fmt.Sprintf("range %d: %v", i, err)
		}
	}
	return ""
}
