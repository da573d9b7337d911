// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Card is what a newcomer says of itself: account and first device. It is a
// block of `admit`, of `xf/join` and of an ask to admit:
//
//	offset  bytes  field
//	     0     32  account key
//	    32     32  device key, the author key of its log
//	    64      4  page bytes of its data log
//	    68      8  number of its data log
//	    76      2  k, length of the device's KEM key: 1216, or 0 in an open topic
//	    78      k  the device's KEM key
//	  78+k      2  a, length of the account's KEM key: 1216, or 0 in an open topic
//	  80+k      a  the account's KEM key
//	80+k+a      2  b, length of the recovery box: 1168, or 0 if there is none
//	82+k+a      b  recovery box: the account secret under the person's root KEM key
type Card struct {
	Account    Key
	Device     Key
	PageBytes  uint32
	Number     uint64
	KEM        []byte
	AccountKEM []byte
	Recovery   []byte
}

func codeCard(c *coder, k *Card) {
	c.key(&k.Account)
	c.key(&k.Device)
	c.u32(&k.PageBytes)
	c.u64(&k.Number)
	c.kem(&k.KEM)
	c.kem(&k.AccountKEM)
	c.blob(&k.Recovery, 0, RecoveryBytes)
}

func (k *Card) bytes() []byte {
	c := coder{writing: true}
	codeCard(&c, k)
	return c.b
}

// Log returns the id of the data log that the card names.
func (k *Card) Log(topic digest.Hash) digest.Hash {
	return DataLog(topic, k.Device, k.PageBytes, k.Number)
}

// A SignedCard is a card with the signatures of the account and of the device:
//
//	offset  bytes  field
//	     0      c  card
//	     c     64  signature of the account's key
//	  64+c     64  signature of the device's key
type SignedCard struct {
	Card       Card
	AccountSig Signature
	DeviceSig  Signature
}

func codeSignedCard(c *coder, s *SignedCard) {
	codeCard(c, &s.Card)
	c.sig(&s.AccountSig)
	c.sig(&s.DeviceSig)
}

// SignCard signs a card with both keys that it names.
func SignCard(topic digest.Hash, k Card, account, device ed25519.PrivateKey) SignedCard {
	b := k.bytes()
	return SignedCard{k, sign(account, tagAdmit, topic[:], b), sign(device, tagAdmitted, topic[:], b)}
}

// Verify reports whether both signatures are right.
func (s *SignedCard) Verify(topic digest.Hash) bool {
	b := s.Card.bytes()
	return verify(s.Card.Account, &s.AccountSig, tagAdmit, topic[:], b) &&
		verify(s.Card.Device, &s.DeviceSig, tagAdmitted, topic[:], b)
}

// An InviteProof shows that a newcomer holds an invite:
//
//	offset  bytes  field
//	     0     32  invite key
//	    32     64  its signature
type InviteProof struct {
	Invite Key
	Sig    Signature
}

func codeInviteProof(c *coder, p *InviteProof) {
	c.key(&p.Invite)
	c.sig(&p.Sig)
}

// ProveInvite shows that whoever made the card holds the invite with this key.
func ProveInvite(topic digest.Hash, k Card, invite ed25519.PrivateKey) InviteProof {
	p := InviteProof{Invite: Key(invite.Public().(ed25519.PublicKey))}
	p.Sig = sign(invite, tagJoin, topic[:], p.Invite[:], k.bytes())
	return p
}

// Verify reports whether the invite's key signed the card.
func (p *InviteProof) Verify(topic digest.Hash, k *Card) bool {
	return verify(p.Invite, &p.Sig, tagJoin, topic[:], p.Invite[:], k.bytes())
}

// Admit makes an account belong, with its first device.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      1  role: 1 owner to 5 replica
//	    41      1  1 if by an invite, else 0
//	    42     96  if by an invite: invite proof
//	     …      s  signed card
//	     …      1  1 if boxes follow, else 0
//	     …     76  boxes of the newest epoch, for device and account
//
// In record 1, the owner's, there are no ask, no invite and no boxes.
type Admit struct {
	Ask   AskRef
	Role  Role
	By    *InviteProof
	Card  SignedCard
	Boxes *Boxes
}

// Type returns "xf/admit".
func (*Admit) Type() string { return "xf/admit" }

func (a *Admit) code(c *coder) {
	c.ask(&a.Ask)
	c.role(&a.Role, Owner, Replica)
	optional(c, &a.By, codeInviteProof)
	codeSignedCard(c, &a.Card)
	optional(c, &a.Boxes, codeBoxes)
}
