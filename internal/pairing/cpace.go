// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// Strings of the draft that go into hashes.
const (
	labelISK = groupDSI + "_ISK"
	labelMAC = "CPaceMac"
)

const (
	iskBytes = sha512.Size
	tagBytes = sha512.Size
)

// lvCat is lv_cat: each part behind its length as LEB128.
func lvCat(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return b
}

// generatorString is generator_string. The zeros fill the first block of the
// hash behind the code, so that nothing of the session is hashed with it.
func generatorString(prs, ci, sid []byte) []byte {
	head := len(lvCat([]byte(groupDSI), prs))
	zeros := make([]byte, max(0, hashBlockBytes-1-head))
	return lvCat([]byte(groupDSI), prs, zeros, ci, sid)
}

// calculateGenerator is G.calculate_generator.
func calculateGenerator(prs, ci, sid []byte) generator {
	return deriveGenerator(sha512.Sum512(generatorString(prs, ci, sid)))
}

// A turn is what one end says: its share, and the associated data of it.
type turn struct {
	share share
	ad    []byte
}

// encoded is lv_cat(Y, AD).
func (t *turn) encoded() []byte { return lvCat(t.share[:], t.ad) }

// intermediateKey is the ISK of the draft, in the initiator-responder setting: the
// transcript has the initiator's turn first.
func intermediateKey(sid []byte, k share, initiator, responder *turn) [iskBytes]byte {
	head := lvCat([]byte(labelISK), sid, k[:])
	return sha512.Sum512(slices.Concat(head, initiator.encoded(), responder.encoded()))
}

// confirmationKey is mac_key of the draft's section on key confirmation.
func confirmationKey(sid []byte, isk *[iskBytes]byte) [sha512.Size]byte {
	return sha512.Sum512(slices.Concat([]byte(labelMAC), sid, isk[:]))
}

// confirmationTag is HMAC-SHA512 of a turn: that end shows by it that it has the ISK.
func confirmationTag(key *[sha512.Size]byte, t *turn) (tag [tagBytes]byte) {
	m := hmac.New(sha512.New, key[:])
	m.Write(t.encoded())
	m.Sum(tag[:0])
	return tag
}
