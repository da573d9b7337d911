// SPDX-License-Identifier: MPL-2.0

package roster

import "github.com/xaeroflux/xaeroflux/identity"

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
	tagAdmit       = identity.TagAdmit
	tagAdmitted    = identity.TagAdmitted
	tagAdded       = identity.TagAdded
	tagJoin        = identity.TagJoin
	tagDevice      = identity.TagDevice
	tagLink        = identity.TagLink
	tagTerm        = identity.TagTerm
	tagSuccession  = identity.TagSuccession
	tagCertificate = identity.TagCertificate
)
