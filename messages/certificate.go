// SPDX-License-Identifier: MPL-2.0

package messages

// Certificate shows a peer that has the same lobby key of a topic and another
// join key that the sender belongs to the topic. Its sealed part is opened
// by a peer that knows the lobby key, on this connection only.
//
//	[4, topic, sealed]
type Certificate struct {
	Topic  uint32 // number that the dialer offered it with
	Sealed []byte // 1 to MaxCertificate bytes; borrowed when decoded
}

const certificateFields = 2

// Type returns TypeCertificate.
func (*Certificate) Type() Type { return TypeCertificate }

func (m *Certificate) encode(w *writer) {
	w.begin(TypeCertificate, certificateFields)
	w.topic(m.Topic)
	if len(m.Sealed) == 0 {
		w.fail(ErrMalformed, "sealed", "empty")
	}
	w.bin("sealed", m.Sealed, MaxCertificate)
}

func decodeCertificate(r *reader) Message {
	m := &Certificate{Topic: r.topic(), Sealed: r.bin("sealed", MaxCertificate)}
	if r.err == nil && len(m.Sealed) == 0 {
		r.fail(ErrMalformed, "sealed", "empty")
	}
	return m
}
