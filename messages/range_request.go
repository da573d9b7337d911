// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// RangeRequest asks for a part of a log, wherever in it. It is answered on its
// own stream by RANGE_RESPONSE: first one without events, which tells the
// newest head, then one for each chunk that the server holds of what was asked.
//
//	[24, topic, log, from, to, newest, limit]
type RangeRequest struct {
	Topic  uint32
	Log    digest.Hash
	From   uint64 // first event
	To     uint64 // the event after the last; 0 means as far as the server holds
	Newest bool   // chunks come from the end backwards
	Limit  uint64 // events at most, counted from the end if Newest; 0 means all
}

const rangeRequestFields = 6

// Type returns TypeRangeRequest.
func (*RangeRequest) Type() Type { return TypeRangeRequest }

func (m *RangeRequest) encode(w *writer) {
	w.begin(TypeRangeRequest, rangeRequestFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("from", m.From, MaxCount)
	w.uint("to", m.To, MaxCount)
	w.bool(m.Newest)
	w.uint("limit", m.Limit, MaxCount)
	if what := m.flaw(); what != "" {
		w.fail(ErrMalformed, "to", "%s", what)
	}
}

func decodeRangeRequest(r *reader) Message {
	m := &RangeRequest{
		Topic:  r.topic(),
		Log:    r.hash("log"),
		From:   r.count("from"),
		To:     r.count("to"),
		Newest: r.bool("newest"),
		Limit:  r.count("limit"),
	}
	if what := m.flaw(); what != "" {
		r.fail(ErrMalformed, "to", "%s", what)
	}
	return m
}

func (m *RangeRequest) flaw() string {
	if m.To > 0 && m.To < m.From {
		return "before from"
	}
	return ""
}
