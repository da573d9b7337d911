// SPDX-License-Identifier: MPL-2.0

package layout

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An Agreement is what a store and a peer's last agreed to hold of a topic.
type Agreement struct {
	Set digest.Set
	Use uint64 // larger is later
}

// An AgreementKey names the two.
type AgreementKey struct {
	Peer  identity.PeerID
	Topic digest.Hash
}

// Agreements are the rows of agreements. One that is lost costs the next session
// of its peer more bytes, and nothing else.
//
//	key    "cursor" 0 | peer id (32) | topic id (32)
//	value  logs u64 | digest (32) | use u64
var Agreements = newTable(
	Kind{Name: "what was agreed with a peer", Bucket: bucketPeers, Prefix: "cursor\x00", Salvage: GiveUp},
	codec[AgreementKey, Agreement]{key: agreementKey, value: agreementRow, parseKey: parseAgreementKey, parseValue: parseAgreement})

const agreementBytes = 8 + digest.Size + 8

func agreementKey(k AgreementKey) []byte { return append(k.Peer[:], k.Topic[:]...) }

func parseAgreementKey(b []byte) (k AgreementKey, err error) {
	if err := exactly(b, len(k.Peer)+digest.Size); err != nil {
		return k, err
	}
	return AgreementKey{identity.PeerID(b[:len(k.Peer)]), digest.Hash(b[len(k.Peer):])}, nil
}

func agreementRow(a Agreement) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, agreementBytes), a.Set.Count)
	b = append(b, a.Set.Sum[:]...)
	return binary.LittleEndian.AppendUint64(b, a.Use)
}

func parseAgreement(_ AgreementKey, b []byte) (a Agreement, err error) {
	if err := exactly(b, agreementBytes); err != nil {
		return a, err
	}
	a.Set = digest.Set{Count: binary.LittleEndian.Uint64(b), Sum: digest.Hash(b[8:40])}
	a.Use = binary.LittleEndian.Uint64(b[40:])
	return a, nil
}
