// SPDX-License-Identifier: MPL-2.0

package roster

// Every signature inside a body is Ed25519 over tagged(tag, parts…), one tag a
// use. A part that is a block of a body is its bytes as they are drawn there.
//
//	what                          tag            key that signs                    parts
//	an account takes part         tagAdmit       the account's key                 topic id, card
//	its first device is there     tagAdmitted    the device's key                  topic id, card
//	a newcomer uses an invite     tagJoin        the invite's key                  topic id, invite key, card
//	an account has a device       tagDevice      a device of the account, the      topic id, device card
//	                                             account's key, or an invite of
//	                                             role device of the account
//	a device is there             tagAdded       the device's key                  topic id, device card
//	an invite for a device        tagLink        a device of the account, or       topic id, invite up to its signer
//	                                             the account's key
//	a term, by the owner          tagTerm        the owner's account key           topic id, term record up to its signatures
//	a term, by successors         tagSuccession  k successors' keys                the same
//	a certificate                 tagCertificate the key that it is about          see certificate.go
const (
	tagAdmit       = "xaeroflux admit v1"
	tagAdmitted    = "xaeroflux admitted device v1"
	tagAdded       = "xaeroflux added device v1"
	tagJoin        = "xaeroflux join v1"
	tagDevice      = "xaeroflux device v1"
	tagLink        = "xaeroflux link v1"
	tagTerm        = "xaeroflux term v1"
	tagSuccession  = "xaeroflux succession v1"
	tagCertificate = "xaeroflux certificate v1"
)
