// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// SyncDone ends a round of sync for one topic: the sender has all it asked for
// and states the frontier it now holds. The session stays open and live.
//
//	[19, topic, roster, logs, digest, ask, leaves]
type SyncDone struct {
	Topic  uint32
	Roster identity.Position // as in Peaks
	Logs   uint64
	Digest digest.Hash // as in Peaks
	Ask    bool        // the peer is to state its own again, even if it did
	Leaves bool        // a log is left alone: the digests may never be the same
}

const syncDoneFields = 6

// Type returns TypeSyncDone.
func (*SyncDone) Type() Type { return TypeSyncDone }

func (m *SyncDone) encode(w *writer) {
	w.begin(TypeSyncDone, syncDoneFields)
	w.topic(m.Topic)
	w.position(m.Roster)
	w.uint("logs", m.Logs, MaxCount)
	w.fixed(m.Digest[:])
	w.bool(m.Ask)
	w.bool(m.Leaves)
}

func decodeSyncDone(r *reader) Message {
	return &SyncDone{Topic: r.topic(), Roster: r.position(), Logs: r.count("logs"), Digest: r.hash("digest"), Ask: r.bool("ask"), Leaves: r.bool("leaves")}
}
