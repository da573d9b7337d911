// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
)

// PageResponse announces a run of sealed pages. PagesLen raw bytes follow its
// frame on the stream, outside any frame, so that the sender writes them
// straight from its map.
//
//	[23, log, from, count, first, end, log2 of page bytes, head, right, more]
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
}

const pageResponseFields = 9

// Type returns TypePageResponse.
func (*PageResponse) Type() Type { return TypePageResponse }

// PagesLen returns how many bytes of pages follow the frame; at most 4 GiB.
func (m *PageResponse) PagesLen() int64 { return int64(m.Count) * int64(m.PageBytes) }

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
	case m.EndSeq-m.FirstSeq > uint64(m.PagesLen())/event.HeaderBytes:
		return "more events than the pages can hold"
	}
	return ""
}
