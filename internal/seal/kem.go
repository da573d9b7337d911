// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"crypto/hpke"
	"fmt"
)

// PublicKeyBytes is the length of a KEM public key.
const PublicKeyBytes = 1216

// A PublicKey is a KEM public key, MLKEM768-X25519, as bytes: what boxes are
// sealed to. Whether the bytes are a key is found out by Check, and by sealing.
type PublicKey [PublicKeyBytes]byte

// Check returns ErrKEMKey if k is no key.
func (k *PublicKey) Check() error {
	_, err := k.parse()
	return err
}

func (k *PublicKey) parse() (hpke.PublicKey, error) {
	pub, err := hpke.MLKEM768X25519().NewPublicKey(k[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKEMKey, err)
	}
	return pub, nil
}

// A PrivateKey opens boxes.
type PrivateKey struct {
	key hpke.PrivateKey
	pub PublicKey
}

// NewPrivateKey returns the private key of a seed: the KEM's private key as
// RFC 9180 serializes it, without any derivation before. The seed of a device is
// random (ReadSecret); those of an account and a root key are derived, under
// labels of their own (package identity).
func NewPrivateKey(seed Secret) *PrivateKey {
	k, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		panic(err) // only for seeds of another length
	}
	return &PrivateKey{k, PublicKey(k.PublicKey().Bytes())}
}

// Public returns the public half of k.
func (k *PrivateKey) Public() *PublicKey {
	pub := k.pub
	return &pub
}

// String hides the key, so that no log shows it.
func (*PrivateKey) String() string { return "(secret)" }

// GoString hides the key.
func (k *PrivateKey) GoString() string { return k.String() }
