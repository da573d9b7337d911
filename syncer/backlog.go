// SPDX-License-Identifier: MPL-2.0

package syncer

import "github.com/xaeroflux/xaeroflux/messages"

// Rule: what waits for a peer that does not read is bounded by what the peer caused. Of
// each topic that is shared it may cause a few small messages, as an honest one does
// however many topics differ; all that is beyond them counts together.

const (
	maxBacklog = 8192 // messages that the peer caused, beyond those of topics
	maxOfTopic = 8192 // messages of a topic that it did not cause
	fewOfTopic = 4    // small messages of a topic that the peer may cause
	smallBytes = 1 << 10
	entryBytes = 256 // about what an entry of a whole list takes

	maxLists  = 4    // lists of logs of a topic that are not small: a few bytes of the peer call for each
	maxProofs = 1024 // proofs, which are long and asked for one by one
	maxWords  = 64   // PRESENCE: more are dropped, as nobody stores any
)

// A Backlog counts the control messages that wait for a peer. The zero value is ready.
type Backlog struct {
	caused, proofs, words int
	topics                map[uint32]*ofTopic
}

type ofTopic struct{ own, few, lists int }

// A Fate is what becomes of a message that is to wait.
type Fate uint8

// The fates of a message.
const (
	Waits   Fate = iota // it waits, and is counted
	Drops               // it is not sent
	TooMany             // too many wait: the session is to be ended
)

// Add says what becomes of a message; caused is that a message of the peer led to it.
func (b *Backlog) Add(m messages.Message, caused bool) Fate {
	switch m.Type() {
	case messages.TypeProofResponse:
		if b.proofs++; b.proofs > maxProofs {
			return TooMany
		}
	case messages.TypePresence:
		if b.words++; b.words > maxWords {
			return Drops
		}
	}
	few := false
	if number, ok := messages.TopicOf(m); ok {
		t := b.topic(number)
		d, isDiff := m.(*messages.Diff)
		if isDiff && !d.More && !d.Part && !small(m) {
			t.lists++
		}
		if !caused {
			t.own++
		} else if few = t.few < fewOfTopic && small(m); few {
			t.few++
		}
		if t.own > maxOfTopic || t.lists > maxLists {
			return TooMany
		}
	}
	if caused && !few {
		if b.caused++; b.caused > maxBacklog {
			return TooMany
		}
	}
	return Waits
}

func (b *Backlog) topic(number uint32) *ofTopic {
	t := b.topics[number]
	if t == nil {
		if b.topics == nil {
			b.topics = map[uint32]*ofTopic{}
		}
		t = new(ofTopic)
		b.topics[number] = t
	}
	return t
}

// small reports whether a message is of those that an honest peer causes in each topic.
func small(m messages.Message) bool {
	switch m := m.(type) {
	case *messages.Peaks, *messages.SyncDone, *messages.Prune:
		return true
	case *messages.Diff:
		return len(m.Body)+entryBytes*len(m.Entries) <= smallBytes
	}
	return false
}

// Sent takes it that all that waited is written.
func (b *Backlog) Sent() {
	b.caused, b.proofs, b.words = 0, 0, 0
	clear(b.topics)
}
