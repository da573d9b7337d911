// SPDX-License-Identifier: MPL-2.0

package home

import (
	"crypto/ed25519"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/seal"
)

// A Root says what the person's root KEM key is, to which account secrets are boxed. The
// home topic's account key signs it, so that no device can put another one in its place.
//
//	offset  bytes  field
//	     0      1  version, 1
//	     1   1216  root KEM key
//	  1217     64  signature of the home topic's account key
type Root struct {
	KEM seal.PublicKey
	Sig [identity.SignatureBytes]byte
}

// SignRoot signs a root KEM key.
func SignRoot(topic digest.Hash, kem *seal.PublicKey, account ed25519.PrivateKey) *Root {
	return &Root{*kem, identity.Sign(account, identity.TagRoot, topic[:], kem[:])}
}

// Verify reports whether the account of a home topic signed r.
func (r *Root) Verify(topic digest.Hash, account [identity.KeyBytes]byte) bool {
	return r.KEM.Check() == nil && identity.VerifySignature(account, r.Sig[:], identity.TagRoot, topic[:], r.KEM[:])
}

// Append appends r's bytes to b.
func (r *Root) Append(b []byte) []byte {
	return append(append(append(b, version), r.KEM[:]...), r.Sig[:]...)
}

// ParseRoot decodes what Append wrote. The error is ErrMalformed.
func ParseRoot(b []byte) (*Root, error) {
	r := &reader{b: b}
	if err := r.begin(); err != nil {
		return nil, err
	}
	x := &Root{}
	copy(x.KEM[:], r.take(len(x.KEM)))
	copy(x.Sig[:], r.take(len(x.Sig)))
	return x, r.end()
}
