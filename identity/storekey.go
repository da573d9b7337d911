// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// ErrSealed is returned for sealed bytes that a store's key does not open: they are of
// another store or another place in it, or are damaged.
var ErrSealed = errors.New("it does not open with the key of identity.key")

// A StoreKey seals what a store keeps secret on disk: rows of keys, and the generation
// in FORMAT. It derives from the seed, so that only identity.key opens them.
//
//	offset  bytes  field
//	     0     12  nonce, random
//	    12      n  ciphertext, as long as the secret
//	  12+n     16  tag of AES-256-GCM
//
// The additional data name the place, so that what is moved to another does not open.
type StoreKey struct {
	aead  cipher.AEAD
	check [StoreCheckBytes]byte
}

// Lengths of what a StoreKey makes.
const (
	SealedOverhead  = 12 + 16 // beyond the secret
	StoreCheckBytes = 8
)

// StoreKey returns the key of the store that has this seed.
func (s Seed) StoreKey() *StoreKey {
	key := derive(s[:], labelStoreKey)
	defer clear(key[:])
	return newStoreKey(key)
}

func newStoreKey(key [KeyBytes]byte) *StoreKey {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // impossible: 32 bytes are a key
	}
	k := &StoreKey{}
	if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		panic(err) // impossible: the block is of 16 bytes
	}
	sum := digest.Tagged(tagStoreCheck, key[:])
	copy(k.check[:], sum[:])
	return k
}

// Check tells this key from others, and nothing of what it is.
func (k *StoreKey) Check() [StoreCheckBytes]byte { return k.check }

// Seal seals a secret that is kept in a place.
func (k *StoreKey) Seal(place, secret []byte) []byte { return k.aead.Seal(nil, nil, secret, place) }

// Open returns the secret that was sealed for a place. The error is ErrSealed.
func (k *StoreKey) Open(place, sealed []byte) ([]byte, error) {
	if len(sealed) < SealedOverhead {
		return nil, fmt.Errorf("%w: %d bytes, want at least %d", ErrSealed, len(sealed), SealedOverhead)
	}
	secret, err := k.aead.Open(nil, nil, sealed, place)
	if err != nil {
		return nil, ErrSealed
	}
	return secret, nil
}
