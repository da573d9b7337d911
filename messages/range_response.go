// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"math"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// RangeResponse carries consecutive events from anywhere in a log, with all it
// takes to see that they are under the head: what is left of them and what is
// right of them as compact ranges. One without events tells the head, and by
// First the sequence after the newest event that the server holds.
//
//	[25, log, log name, first, count, head, left, right, records]
type RangeResponse struct {
	Log       digest.Hash
	Author    [32]byte
	PageBytes uint32
	Kind      identity.LogKind
	Number    uint64
	First     uint64 // sequence of the first record
	Count     uint32 // records
	Head      Head
	Left      []digest.Hash // compact range [0, First), at most MaxHashes
	Right     []digest.Hash // compact range [First+Count, Head.Size), at most MaxRight
	Records   []byte        // one after another (event.AppendRecord); borrowed when decoded
}

const rangeResponseFields = 7 + logNameFields

// Type returns TypeRangeResponse.
func (*RangeResponse) Type() Type { return TypeRangeResponse }

func (m *RangeResponse) encode(w *writer) {
	w.begin(TypeRangeResponse, rangeResponseFields)
	w.fixed(m.Log[:])
	w.logName(&m.Author, m.PageBytes, m.Kind, m.Number)
	w.uint("first", m.First, MaxCount)
	w.uint("count", uint64(m.Count), math.MaxUint32)
	m.Head.encode(w)
	w.hashes("left", m.Left, MaxHashes)
	w.hashes("right", m.Right, MaxRight)
	w.bin("records", m.Records, MaxEventsFrame)
	if what := countFlaw(m.First, m.Count, m.Head.Size, m.Records); what != "" {
		w.fail(ErrMalformed, "count", "%s", what)
	}
}

func decodeRangeResponse(r *reader) Message {
	m := &RangeResponse{Log: r.hash("log")}
	r.logName(&m.Author, &m.PageBytes, &m.Kind, &m.Number)
	m.First = r.count("first")
	m.Count = r.uint32("count")
	m.Head.decode(r)
	m.Left = r.hashes("left", MaxHashes)
	m.Right = r.hashes("right", MaxRight)
	m.Records = r.bin("records", MaxEventsFrame)
	if what := countFlaw(m.First, m.Count, m.Head.Size, m.Records); what != "" {
		r.fail(ErrMalformed, "count", "%s", what)
	}
	return m
}
