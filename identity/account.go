// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"io"
)

// An AccountSecret is what makes a person in one topic: the account's signing
// key and KEM key derive from it. It is boxed to the person's root KEM key, and
// then wiped: the plaintext of a recovery box is these 32 bytes.
type AccountSecret struct{ Secret }

// NewAccountSecret returns a secret read from r, or from crypto/rand if r is nil.
func NewAccountSecret(r io.Reader) (AccountSecret, error) {
	s, err := NewSecret(r)
	return AccountSecret{s}, err
}

// Key returns the account's signing key, whose public half is its name.
func (a AccountSecret) Key() ed25519.PrivateKey { return signingKey(a.Secret, labelAccountKey) }

// KEMSeed returns the seed of the account's MLKEM768X25519 key.
func (a AccountSecret) KEMSeed() Secret { return derive(a.Secret[:], labelAccountKEM) }

// signingKey derives an Ed25519 key.
func signingKey(secret [KeyBytes]byte, label string, context ...byte) ed25519.PrivateKey {
	b := derive(secret[:], label, context...)
	return ed25519.NewKeyFromSeed(b[:])
}
