// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// ErrCertificate is returned for a certificate that shows nothing.
var ErrCertificate = errors.New("not a valid certificate of a member")

// ErrRemoved is returned for a certificate that is right, of a device that does not
// belong any more.
var ErrRemoved = errors.New("the certificate is of a device that does not belong any more")

// MaxLegs is how many legs a certificate shows at most.
const MaxLegs = 32

// A Certificate shows who is at the other end of a connection, to a peer that
// proves another join key. Exactly one of its three parts is there.
//
//	offset  bytes  field
//	     0      1  kind: 1 member, 2 invited, 3 device
//	     1      …  kind 1: device key 32; n u8, 1 to 32; n leg proofs, oldest first;
//	                 which of them u8, from 0, and the record proof there of the newest
//	                 `admit` or `device` of the device
//	               kind 2: invite proof and signed card, as in `xf/join`
//	               kind 3: signed device, as in a data log's `xf/device`
//	     …     64  signature of the device's key
type Certificate struct {
	Member  *Membership
	Invited *Join
	Added   *DeviceAsk
	Sig     Signature
}

// A Membership shows that a device was admitted.
type Membership struct {
	Device Key
	Legs   []LegProof
	In     uint8 // index in Legs
	Record RecordProof
}

// A LegProof shows how a leg begins, and how it ends if another follows.
//
//	offset  bytes  field
//	     0     32  author
//	    32      4  term
//	    36      4  leg
//	    40      8  size: all of it if another leg is shown after it
//	    48     32  root
//	    80     64  author's signature of that head
//	   144      r  record proof of record 0
//	     …      1  1 if the leg was handed over and another is shown after it, else 0
//	     …      h  if so: record proof of its last record, the handover
type LegProof struct {
	Author    Key
	Term, Leg uint32
	Head      Head
	Begin     RecordProof
	Handover  *RecordProof
}

// A RecordProof shows a record of a leg under its root.
//
//	offset  bytes  field
//	     0      1  type: 1 genesis, 2 begin, 3 admit, 4 device, 5 handover
//	     1      8  sequence
//	     9      6  time, milliseconds since 1970
//	    15      2  b, length of the body
//	    17      b  body
//	  17+b      1  h, number of hashes, at most 64
//	  18+b   32*h  inclusion proof
type RecordProof struct {
	Type   uint8
	Seq    uint64
	Time   uint64
	Body   []byte
	Hashes []digest.Hash
}

// The types of records that are shown.
const (
	ProvesGenesis  = 1
	ProvesBegin    = 2
	ProvesAdmit    = 3
	ProvesDevice   = 4
	ProvesHandover = 5
)

var provedTypes = [...]string{"", "xf/genesis", "xf/begin", "xf/admit", "xf/device", "xf/handover"}

func (x *Certificate) code(c *coder) {
	x.codeShown(c)
	c.sig(&x.Sig)
}

// codeShown is the part that is signed.
func (x *Certificate) codeShown(c *coder) {
	kind := x.kind()
	c.u8(&kind)
	switch kind {
	case 1:
		there(c, &x.Member, codeMembership)
	case 2:
		there(c, &x.Invited, func(c *coder, j *Join) { j.code(c) })
	case 3:
		there(c, &x.Added, func(c *coder, d *DeviceAsk) { d.code(c) })
	default:
		c.fail("certificate of kind %d", kind)
	}
}

// kind returns the kind of x, or 0 if it has none or several.
func (x *Certificate) kind() uint8 {
	switch {
	case x.Member != nil && x.Invited == nil && x.Added == nil:
		return 1
	case x.Member == nil && x.Invited != nil && x.Added == nil:
		return 2
	case x.Member == nil && x.Invited == nil && x.Added != nil:
		return 3
	}
	return 0
}

// there codes what stands without a presence of its own.
func there[T any](c *coder, p **T, each func(*coder, *T)) {
	if *p == nil {
		*p = new(T)
	}
	each(c, *p)
}

func codeMembership(c *coder, m *Membership) {
	c.key(&m.Device)
	n := uint8(min(len(m.Legs), 255))
	c.u8(&n)
	c.check(n >= 1 && n <= MaxLegs, "%d legs, want 1 to %d", n, MaxLegs)
	if c.err == nil && !c.writing {
		m.Legs = make([]LegProof, n) // at most 32
	}
	for i := range m.Legs {
		codeLegProof(c, &m.Legs[i])
	}
	c.u8(&m.In)
	c.check(m.In < n, "leg %d of %d", m.In, n)
	codeRecordProof(c, &m.Record)
}

