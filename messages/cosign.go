// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/internal/digest"

// CosignRequest asks the peer to cosign a head of a log, as a witness.
//
//	[56, topic, log, size, root]
type CosignRequest struct {
	Topic uint32
	Log   digest.Hash
	Size  uint64
	Root  digest.Hash
}

const cosignRequestFields = 4

// Type returns TypeCosignRequest.
func (*CosignRequest) Type() Type { return TypeCosignRequest }

func (m *CosignRequest) encode(w *writer) {
	w.begin(TypeCosignRequest, cosignRequestFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("size", m.Size, MaxCount)
	w.fixed(m.Root[:])
}

func decodeCosignRequest(r *reader) Message {
	return &CosignRequest{Topic: r.topic(), Log: r.hash("log"), Size: r.count("size"), Root: r.hash("root")}
}

// CosignResponse is the answer: the cosignature, or none if the witness
// does not hold the head, or holds another.
//
//	[57, topic, log, size, root, witness, time, signature]
type CosignResponse struct {
	Topic   uint32
	Log     digest.Hash
	Size    uint64
	Root    digest.Hash
	Witness [32]byte // Ed25519 public key
	Time    uint64   // seconds since 1970; 0 says that there is no cosignature
	Sig     [64]byte // Ed25519
}

const cosignResponseFields = 7

// Type returns TypeCosignResponse.
func (*CosignResponse) Type() Type { return TypeCosignResponse }

func (m *CosignResponse) encode(w *writer) {
	w.begin(TypeCosignResponse, cosignResponseFields)
	w.topic(m.Topic)
	w.fixed(m.Log[:])
	w.uint("size", m.Size, MaxCount)
	w.fixed(m.Root[:])
	w.fixed(m.Witness[:])
	w.uint("time", m.Time, MaxCount)
	w.fixed(m.Sig[:])
}

func decodeCosignResponse(r *reader) Message {
	m := &CosignResponse{Topic: r.topic(), Log: r.hash("log"), Size: r.count("size"), Root: r.hash("root")}
	r.fixed("witness", m.Witness[:])
	m.Time = r.count("time")
	r.fixed("signature", m.Sig[:])
	return m
}
