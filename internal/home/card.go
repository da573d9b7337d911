// SPDX-License-Identifier: MPL-2.0

package home

import (
	"encoding/binary"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/roster"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// AppendCard appends the payload of an event by which a device asks the others to let it
// take part in a topic:
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1      …  device claim: a device card, signed by the device's own key
func AppendCard(b []byte, c *roster.DeviceClaim) ([]byte, error) {
	return roster.AppendClaim(append(b, version), c)
}

// ParseCard decodes what AppendCard wrote. The error is ErrMalformed.
func ParseCard(b []byte) (*roster.DeviceClaim, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	c, err := roster.DecodeClaim(r.b)
	if err != nil {
		return nil, malformed("%v", err)
	}
	return c, nil
}

// A Grant is what another device of the person answers to a card: with it the one that
// asked takes part at once.
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1      8  number of the topic's newest epoch
//	     9     32  its id
//	    41     32  its secret; zeros if the account is a replica
//	    73     32  its join key
//	   105     32  digest of its readers
//	   137      …  signed device
//
// The id is that of secret, number, join key and digest, unless there is no secret.
type Grant struct {
	Epoch  Epoch
	Device roster.SignedDevice
}

// An Epoch is what a box of it holds, and whom it is for.
type Epoch struct {
	Number  uint64
	ID      digest.Hash
	Secret  identity.Secret
	Join    identity.Secret
	Readers digest.Hash
}

// fits reports whether the epoch's id is that of its secret.
func (e *Epoch) fits() bool {
	return e.Secret.IsZero() || e.ID == seal.EpochID(seal.Secret(e.Secret), e.Number, seal.JoinKeyHash(seal.Secret(e.Join)), e.Readers)
}

// Append appends g's bytes to b. The error is ErrMalformed.
func (g *Grant) Append(b []byte) ([]byte, error) {
	b = binary.LittleEndian.AppendUint64(append(b, version), g.Epoch.Number)
	b = append(append(b, g.Epoch.ID[:]...), g.Epoch.Secret[:]...)
	b = append(append(b, g.Epoch.Join[:]...), g.Epoch.Readers[:]...)
	return roster.EncodeAsk(b, &roster.DeviceAsk{Device: g.Device})
}

// ParseGrant decodes what Append wrote. The error is ErrMalformed.
func ParseGrant(b []byte) (*Grant, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	g := &Grant{Epoch: Epoch{Number: r.uint(8), ID: r.key(), Secret: r.key(), Join: r.key(), Readers: r.key()}}
	if r.short || g.Epoch.Join.IsZero() || !g.Epoch.fits() {
		return nil, malformed("no epoch")
	}
	ask, err := roster.DecodeAsk("xf/device", r.b)
	if err != nil {
		return nil, malformed("%v", err)
	}
	g.Device = ask.(*roster.DeviceAsk).Device
	return g, nil
}
