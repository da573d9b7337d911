// SPDX-License-Identifier: MPL-2.0

package messages

// Fork shows that the author of a log signed two heads that cannot both be
// true: the text form of a proof.Fork.
//
//	[21, topic, proof]
type Fork struct {
	Topic uint32
	Proof []byte // at most MaxForkBytes; borrowed when decoded
}

const forkFields = 2

// Type returns TypeFork.
func (*Fork) Type() Type { return TypeFork }

func (m *Fork) encode(w *writer) {
	w.begin(TypeFork, forkFields)
	w.topic(m.Topic)
	w.bin("proof", m.Proof, MaxForkBytes)
}

func decodeFork(r *reader) Message {
	return &Fork{Topic: r.topic(), Proof: r.bin("proof", MaxForkBytes)}
}
