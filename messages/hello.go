// SPDX-License-Identifier: MPL-2.0

package messages

import "math"

// ProtocolVersion is the version of XSP that this package speaks.
const ProtocolVersion = 1

// CapSync is the capability of the sync protocol itself.
const CapSync = "SYNC"

// Hello is the first message of both sides of a session.
//
//	[1, version, peer, instance, [cap ...], [[proof, partial, state] ...], max frame, max pages]
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
//	[proof], [proof, partial] or [proof, partial, state]
type TopicProof struct {
	Proof   [32]byte
	Partial bool     // the sender follows some logs of the topic only
	State   [16]byte // mark of what it holds of the topic; zero where it states none
}

const (
	helloFields      = 7
	topicProofFields = 1
	withPartial      = 2
	withState        = 3
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
		m.Topics[i].encode(w)
	}
	w.uint("max frame", uint64(m.MaxFrame), math.MaxUint32)
	w.uint("max pages", uint64(m.MaxPages), math.MaxUint32)
}

// encode leaves out what says nothing at the end.
func (t *TopicProof) encode(w *writer) {
	fields := topicProofFields
	if t.Partial {
		fields = withPartial
	}
	if t.State != [16]byte{} {
		fields = withState
	}
	w.array(fields)
	w.fixed(t.Proof[:])
	if fields >= withPartial {
		w.bool(t.Partial)
	}
	if fields >= withState {
		w.fixed(t.State[:])
	}
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
		if rest > 0 {
			r.fixed("state", ts[i].State[:])
			rest--
		}
		r.skip("topic", rest)
	}
	return ts
}
