// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// MaxFollowed is the most names in a SUBSCRIBE.
const MaxFollowed = 4096

// Subscribe says which logs of a topic the sender wants to be told of. It comes
// before PEAKS, from a side whose HELLO said that it follows a part only.
//
//	[20, topic, names]
type Subscribe struct {
	Topic uint32
	Names []digest.Hash // ids of logs or keys of authors, increasing; at most MaxFollowed
}

const subscribeFields = 2

// Type returns TypeSubscribe.
func (*Subscribe) Type() Type { return TypeSubscribe }

func (m *Subscribe) encode(w *writer) {
	w.begin(TypeSubscribe, subscribeFields)
	w.topic(m.Topic)
	if !increasing(m.Names) {
		w.fail(ErrMalformed, "names", "not in increasing order")
	}
	w.hashes("names", m.Names, MaxFollowed)
}

func decodeSubscribe(r *reader) Message {
	m := &Subscribe{Topic: r.topic(), Names: r.hashes("names", MaxFollowed)}
	if r.err == nil && !increasing(m.Names) {
		r.fail(ErrMalformed, "names", "not in increasing order")
	}
	return m
}

func increasing(names []digest.Hash) bool {
	for i := 1; i < len(names); i++ {
		if bytes.Compare(names[i-1][:], names[i][:]) >= 0 {
			return false
		}
	}
	return true
}
