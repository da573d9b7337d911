// SPDX-License-Identifier: MPL-2.0

package messages

// A Seal says that a page, or a group of pages that one large event takes,
// is full and what it holds.
type Seal struct {
	Page  uint64 // index of the (first) page
	Pages int    // 1, or the pages of the group
	First uint64 // sequence of the first event
	Count int    // events
}

// End is the sequence after the last event of the page.
func (s Seal) End() uint64 { return s.First + uint64(s.Count) }
