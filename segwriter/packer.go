// SPDX-License-Identifier: MPL-2.0

package segwriter

// A Packer is the rule that says where a page of a log ends, and nothing else.
// It looks at record lengths only, so that every peer cuts the same pages:
//
//   - records fill a page in order, and a record that does not fit in what is
//     left seals the page;
//   - a record longer than an empty page begins a fresh page and runs over as
//     many as it needs; the next record begins a fresh page after them.
type Packer struct {
	room int // bytes of records that a page holds
	used int // of the open page
}

// NewPacker returns the rule for pages of pageBytes, with an empty open page.
func NewPacker(pageBytes int) *Packer {
	return &Packer{room: max(pageBytes-PageHeaderBytes, 1)}
}

// Add packs the next record. With sealBefore, the open page is sealed before
// it; with group > 0 the record takes that many pages of its own, which are
// sealed at once, and the page open after them is empty.
func (p *Packer) Add(recordLen int) (sealBefore bool, group int) {
	if uint(recordLen) <= uint(p.room-p.used) {
		p.used += recordLen
		return false, 0
	}
	return p.overflow(recordLen)
}

func (p *Packer) overflow(recordLen int) (sealBefore bool, group int) {
	sealBefore = p.used > 0
	p.used = max(recordLen, 0)
	if recordLen > p.room {
		p.used, group = 0, groupPages(recordLen, p.room)
	}
	return sealBefore, group
}

// Used returns the bytes of records in the open page.
func (p *Packer) Used() int { return p.used }

// Reset empties the open page.
func (p *Packer) Reset() { p.used = 0 }

func groupPages(recordLen, room int) int { return (recordLen + room - 1) / room }
