// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Every signature that is made. Each is Ed25519 over tagged(tag, parts…), as
// digest.Tagged draws it, so that a signature made for one use never passes for
// another. A part that is a block of a record's body is its bytes as they are
// drawn in internal/roster.
//
//	what                          tag            key that signs                  parts
//	an account takes part         TagAdmit       the account's key               topic id, card
//	its first device is there     TagAdmitted    the device's key                topic id, card
//	a newcomer uses an invite     TagJoin        the invite's key                topic id, invite key, card
//	an account has a device       TagDevice      a device of the account, the    topic id, device card
//	                                             account's key, or an invite of
//	                                             role device of the account
//	a device is there             TagAdded       the device's key                topic id, device card
//	an invite for a device        TagLink        a device of the account, or     topic id, invite up to its signer
//	                                             the account's key
//	a term, by the owner          TagTerm        the owner's account key         topic id, term record up to its
//	                                                                             signatures
//	a term, by successors         TagSuccession  k successors' keys              the same
//	a person's root KEM key       TagRoot        the home topic's account key    home topic id, root KEM key
//	a device's key in a topic     TagHomeKey     that key                        home topic id, topic id, the
//	                                                                             device's key in the home topic
//	a certificate in HELLO        TagCertificate the key that it is about        topic id, role u8 (0 listener, 1
//	                                                                             dialer), channel binding, certificate
//	                                                                             up to its signature
//
// Record 1 of a roster, the owner's admit, carries TagAdmit of the owner's account
// key. A new generation of a device is a new device: the key of the old one signs
// TagDevice for it.
//
// Three are not of this form, since others have to be able to check them:
//
//	head of a log           C2SP signed-note of a C2SP tlog-checkpoint, by the author key
//	cosignature of a head   C2SP tlog-cosignature, cosignature/v1, by the witness key
//	TLS certificate         X.509, by the peer key
const (
	TagAdmit       = "xaeroflux admit v1"
	TagAdmitted    = "xaeroflux admitted device v1"
	TagJoin        = "xaeroflux join v1"
	TagDevice      = "xaeroflux device v1"
	TagAdded       = "xaeroflux added device v1"
	TagLink        = "xaeroflux link v1"
	TagTerm        = "xaeroflux term v1"
	TagSuccession  = "xaeroflux succession v1"
	TagRoot        = "xaeroflux home root v1"
	TagHomeKey     = "xaeroflux home device v1"
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
