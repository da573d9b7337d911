// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Peaks opens a round of sync for one topic: equal positions, counts and digests
// on both sides end it.
//
//	[16, topic, roster, logs, digest]
type Peaks struct {
	Topic  uint32            // number that the dialer offered it with
	Roster identity.Position // of the roster held; the zero one if nothing is
	Logs   uint64            // that count at that position
	Digest digest.Hash       // over all of them: (log, size, root)
}

const peaksFields = 4

// Type returns TypePeaks.
func (*Peaks) Type() Type { return TypePeaks }

func (m *Peaks) encode(w *writer) {
	w.begin(TypePeaks, peaksFields)
	w.topic(m.Topic)
	w.position(m.Roster)
	w.uint("logs", m.Logs, MaxCount)
	w.fixed(m.Digest[:])
}

func decodePeaks(r *reader) Message {
	return &Peaks{Topic: r.topic(), Roster: r.position(), Logs: r.count("logs"), Digest: r.hash("digest")}
}
