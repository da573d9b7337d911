// SPDX-License-Identifier: MPL-2.0

package messages

// Leave ends the sharing of a topic in this session: the sender says nothing of
// it any more. It is answered by the same, unless it is that answer.
//
//	[3, topic]
type Leave struct{ Topic uint32 }

const leaveFields = 1

// Type returns TypeLeave.
func (*Leave) Type() Type { return TypeLeave }

func (m *Leave) encode(w *writer) {
	w.begin(TypeLeave, leaveFields)
	w.topic(m.Topic)
}

func decodeLeave(r *reader) Message { return &Leave{Topic: r.topic()} }
