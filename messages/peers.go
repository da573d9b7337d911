// SPDX-License-Identifier: MPL-2.0

package messages

// Peers tells addresses of other peers of a topic. They are hints: dialing
// one proves whether it is who it says.
//
//	[48, topic, [address ...]]
type Peers struct {
	Topic     uint32
	Addresses []string // identity.Address in text, at most MaxAddresses of MaxAddrBytes
}

const peersFields = 2

// Type returns TypePeers.
func (*Peers) Type() Type { return TypePeers }

func (m *Peers) encode(w *writer) {
	w.begin(TypePeers, peersFields)
	w.topic(m.Topic)
	w.list("addresses", len(m.Addresses), MaxAddresses)
	for _, a := range m.Addresses {
		w.str("address", a, MaxAddrBytes)
	}
}

func decodePeers(r *reader) Message {
	return &Peers{Topic: r.topic(), Addresses: r.strings("addresses", MaxAddresses, MaxAddrBytes)}
}
