// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/digest"

// Peaks opens a round of sync for one topic: equal counts and digests on both
// sides end it.
//
//	[2, topic, logs, digest]
type Peaks struct {
	Topic  uint32 // index in the shared topics, sorted by topic id
	Logs   uint64
	Digest digest.Hash // over all (log, size, root)
}

const peaksFields = 3

// Type returns TypePeaks.
func (*Peaks) Type() Type { return TypePeaks }

func (m *Peaks) encode(w *writer) {
	w.begin(TypePeaks, peaksFields)
	w.topic(m.Topic)
	w.uint("logs", m.Logs, MaxCount)
	w.fixed(m.Digest[:])
}

func decodePeaks(r *reader) Message {
	return &Peaks{Topic: r.topic(), Logs: r.count("logs"), Digest: r.hash("digest")}
}
