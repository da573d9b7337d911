// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// PageRequest asks for sealed pages of a log. It is answered on its own
// stream: PAGE_RESPONSE with pages, as often as More says, then EVENTS if
// Tail asked for them.
//
//	[22, topic, log, from, count, tail]
type PageRequest struct {
	Topic uint32
	Log   digest.Hash
	From  uint64 // first page
	Count uint64 // pages at most
	Tail  bool   // send the events after the last page too
}

const pageRequestFields = 5

// Type returns TypePageRequest.
func (*PageRequest) Type() Type { return TypePageRequest }

func (m *PageRequest) encode(w *writer) {
	w.begin(TypePageRequest, pageRequestFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("from", m.From, MaxCount)
	w.uint("count", m.Count, MaxCount)
	w.bool(m.Tail)
}

func decodePageRequest(r *reader) Message {
	return &PageRequest{
		Topic: r.topic(),
		Log:   r.hash("log"),
		From:  r.count("from"),
		Count: r.count("count"),
		Tail:  r.bool("tail"),
	}
}
