// SPDX-License-Identifier: MPL-2.0

package mmrindex

import "math/bits"

// Where tier-2 nodes are. They stand in one array for the whole log, in the
// order in which they were completed. The nodes that the page [begin, end)
// completes are the parents, one above the other, of the seam at its begin:
// level k for each k above the trailing zeros of begin, up to the highest bit
// in which begin and end differ, at index begin>>k. So a page's nodes have one
// level after the other, and their place in the array follows from the number
// of nodes completed before: of all begin - popcount(begin) nodes that the
// first begin leaves complete, those that are not tier 1.

// SpanCount returns how many tier-2 nodes the page [begin, end) completes.
func SpanCount(begin, end uint64) int {
	lowest, highest := spanLevels(begin, end)
	return max(0, highest-lowest+1)
}

// SpanOffset returns the place of a node among the tier-2 nodes that the page
// [begin, end) completes, and false for a node that is not one of them.
func SpanOffset(begin, end uint64, level uint, index uint64) (int, bool) {
	lowest, highest := spanLevels(begin, end)
	if highest < 0 || level > uint(highest) || int(level) < lowest || index != begin>>level {
		return 0, false
	}
	return int(level) - lowest, true
}

// SpanBase returns the place, among all tier-2 nodes of the log, of the first
// one that the page from begin completes. The pages before it have tier1Before
// tier-1 nodes together.
func SpanBase(begin, tier1Before uint64) uint64 {
	return begin - uint64(bits.OnesCount64(begin)) - tier1Before
}

// spanLevels returns the lowest and the highest level of the nodes that the
// page [begin, end) completes; there are none if lowest is above highest.
func spanLevels(begin, end uint64) (lowest, highest int) {
	if begin == 0 || begin >= end {
		return 0, -1
	}
	return bits.TrailingZeros64(begin) + 1, bits.Len64(begin^end) - 1
}