func codeLegProof(c *coder, l *LegProof) {
	c.key(&l.Author)
	c.u32(&l.Term)
	c.u32(&l.Leg)
	l.Head.code(c)
	codeRecordProof(c, &l.Begin)
	optional(c, &l.Handover, codeRecordProof)
}

func codeRecordProof(c *coder, p *RecordProof) {
	c.u8(&p.Type)
	c.check(p.Type >= ProvesGenesis && p.Type <= ProvesHandover, "proof of a record of type %d", p.Type)
	c.size(&p.Seq)
	c.u48(&p.Time)
	n := uint16(min(len(p.Body), 1<<16-1))
	c.check(len(p.Body) < 1<<16, "body of %d bytes", len(p.Body))
	c.u16(&n)
	c.take(&p.Body, int(n))
	c.hashes(&p.Hashes)
}

// DecodeCertificate decodes a certificate. The error is ErrMalformed.
func DecodeCertificate(b []byte) (*Certificate, error) {
	x := new(Certificate)
	return x, decode(b, x)
}

// AppendCertificate appends x's bytes to dst. The error is ErrMalformed.
func AppendCertificate(dst []byte, x *Certificate) ([]byte, error) { return encode(dst, x) }

// signedParts returns what the device signs.
func (x *Certificate) signedParts(topic digest.Hash, binding []byte, dialer bool) ([][]byte, error) {
	c := coder{writing: true}
	x.codeShown(&c)
	role := byte(0)
	if dialer {
		role = 1
	}
	return [][]byte{topic[:], {role}, binding, c.b}, c.err
}

// Device returns the key of the device that x is about.
func (x *Certificate) Device() Key {
	switch x.kind() {
	case 1:
		return x.Member.Device
	case 2:
		return x.Invited.Card.Card.Device
	case 3:
		return x.Added.Device.Card.Device
	}
	return Key{}
}

// Sign signs x for one end of a connection. The error is ErrMalformed.
func (x *Certificate) Sign(topic digest.Hash, binding []byte, dialer bool, device ed25519.PrivateKey) error {
	parts, err := x.signedParts(topic, binding, dialer)
	if err == nil {
		x.Sig = sign(device, tagCertificate, parts...)
	}
	return err
}

// Verify reports whether x shows, to a peer whose roster is s, a device that may
// belong: by a roster that continues one of s's legs or has a higher term, by an
// open invite, or by the account. The error is ErrCertificate, or ErrRemoved of a
// device that did belong, or in a part that does not count, or asks by an invite or a
// signature that is worth nothing by now, and cannot know better from what it shows.
func (x *Certificate) Verify(s *State, binding []byte, dialer bool) error {
	parts, err := x.signedParts(s.topic, binding, dialer)
	if err != nil || !verify(x.Device(), &x.Sig, tagCertificate, parts...) {
		return fmt.Errorf("%w: it is not signed by its device for this connection", ErrCertificate)
	}
	switch x.kind() {
	case 2:
		return s.verifyAsking(x.Device(), s.ProvisionalJoin(x.Invited), s.spent(x.Invited))
	case 3:
		return s.verifyAsking(x.Device(), s.ProvisionalDevice(x.Added), s.outdated(&x.Added.Device))
	}
	return x.Member.verify(s)
}

// outdated reports whether an ask for a device is signed by what spoke for its account
// once, and does no more: a link that was open, a device of the account, or its key.
func (s *State) outdated(x *SignedDevice) bool {
	account, v := x.Card.Account, s.invites.at(x.Signer)
	link := v.Link != nil && v.Link.Account == account && !v.Open
	d, known := s.devices.get(x.Signer)
	device := known && d.Account == account && !d.Belongs
	a, known := s.accounts.get(account)
	return (link || device || known && x.Signer == account && !a.Belongs()) && x.Verify(s.topic)
}

// verifyAsking judges a device that asks to be admitted, and why it would not be. It may
// have been since, or may have come too late, and know neither.
func (s *State) verifyAsking(device Key, v Void, spent bool) error {
	d, known := s.devices.get(device)
	switch {
	case v == "" || d.Belongs:
		return nil
	case known || spent:
		return fmt.Errorf("%w: device %s at %v: %s", ErrRemoved, device.Short(), s.Position(), v)
	}
	return fmt.Errorf("%w: %s", ErrCertificate, v)
}

// spent reports whether a join is by an invite that was open, and is no more.
func (s *State) spent(j *Join) bool {
	v, known := s.invites.get(j.By.Invite)
	return known && !v.Open && j.By.Verify(s.topic, &j.Card.Card) && j.Card.Verify(s.topic)
}
