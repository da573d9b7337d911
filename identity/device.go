// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"fmt"
)

// A Device is what all keys of a store derive from: the seed, which is the
// person's device, and the generation, which tells one copy of it from another.
type Device struct {
	Seed       Seed
	Generation Generation
}

// PeerKey returns the key of this device on the network.
func (d Device) PeerKey() ed25519.PrivateKey { return d.Seed.PeerKey(d.Generation) }

// PeerID returns the public half of PeerKey.
func (d Device) PeerID() PeerID { return d.Seed.PeerID(d.Generation) }

// AuthorKey returns the key with which this device signs its logs in a topic.
func (d Device) AuthorKey(topic *Genesis) ed25519.PrivateKey {
	return d.Seed.AuthorKey(d.Generation, topic)
}

// AuthorKeyOf is AuthorKey if the public half is known: it derives one key and not
// two. ok is false if author is not this device.
func (d Device) AuthorKeyOf(topic *Genesis, author [KeyBytes]byte) (key ed25519.PrivateKey, ok bool) {
	return d.Seed.AuthorKeyOf(d.Generation, topic, author)
}

// AuthorID returns the public half of AuthorKey.
func (d Device) AuthorID(topic *Genesis) [KeyBytes]byte { return PublicKey(d.AuthorKey(topic)) }

// WitnessKey returns the key with which this device cosigns heads of others.
func (d Device) WitnessKey(topic TopicID) ed25519.PrivateKey {
	return d.Seed.WitnessKey(d.Generation, topic)
}

// PublicKey returns the public half of a key.
func PublicKey(k ed25519.PrivateKey) [KeyBytes]byte {
	return [KeyBytes]byte(k.Public().(ed25519.PublicKey))
}

// String hides the secrets.
func (d Device) String() string { return "device " + secretForPeople }

// Format hides the secrets from every verb of fmt.
func (d Device) Format(w fmt.State, _ rune) { hide(w, d) }

// MarshalText hides the secrets from encoders that look into structs.
func (d Device) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
