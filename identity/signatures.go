// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/digest"
)

// Every signature that is made. Each is Ed25519 over tagged(tag, parts…), which
// digest.Tagged draws, so that a signature made for one use never passes for
// another. "body" is the record's body up to the signature that is checked, which
// is always its last field; a body with two signatures says so.
//
//	what                    tag                          key that signs            parts
//	record 1, owner's admit TagAdmit                     owner's account key       topic id, body
//	device of an account    TagDevice                    a device of the account,  topic id, account key, device key, log id, KEM key
//	                                                     or the account key
//	xf/join                 TagJoin                      invite key                topic id, invite key, account key, device key, log id, rest of the body
//	xf/device               TagDevice, as above
//	invite with role device TagLink                      a device of the account,  topic id, account key, invite key
//	                                                     or the account key
//	term record, by words   TagTerm                      owner's account key       topic id, body before all signatures
//	term record, by k of n  TagSuccession                a successor's key         topic id, body before all signatures
//	certificate of HELLO    TagCertificate               device key, or the key    topic id, role u8 (1 dialer), channel binding, dialer's
//	                                                     of the invite it shows    peer id, listener's peer id, certificate
//
// Two are not of this form, for others have to be able to check them:
//
//	head of a log           C2SP signed-note of a C2SP tlog-checkpoint, by the author key
//	cosignature of a head   C2SP tlog-cosignature (cosignature/v1), by the witness key
//
// A TLS certificate is signed by the peer key as X.509 says.
//
// KEM key is 1216 bytes, or none (0 bytes) in a plain topic. A new generation
// signs nothing itself: its device is added by the key of the old one.
const (
	TagAdmit       = "xaeroflux admit v1"
	TagDevice      = "xaeroflux device v1"
	TagJoin        = "xaeroflux join v1"
	TagLink        = "xaeroflux link v1"
	TagTerm        = "xaeroflux term v1"
	TagSuccession  = "xaeroflux succession v1"
	TagCertificate = "xaeroflux certificate v1"
)

// SignatureBytes is the length of every signature.
const SignatureBytes = ed25519.SignatureSize

// Sign returns key's signature over tag and parts.
func Sign(key ed25519.PrivateKey, tag string, parts ...[]byte) (sig [SignatureBytes]byte) {
	m := digest.Tagged(tag, parts...)
	copy(sig[:], ed25519.Sign(key, m[:]))
	return sig
}

// VerifySignature reports whether sig is pub's over tag and parts. It refuses
// keys that SmallOrder refuses, under which anybody can sign.
func VerifySignature(pub [KeyBytes]byte, sig []byte, tag string, parts ...[]byte) bool {
	if SmallOrder(pub) || len(sig) != SignatureBytes {
		return false
	}
	m := digest.Tagged(tag, parts...)
	return ed25519.Verify(pub[:], m[:], sig)
}
