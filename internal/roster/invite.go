// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An Invite is a key that lets newcomers join. It is a block of `invite` and
// of an ask for one:
//
//	offset  bytes  field
//	     0     32  invite key
//	    32      1  role: 2 admin to 5 replica, or 6 for a device
//	    33      2  uses, at least 1
//	    35      6  expiry in seconds since 1970, 0 for never; by the steward's clock
//	    41      2  k, length of the invite's KEM key: 1216, or 0 in an open topic
//	    43      k  its KEM key
//	  43+k      1  1 if the role is device, else 0
//	  44+k    128  if so: key of the account 32, key that signs for the account
//	                 (one of its devices, or its own) 32, its signature 64
//
// The signature is over the topic id and all up to the signer.
type Invite struct {
	Key    Key
	Role   Role
	Uses   uint16
	Expiry uint64
	KEM    []byte
	Link   *Link // if and only if the role is Device
}

// A Link is what an invite of role Device has more: the account that it is for.
type Link struct {
	Account Key
	Signer  Key
	Sig     Signature
}

func codeInvite(c *coder, v *Invite) {
	v.codeHead(c)
	optional(c, &v.Link, func(c *coder, l *Link) {
		c.key(&l.Account)
		c.key(&l.Signer)
		c.sig(&l.Sig)
	})
	c.check(c.err != nil || (v.Link != nil) == (v.Role == Device), "an account for role %v", v.Role)
}

func (v *Invite) codeHead(c *coder) {
	c.key(&v.Key)
	c.role(&v.Role, Admin, Device)
	c.u16(&v.Uses)
	c.check(v.Uses > 0, "an invite for nobody")
	c.u48(&v.Expiry)
	c.kem(&v.KEM)
}

// linked returns the bytes that a link's signer signs.
func (v *Invite) linked() []byte {
	c := coder{writing: true}
	v.codeHead(&c)
	one := uint8(1)
	c.u8(&one)
	c.key(&v.Link.Account)
	return c.b
}

// SignLink makes v an invite for one more device of account, signed by one of
// its devices or by its own key.
func (v *Invite) SignLink(topic digest.Hash, account Key, signer ed25519.PrivateKey) {
	v.Role = Device
	v.Link = &Link{Account: account, Signer: Key(signer.Public().(ed25519.PublicKey))}
	v.Link.Sig = sign(signer, tagLink, topic[:], v.linked())
}

// VerifyLink reports whether the signer of v's link signed it.
func (v *Invite) VerifyLink(topic digest.Hash) bool {
	return verify(v.Link.Signer, &v.Link.Sig, tagLink, topic[:], v.linked())
}

// MakeInvite opens an invite.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      v  invite
//	  40+v      1  1 if boxes follow, else 0
//	  41+v     76  box of the newest epoch, for the invite
type MakeInvite struct {
	Ask    AskRef
	Invite Invite
	Boxes  *Boxes
}

// Type returns "xf/invite".
func (*MakeInvite) Type() string { return "xf/invite" }

func (m *MakeInvite) code(c *coder) {
	c.ask(&m.Ask)
	codeInvite(c, &m.Invite)
	optional(c, &m.Boxes, codeBoxes)
}

// Uninvite closes an invite; 72 bytes:
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40     32  invite key
type Uninvite struct {
	Ask    AskRef
	Invite Key
}

// Type returns "xf/uninvite".
func (*Uninvite) Type() string { return "xf/uninvite" }

func (u *Uninvite) code(c *coder) {
	c.ask(&u.Ask)
	c.key(&u.Invite)
}
