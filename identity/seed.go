// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"fmt"
	"io"
)

// A Seed is the secret of a device: its peer key and its author keys derive
// from it, each in a way that tells nothing of the others, so that no stranger
// can tell that two topics, or a peer and an author, are one person.
type Seed [KeyBytes]byte

// NewSeed returns a seed read from r, which is crypto/rand.Reader outside
// tests.
func NewSeed(r io.Reader) (Seed, error) {
	b, err := random(r)
	return Seed(b), err
}

// PeerKey returns the key of this device on the network.
func (s Seed) PeerKey() ed25519.PrivateKey {
	b := derive(s[:], labelPeerKey)
	return ed25519.NewKeyFromSeed(b[:])
}

// PeerID returns the public half of PeerKey.
func (s Seed) PeerID() PeerID { return PeerID(s.PeerKey().Public().(ed25519.PublicKey)) }

// AuthorKey returns the key with which this device signs its log in t.
func (s Seed) AuthorKey(t TopicID) ed25519.PrivateKey {
	b := derive(s[:], labelAuthorKey, t[:]...)
	return ed25519.NewKeyFromSeed(b[:])
}

// WitnessKey returns the key with which this device cosigns heads of others in
// t: another one in each topic, so that it links no two.
func (s Seed) WitnessKey(t TopicID) ed25519.PrivateKey {
	b := derive(s[:], labelWitnessKey, t[:]...)
	return ed25519.NewKeyFromSeed(b[:])
}

// String hides the seed, so that no log shows it by accident.
func (s Seed) String() string { return "seed " + secretForPeople }

// Format hides the seed from every verb of fmt.
func (s Seed) Format(w fmt.State, _ rune) { hide(w, s) }

// MarshalText hides the seed from encoders that look into structs, as those of
// logs do. What it writes is not the seed: CreateSeed writes that.
func (s Seed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
