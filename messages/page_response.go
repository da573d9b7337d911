// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// PageResponse announces a run of sealed pages. PagesLen raw bytes follow its
// frame on the stream, outside any frame, so that the sender writes them
// straight from its map: the pages in order, and, instead of those of which
// something is erased, their images.
//
//	[23, log, from, count, first, end, log2 of page bytes, head, right, more, images]
//
// images is a flat list of three numbers for each image, in order:
//
//	pages between it and the image before it, or the start of the run
//	pages it stands for, at least 1
//	its bytes, at least 36, and below 4 times the page bytes
//
// It is empty, and one byte, in a run without any.
type PageResponse struct {
	Log       digest.Hash
	From      uint64 // first page
	Count     uint32 // pages, at most MaxRunPages
	FirstSeq  uint64 // sequence of the run's first event
	EndSeq    uint64 // sequence after the run's last event
	PageBytes uint32
	Head      Head
	Right     []digest.Hash // compact range [EndSeq, Head.Size), at most MaxRight
	More      bool          // another PAGE_RESPONSE or EVENTS follows on this stream
	Images    []RunImage    // at most MaxRunPages
}

// A RunImage says where in a run an image of erased pages is.
type RunImage struct {
	Skip  uint32 // full pages between the image before it and it
	Pages uint32 // pages it stands for
	Bytes uint32 // its length
}

// MinImageBytes is the length of the shortest image there could be: a header and
// an empty item.
const MinImageBytes = 36

const pageResponseFields = 10

// Type returns TypePageResponse.
func (*PageResponse) Type() Type { return TypePageResponse }

// PagesLen returns how many bytes of pages and images follow the frame; below
// 16 GiB.
func (m *PageResponse) PagesLen() int64 {
	n := int64(m.Count) * int64(m.PageBytes)
	for _, i := range m.Images {
		n += int64(i.Bytes) - int64(i.Pages)*int64(m.PageBytes)
	}
	return n
}

// encodeImages writes the list flat, as it is drawn above.
func (m *PageResponse) encodeImages(w *writer) {
	w.list("images", 3*len(m.Images), 3*MaxRunPages)
	for _, i := range m.Images {
		w.uint("images", uint64(i.Skip), MaxRunPages)
		w.uint("images", uint64(i.Pages), MaxRunPages)
		w.uint("images", uint64(i.Bytes), 4*MaxPageBytes)
	}
}

func (m *PageResponse) decodeImages(r *reader) {
	n := r.list("images", 3*MaxRunPages, 1)
	if n%3 != 0 {
		r.fail(ErrMalformed, "images", "%d numbers, want three for each", n)
		return
	}
	if n > 0 {
		m.Images = make([]RunImage, n/3)
	}
	for k := range m.Images {
		m.Images[k] = RunImage{
			Skip:  uint32(r.uint("images", MaxRunPages)),
			Pages: uint32(r.uint("images", MaxRunPages)),
			Bytes: uint32(r.uint("images", 4*MaxPageBytes)),
		}
	}
}

func (m *PageResponse) encode(w *writer) {
	w.begin(TypePageResponse, pageResponseFields)
	w.fixed(m.Log[:])
	w.uint("from", m.From, MaxCount)
	w.uint("count", uint64(m.Count), MaxRunPages)
	w.uint("first", m.FirstSeq, MaxCount)
	w.uint("end", m.EndSeq, MaxCount)
	w.pageSize(m.PageBytes)
	m.Head.encode(w)
	w.hashes("right", m.Right, MaxRight)
	w.bool(m.More)
	m.encodeImages(w)
	if what := m.flaw(); what != "" {
		w.fail(ErrMalformed, "end", "%s", what)
	}
}

func decodePageResponse(r *reader) Message {
	m := &PageResponse{
		Log:       r.hash("log"),
		From:      r.count("from"),
		Count:     uint32(r.uint("count", MaxRunPages)),
		FirstSeq:  r.count("first"),
		EndSeq:    r.count("end"),
		PageBytes: r.pageSize(),
	}
	m.Head.decode(r)
	m.Right = r.hashes("right", MaxRight)
	m.More = r.bool("more")
	m.decodeImages(r)
	if what := m.flaw(); what != "" {
		r.fail(ErrMalformed, "end", "%s", what)
	}
	return m
}

// flaw says why the sequences cannot be those of the pages, so that whoever
// makes room for the run's leaves can trust EndSeq-FirstSeq.
func (m *PageResponse) flaw() string {
	switch {
	case m.EndSeq < m.FirstSeq:
		return "before first"
	case m.EndSeq > m.Head.Size:
		return "after the head's size"
	case m.EndSeq-m.FirstSeq > uint64(m.Count)*uint64(m.PageBytes)/event.HeaderBytes:
		return "more events than the pages can hold"
	}
	return m.imagesFlaw()
}

func (m *PageResponse) imagesFlaw() string {
	at := uint64(0)
	for _, i := range m.Images {
		if at += uint64(i.Skip) + uint64(i.Pages); i.Pages == 0 || at > uint64(m.Count) {
			return "before an image of no pages, or of pages that are not of the run"
		}
		if i.Bytes < MinImageBytes || uint64(i.Bytes) >= 4*uint64(m.PageBytes) {
			return "before an image of a length that none has"
		}
	}
	return ""
}
