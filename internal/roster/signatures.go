// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

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

// Signed reports whether all signatures in a record are right by the keys that it names;
// whether those may sign it is for the fold to say. It is most of the work that a record
// makes, and depends on the record alone: records can be looked at side by side, and the
// answer can be kept (HeldLeg.Signed). Those of founding and of terms are left to the fold.
func Signed(topic digest.Hash, r Raw) bool {
	body, err := Decode(r.Type, r.Body)
	if err != nil {
		return false
	}
	switch x := body.(type) {
	case *Admit:
		return x.Card.Verify(topic) && (x.By == nil || x.By.Verify(topic, &x.Card.Card))
	case *AddDevice:
		return x.Device.Verify(topic)
	case *MakeInvite:
		return x.Invite.Link == nil || x.Invite.VerifyLink(topic)
	case *CutLog:
		return x.Fork == nil || x.Fork.Verify(topic)
	}
	return true
}
