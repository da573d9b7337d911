// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// ProofResponse is an event's leaf data and its inclusion proof under a head.
//
//	[27, topic, log, sequence, head, hashes, leaf]
type ProofResponse struct {
	Topic  uint32
	Log    digest.Hash
	Seq    uint64
	Head   Head
	Hashes []digest.Hash // RFC 9162 order, at most MaxHashes
	Leaf   []byte        // leaf data, at most MaxLeafBytes; borrowed when decoded
}

const proofResponseFields = 6

// Type returns TypeProofResponse.
func (*ProofResponse) Type() Type { return TypeProofResponse }

func (m *ProofResponse) encode(w *writer) {
	w.begin(TypeProofResponse, proofResponseFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("sequence", m.Seq, MaxCount)
	m.Head.encode(w)
	w.hashes("hashes", m.Hashes, MaxHashes)
	w.bin("leaf", m.Leaf, MaxLeafBytes)
}

func decodeProofResponse(r *reader) Message {
	m := &ProofResponse{Topic: r.topic(), Log: r.hash("log"), Seq: r.count("sequence")}
	m.Head.decode(r)
	m.Hashes = r.hashes("hashes", MaxHashes)
	m.Leaf = r.bin("leaf", MaxLeafBytes)
	return m
}
