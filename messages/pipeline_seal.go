// SPDX-License-Identifier: MPL-2.0

package messages

import "fmt"

// A Seal says that a page, or a group of pages that one large event takes,
// is full and what it holds.
//
//	[page, pages, first, count]
type Seal struct {
	Page  uint64 // index of the (first) page
	Pages int    // 1, or the pages of the group
	First uint64 // sequence of the first event
	Count int    // events
}

const (
	sealFields = 4
	minSeal    = 1 + sealFields
)

// End is the sequence after the last event of the page.
func (s Seal) End() uint64 { return s.First + uint64(s.Count) }

func (s *Seal) encode(w *writer) {
	w.array(sealFields)
	w.uint("page", s.Page, MaxCount)
	w.uint("pages", uint64(s.Pages), MaxRunPages)
	w.uint("first", s.First, MaxCount)
	w.uint("count", uint64(s.Count), maxSealEvents)
}

func (s *Seal) decode(r *reader) {
	rest := r.fields("seal", sealFields)
	s.Page = r.count("page")
	s.Pages = int(r.uint("pages", MaxRunPages))
	s.First = r.count("first")
	s.Count = int(r.uint("count", maxSealEvents))
	r.skip("seal", rest)
}

func (w *writer) seals(seals []Seal) {
	w.list("seals", len(seals), MaxSeals)
	for i := 0; i < len(seals) && w.err == nil; i++ {
		seals[i].encode(w)
	}
}

func (r *reader) seals() []Seal {
	n := r.list("seals", MaxSeals, minSeal)
	if n == 0 {
		return nil
	}
	seals := make([]Seal, n)
	for i := 0; i < n && r.err == nil; i++ {
		seals[i].decode(r)
	}
	return seals
}

// sealsFlaw says why seals cannot be those of consecutive pages.
func sealsFlaw(seals []Seal) string {
	for i, s := range seals {
		switch {
		case s.Pages < 1 || s.Count < 1 || s.Pages > 1 && s.Count > 1:
			return fmt.Sprintf("seal %d is of %d pages and %d events", i, s.Pages, s.Count)
		case i > 0 && s.Page != seals[i-1].Page+uint64(seals[i-1].Pages):
			return fmt.Sprintf("seal %d is of page %d and does not follow page %d", i, s.Page, seals[i-1].Page)
		case i > 0 && s.First != seals[i-1].End():
			return fmt.Sprintf("seal %d begins at %d, the one before ends at %d", i, s.First, seals[i-1].End())
		}
	}
	return ""
}
