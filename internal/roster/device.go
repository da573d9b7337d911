// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A DeviceCard says of a device that it is an account's, which KEM key it has
// and which log it writes. It is a block of `device` and of a data log's
// `xf/device`:
//
//	offset  bytes  field
//	     0     32  account key; zeros if of none, as in an open topic
//	    32     32  device key
//	    64      4  page bytes of its data log
//	    68      8  number of its data log
//	    76     32  key of the device that it is a copy of, never its own; zeros if of none
//	   108      1  1 if the device ends the log it has, else 0
//	   109     40  if so: size u64 and root of that log, up to which it counts
//	     …      2  k, length of the device's KEM key: 1216, or 0 in an open topic
//	     …      k  the device's KEM key
type DeviceCard struct {
	Account   Key
	Device    Key
	PageBytes uint32
	Number    uint64
	Parent    Key
	Ends      *End
	KEM       []byte
}

// An End is where a log ends by its own author's word.
type End struct {
	Size uint64
	Root digest.Hash
}

func codeEnd(c *coder, e *End) {
	c.size(&e.Size)
	c.hash(&e.Root)
	c.checkRoot(e.Size, e.Root)
}

func codeDeviceCard(c *coder, k *DeviceCard) {
	c.key(&k.Account)
	c.key(&k.Device)
	c.u32(&k.PageBytes)
	c.u64(&k.Number)
	c.key(&k.Parent)
	c.check(k.Parent.IsZero() || k.Parent != k.Device, "a device that is its own copy")
	optional(c, &k.Ends, codeEnd)
	c.kem(&k.KEM)
}

func (k *DeviceCard) bytes() []byte {
	c := coder{writing: true}
	codeDeviceCard(&c, k)
	return c.b
}

// Log returns the id of the data log that the card names.
func (k *DeviceCard) Log(topic digest.Hash) digest.Hash {
	return DataLog(topic, k.Device, k.PageBytes, k.Number)
}

// A SignedDevice is a device card with the signatures that make it true:
//
//	offset  bytes  field
//	     0      d  device card
//	     d     32  key that signs for the account: one of its devices, its own, or
//	                 an invite of role device
//	  32+d     64  its signature
//	  96+d     64  signature of the device's own key
type SignedDevice struct {
	Card      DeviceCard
	Signer    Key
	SignerSig Signature
	DeviceSig Signature
}

func codeSignedDevice(c *coder, s *SignedDevice) {
	codeDeviceCard(c, &s.Card)
	c.key(&s.Signer)
	c.sig(&s.SignerSig)
	c.sig(&s.DeviceSig)
}

// SignDevice signs a device card with the key that speaks for the account and
// with the device's own.
func SignDevice(topic digest.Hash, k DeviceCard, signer, device ed25519.PrivateKey) SignedDevice {
	b := k.bytes()
	return SignedDevice{
		Card: k, Signer: Key(signer.Public().(ed25519.PublicKey)),
		SignerSig: sign(signer, tagDevice, topic[:], b),
		DeviceSig: sign(device, tagAdded, topic[:], b),
	}
}

// Verify reports whether both signatures are right. Whether the signer may
// speak for the account is the fold's to say.
func (s *SignedDevice) Verify(topic digest.Hash) bool {
	b := s.Card.bytes()
	return verify(s.Signer, &s.SignerSig, tagDevice, topic[:], b) &&
		verify(s.Card.Device, &s.DeviceSig, tagAdded, topic[:], b)
}

// AddDevice adds a device to an account, gives a device that is there a new KEM
// key, or moves it on to another log.
//
//	offset  bytes  field
//	     0     40  ask (AskRef)
//	    40      s  signed device
//	     …      1  1 if boxes follow, else 0
//	     …     76  box of the newest epoch, for the device, if its KEM key is new
type AddDevice struct {
	Ask    AskRef
	Device SignedDevice
	Boxes  *Boxes
}

// Type returns "xf/device".
func (*AddDevice) Type() string { return "xf/device" }

func (d *AddDevice) code(c *coder) {
	c.ask(&d.Ask)
	codeSignedDevice(c, &d.Device)
	optional(c, &d.Boxes, codeBoxes)
}
