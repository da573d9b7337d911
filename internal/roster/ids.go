// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// DataLog returns the id of a data log.
func DataLog(topic digest.Hash, author Key, pageBytes uint32, number uint64) digest.Hash {
	return identity.LogID(topic, author, pageBytes, identity.KindData, number)
}

// LegLog returns the id of the log of a term's leg.
func LegLog(topic digest.Hash, author Key, term, leg uint32) digest.Hash {
	return identity.LogID(topic, author, identity.RosterPageBytes, identity.KindRoster, identity.RosterNumber(term, leg))
}

// BoxLog returns the id of the log of boxes that the steward of a leg writes.
func BoxLog(topic digest.Hash, author Key, term, leg uint32) digest.Hash {
	return identity.LogID(topic, author, identity.RosterPageBytes, identity.KindBoxes, identity.RosterNumber(term, leg))
}

// sign returns key's signature over tag and parts.
func sign(key ed25519.PrivateKey, tag string, parts ...[]byte) Signature {
	return identity.Sign(key, tag, parts...)
}

// verify reports whether s is k's signature over tag and parts. It refuses keys
// under which anybody can sign.
func verify(k Key, s *Signature, tag string, parts ...[]byte) bool {
	return identity.VerifySignature(k, s[:], tag, parts...)
}
