// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"fmt"
	"io"

	"github.com/gtank/ristretto255"
)

// This file is the group G_Ristretto255 of the draft (section "CPace group
// objects G_Ristretto255 and G_Decaf448"), and the one that imports the library.

const (
	shareBytes  = 32
	scalarBytes = 32
	groupDSI    = "CPaceRistretto255"
	// hashBlockBytes is H.s_in_bytes of SHA-512.
	hashBlockBytes = 128
)

// A share is the canonical encoding of an element, the identity not among them
// once it has been through scalarMultVerify.
type share [shareBytes]byte

// A generator is the element that a code gives.
type generator struct{ e ristretto255.Element }

// A scalar is a secret exponent, below 2²⁵² and so below the group's order.
type scalar struct{ s ristretto255.Scalar }

// deriveGenerator is element_derivation: the one-way map of RFC 9496, section 4.3.4.
func deriveGenerator(uniform [64]byte) (g generator) {
	if _, err := g.e.SetUniformBytes(uniform[:]); err != nil {
		panic(err) // only for other lengths than 64
	}
	return g
}

// sampleScalar is G.sample_scalar: 32 random bytes without the bits above the
// 252nd. It refuses zero, which no working source ever gives.
func sampleScalar(rand io.Reader) (scalar, error) {
	var b [scalarBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return scalar{}, fmt.Errorf("%w (%w)", ErrRandom, err)
	}
	b[scalarBytes-1] &= 0x0f
	if b == [scalarBytes]byte{} {
		return scalar{}, fmt.Errorf("%w (the scalar is zero)", ErrRandom)
	}
	y, err := decodeScalar(b)
	if err != nil {
		panic(err) // only from the group's order on, which 2²⁵² is below
	}
	return y, nil
}

// decodeScalar returns the scalar of a canonical little-endian encoding.
func decodeScalar(b [scalarBytes]byte) (y scalar, err error) {
	_, err = y.s.SetCanonicalBytes(b[:])
	return y, err
}

// scalarMult is G.scalar_mult: the encoding of y times g.
func scalarMult(y *scalar, g *generator) share {
	return share(ristretto255.NewIdentityElement().ScalarMult(&y.s, &g.e).Bytes())
}

// scalarMultVerify is G.scalar_mult_vfy: the encoding of y times the element that
// x encodes. The error is ErrShare, for what the draft says to abort at: an x
// that decodes to nothing, and a product that is the identity.
func scalarMultVerify(y *scalar, x share) (share, error) {
	var e ristretto255.Element
	if _, err := e.SetCanonicalBytes(x[:]); err != nil {
		return share{}, fmt.Errorf("%w (%x encodes no element)", ErrShare, x)
	}
	k := share(e.ScalarMult(&y.s, &e).Bytes())
	if k == (share{}) { // the identity is encoded as zeros
		return share{}, fmt.Errorf("%w (%x leads to the identity)", ErrShare, x)
	}
	return k, nil
}
