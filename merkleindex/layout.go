// SPDX-License-Identifier: MPL-2.0

package merkleindex

// The nodes stored beside the page [begin, end) are those of level 1 or more
// that lie in it, in level-major order: level 1 from left to right, then level
// 2, and so on. Leaf hashes are not stored; they are made again from records.

// NodeCount returns how many nodes are stored beside the page [begin, end).
func NodeCount(begin, end uint64) int {
	n := uint64(0)
	for level := uint(1); ; level++ {
		lo, hi := levelNodes(begin, end, level)
		if lo >= hi {
			return int(n)
		}
		n += hi - lo
	}
}

// NodeOffset returns the place of a node among those stored beside the page
// [begin, end), and false for a node that is not stored there.
func NodeOffset(begin, end uint64, level uint, index uint64) (int, bool) {
	n := uint64(0)
	for k := uint(1); ; k++ {
		lo, hi := levelNodes(begin, end, k)
		switch {
		case lo >= hi:
			return 0, false
		case k == level && lo <= index && index < hi:
			return int(n + index - lo), true
		case k == level:
			return 0, false
		}
		n += hi - lo
	}
}

// levelNodes returns the indices [lo, hi) of the nodes of a level that lie in
// [begin, end). A level without any is the last one that needs a look: a node
// there would have had both its children on the level below.
func levelNodes(begin, end uint64, level uint) (lo, hi uint64) {
	lo = begin >> level
	if lo<<level != begin {
		lo++
	}
	return lo, min(end, MaxSize) >> level
}
