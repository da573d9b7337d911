// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"math"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Events carries consecutive events of a log that are in no sealed page yet,
// or that were just appended, and the head that covers them.
//
//	[18, topic, log, log name, first, count, head, right, records]
type Events struct {
	Topic     uint32
	Log       digest.Hash
	Author    [32]byte
	PageBytes uint32
	Kind      identity.LogKind
	Number    uint64
	First     uint64 // sequence of the first record
	Count     uint32 // records
	Head      Head
	Right     []digest.Hash // compact range [First+Count, Head.Size), at most MaxRight
	Records   []byte        // one after another (event.AppendRecord); borrowed when decoded
}

const eventsFields = 7 + logNameFields

// Type returns TypeEvents.
func (*Events) Type() Type { return TypeEvents }

func (m *Events) encode(w *writer) {
	w.begin(TypeEvents, eventsFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.logName(&m.Author, m.PageBytes, m.Kind, m.Number)
	w.uint("first", m.First, MaxCount)
	w.uint("count", uint64(m.Count), math.MaxUint32)
	m.Head.encode(w)
	w.hashes("right", m.Right, MaxRight)
	w.bin("records", m.Records, MaxEventsFrame)
	if what := countFlaw(m.First, m.Count, m.Head.Size, m.Records); what != "" {
		w.fail(ErrMalformed, "count", "%s", what)
	}
}

func decodeEvents(r *reader) Message {
	m := &Events{Topic: r.topic(), Log: r.hash("log")}
	r.logName(&m.Author, &m.PageBytes, &m.Kind, &m.Number)
	m.First = r.count("first")
	m.Count = r.uint32("count")
	m.Head.decode(r)
	m.Right = r.hashes("right", MaxRight)
	m.Records = r.bin("records", MaxEventsFrame)
	if what := countFlaw(m.First, m.Count, m.Head.Size, m.Records); what != "" {
		r.fail(ErrMalformed, "count", "%s", what)
	}
	return m
}

// countFlaw says why count cannot be true of records that begin at first, so
// that whoever makes room for so many leaves can trust it. The records
// themselves are not looked at here.
func countFlaw(first uint64, count uint32, size uint64, records []byte) string {
	switch {
	case uint64(count) > uint64(len(records))/event.HeaderBytes:
		return "more records than the bytes can hold"
	case count == 0 && len(records) > 0:
		return "no records, yet bytes"
	case first+uint64(count) > size:
		return "past the head's size"
	}
	return ""
}
