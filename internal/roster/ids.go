// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
)

// The kinds of logs, and the page bytes of those that are not data.
const (
	kindData   = 0
	kindRoster = 1
	kindBoxes  = 2

	// PageBytes is the page size of a log of the roster or of boxes.
	PageBytes = 4096
)

// logID returns the id of a log: topic, author, page bytes u32, kind u8, number u64.
func logID(topic digest.Hash, author Key, pageBytes uint32, kind uint8, number uint64) digest.Hash {
	size := binary.LittleEndian.AppendUint32(nil, pageBytes)
	n := binary.LittleEndian.AppendUint64(nil, number)
	return digest.Tagged("xaeroflux log v2", topic[:], author[:], size, []byte{kind}, n)
}

// DataLog returns the id of a data log.
func DataLog(topic digest.Hash, author Key, pageBytes uint32, number uint64) digest.Hash {
	return logID(topic, author, pageBytes, kindData, number)
}

// LegLog returns the id of the log of a term's leg.
func LegLog(topic digest.Hash, author Key, term, leg uint32) digest.Hash {
	return logID(topic, author, PageBytes, kindRoster, uint64(term)<<32|uint64(leg))
}

// BoxLog returns the id of the log of boxes that the steward of a leg writes.
func BoxLog(topic digest.Hash, author Key, term, leg uint32) digest.Hash {
	return logID(topic, author, PageBytes, kindBoxes, uint64(term)<<32|uint64(leg))
}

// sign returns key's signature over tag and parts.
func sign(key ed25519.PrivateKey, tag string, parts ...[]byte) (s Signature) {
	m := digest.Tagged(tag, parts...)
	copy(s[:], ed25519.Sign(key, m[:]))
	return s
}

// verify reports whether s is k's signature over tag and parts. It refuses keys
// under which anybody can sign.
func verify(k Key, s *Signature, tag string, parts ...[]byte) bool {
	if identity.SmallOrder(k) {
		return false
	}
	m := digest.Tagged(tag, parts...)
	return ed25519.Verify(k[:], m[:], s[:])
}
