// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// ProofRequest asks for the inclusion proof of one event.
//
//	[26, topic, log, sequence, size]
type ProofRequest struct {
	Topic uint32
	Log   digest.Hash
	Seq   uint64
	Size  uint64 // of the tree to prove it in; 0 for the newest head
}

const proofRequestFields = 4

// Type returns TypeProofRequest.
func (*ProofRequest) Type() Type { return TypeProofRequest }

func (m *ProofRequest) encode(w *writer) {
	w.begin(TypeProofRequest, proofRequestFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("sequence", m.Seq, MaxCount)
	w.uint("size", m.Size, MaxCount)
}

func decodeProofRequest(r *reader) Message {
	return &ProofRequest{Topic: r.topic(), Log: r.hash("log"), Seq: r.count("sequence"), Size: r.count("size")}
}
