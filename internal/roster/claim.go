// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A DeviceClaim is a device card with the signature of the device's own key: a device of
// the account, or its key, adds its own to make a SignedDevice of it.
//
//	offset  bytes  field
//	     0      d  device card
//	     d     64  signature of the device's own key
type DeviceClaim struct {
	Card      DeviceCard
	DeviceSig Signature
}

func (d *DeviceClaim) code(c *coder) {
	codeDeviceCard(c, &d.Card)
	c.sig(&d.DeviceSig)
}

// ClaimDevice signs a device card with the device's own key.
func ClaimDevice(topic digest.Hash, k DeviceCard, device ed25519.PrivateKey) DeviceClaim {
	return DeviceClaim{k, sign(device, tagAdded, topic[:], k.bytes())}
}

// Verify reports whether the device's signature is right.
func (d *DeviceClaim) Verify(topic digest.Hash) bool {
	return verify(d.Card.Device, &d.DeviceSig, tagAdded, topic[:], d.Card.bytes())
}

// SignClaim adds the signature of a key that speaks for the account.
func SignClaim(topic digest.Hash, d DeviceClaim, signer ed25519.PrivateKey) SignedDevice {
	return SignedDevice{
		Card: d.Card, Signer: Key(signer.Public().(ed25519.PublicKey)),
		SignerSig: sign(signer, tagDevice, topic[:], d.Card.bytes()), DeviceSig: d.DeviceSig,
	}
}

// DecodeClaim decodes a claim. The error is ErrMalformed.
func DecodeClaim(b []byte) (*DeviceClaim, error) {
	d := new(DeviceClaim)
	return d, decode(b, d)
}

// AppendClaim appends d's bytes to dst. The error is ErrMalformed.
func AppendClaim(dst []byte, d *DeviceClaim) ([]byte, error) { return encode(dst, d) }
