// SPDX-License-Identifier: MPL-2.0

package messages

// A Rung says how a DIFF describes what its sender holds.
type Rung uint8

// The rungs, cheapest first.
const (
	RungCursor   Rung = 1 // what changed since a digest both remember
	RungSketch   Rung = 2 // a rateless sketch over (log, size)
	RungFrontier Rung = 3 // the logs one by one
)

// Diff says what the sender holds of a topic, all of it or in parts.
//
//	[17, topic, rung, more, part, body, [log state ...]]
type Diff struct {
	Topic   uint32
	Rung    Rung
	More    bool       // another DIFF of this list follows
	Part    bool       // logs that are not listed are unchanged, not absent
	Body    []byte     // of rungs 1 and 2, at most MaxDiffBody; borrowed when decoded
	Entries []LogState // at most MaxEntries
}

const diffFields = 6

// Type returns TypeDiff.
func (*Diff) Type() Type { return TypeDiff }

func (m *Diff) encode(w *writer) {
	w.begin(TypeDiff, diffFields)
	w.topic(m.Topic)
	if m.Rung == 0 {
		w.fail(ErrMalformed, "rung", "0")
	}
	w.uint("rung", uint64(m.Rung), uint64(RungFrontier))
	w.bool(m.More)
	w.bool(m.Part)
	w.bin("body", m.Body, MaxDiffBody)
	w.list("entries", len(m.Entries), MaxEntries)
	for i := range m.Entries {
		m.Entries[i].encode(w)
	}
}

func decodeDiff(r *reader) Message {
	m := &Diff{Topic: r.topic(), Rung: Rung(r.uint("rung", uint64(RungFrontier)))}
	if m.Rung == 0 {
		r.fail(ErrMalformed, "rung", "0")
	}
	m.More = r.bool("more")
	m.Part = r.bool("part")
	m.Body = r.bin("body", MaxDiffBody)
	n := r.list("entries", MaxEntries, minLogState)
	if n == 0 {
		return m
	}
	m.Entries = make([]LogState, n)
	for i := 0; i < n && r.err == nil; i++ {
		m.Entries[i].decode(r)
	}
	return m
}
