// SPDX-License-Identifier: MPL-2.0

package messages

import "math"

// ProtocolVersion is the version of XSP that this package speaks.
const ProtocolVersion = 1

// CapSync is the capability of the sync protocol itself.
const CapSync = "SYNC"

// Hello is the first message of both sides of a session.
//
//	[1, version, peer, instance, [cap ...], [[proof, partial] ...], max frame, max pages]
type Hello struct {
	Version  uint16
	Peer     [32]byte     // Ed25519 key of the sender; must be that of the channel
	Instance [16]byte     // of the sender's store: guards the cursors of rung 1
	Caps     []string     // at most MaxCaps, each at most MaxCapBytes
	Topics   []TopicProof // at most MaxTopics, in any order
	MaxFrame uint32       // longest EVENTS body in bytes the sender takes
	MaxPages uint32       // pages the sender serves for one PAGE_REQUEST
}

// A TopicProof shows that the sender knows a topic key, to those who know it
// and to nobody else.
//
//	[proof] or [proof, partial]
type TopicProof struct {
	Proof   [32]byte
	Partial bool // the sender follows some logs of the topic only; left out where false
}

const (
	helloFields      = 7
	topicProofFields = 1
	minTopicProof    = 1 + 2 + 32
)

// Type returns TypeHello.
func (*Hello) Type() Type { return TypeHello }

func (m *Hello) encode(w *writer) {
	w.begin(TypeHello, helloFields)
	w.uint("version", uint64(m.Version), math.MaxUint16)
	w.fixed(m.Peer[:])
	w.fixed(m.Instance[:])
	w.list("caps", len(m.Caps), MaxCaps)
	for _, c := range m.Caps {
		w.str("cap", c, MaxCapBytes)
	}
	w.list("topics", len(m.Topics), MaxTopics)
	for i := range m.Topics {
		t := &m.Topics[i]
		if !t.Partial {
			w.array(topicProofFields)
			w.fixed(t.Proof[:])
			continue
		}
		w.array(topicProofFields + 1)
		w.fixed(t.Proof[:])
		w.bool(true)
	}
	w.uint("max frame", uint64(m.MaxFrame), math.MaxUint32)
	w.uint("max pages", uint64(m.MaxPages), math.MaxUint32)
}

func decodeHello(r *reader) Message {
	m := &Hello{Version: r.uint16("version")}
	r.fixed("peer", m.Peer[:])
	r.fixed("instance", m.Instance[:])
	m.Caps = r.strings("caps", MaxCaps, MaxCapBytes)
	m.Topics = decodeTopics(r)
	m.MaxFrame = r.uint32("max frame")
	m.MaxPages = r.uint32("max pages")
	return m
}

func decodeTopics(r *reader) []TopicProof {
	n := r.list("topics", MaxTopics, minTopicProof)
	if n == 0 {
		return nil
	}
	ts := make([]TopicProof, n)
	for i := 0; i < n && r.err == nil; i++ {
		rest := r.fields("topic", topicProofFields)
		r.fixed("topic proof", ts[i].Proof[:])
		if rest > 0 {
			ts[i].Partial = r.bool("partial")
			rest--
		}
		r.skip("topic", rest)
	}
	return ts
}
