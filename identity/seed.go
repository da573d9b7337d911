// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// A Seed is the secret of a device: together with a Generation, its peer key
// and its author keys derive from it, each in a way that tells nothing of the
// others, so that no stranger can tell that two topics, or a peer and an
// author, are one person.
type Seed [KeyBytes]byte

// NewSeed returns a seed read from r, which is crypto/rand.Reader outside
// tests.
func NewSeed(r io.Reader) (Seed, error) {
	b, err := random(r)
	return Seed(b), err
}

// PeerKey returns the key of this device on the network.
func (s Seed) PeerKey(g Generation) ed25519.PrivateKey {
	return signingKey(s, labelPeerKey, g[:]...)
}

// PeerID returns the public half of PeerKey.
func (s Seed) PeerID(g Generation) PeerID {
	return PeerID(s.PeerKey(g).Public().(ed25519.PublicKey))
}

// FoundingKey returns the key that a device which founds a topic signs with
// there. Genesis names that key, so that it cannot derive from the topic id:
// it derives from all the rest of genesis (Genesis.Founding).
func (s Seed) FoundingKey(g Generation, founding digest.Hash) ed25519.PrivateKey {
	return signingKey(s, labelFoundingKey, append(g[:], founding[:]...)...)
}

// Found sets topic's steward to this device, and returns the key for it.
func (s Seed) Found(g Generation, topic *Genesis) ed25519.PrivateKey {
	key := s.FoundingKey(g, topic.Founding())
	topic.Steward = [KeyBytes]byte(key.Public().(ed25519.PublicKey))
	return key
}

// AuthorKey returns the key with which this device signs its logs in a topic:
// its founding key if genesis names that as the steward's, else the key that
// derives from the topic id. The rule needs genesis alone, and gives each topic
// a key of its own: two topics that differ in anything share neither.
func (s Seed) AuthorKey(g Generation, topic *Genesis) ed25519.PrivateKey {
	key := s.FoundingKey(g, topic.Founding())
	if [KeyBytes]byte(key.Public().(ed25519.PublicKey)) == topic.Steward {
		return key
	}
	return s.JoinedKey(g, topic.ID())
}

// AuthorKeyOf is AuthorKey if the public half is known: it derives one key and not
// two. ok is false if author is not of this device.
func (s Seed) AuthorKeyOf(g Generation, topic *Genesis, author [KeyBytes]byte) (key ed25519.PrivateKey, ok bool) {
	if topic.Steward == author {
		key = s.FoundingKey(g, topic.Founding())
	} else {
		key = s.JoinedKey(g, topic.ID())
	}
	return key, PublicKey(key) == author
}

// JoinedKey returns the author key of this device in a topic that another
// device, or another generation, founded.
func (s Seed) JoinedKey(g Generation, t TopicID) ed25519.PrivateKey {
	return signingKey(s, labelAuthorKey, append(g[:], t[:]...)...)
}

// WitnessKey returns the key with which this device cosigns heads of others in
// t: another one in each topic, so that it links no two.
func (s Seed) WitnessKey(g Generation, t TopicID) ed25519.PrivateKey {
	return signingKey(s, labelWitnessKey, append(g[:], t[:]...)...)
}

// String hides the seed, so that no log shows it by accident.
func (s Seed) String() string { return "seed " + secretForPeople }

// Format hides the seed from every verb of fmt.
func (s Seed) Format(w fmt.State, _ rune) { hide(w, s) }

// MarshalText hides the seed from encoders that look into structs, as those of
// logs do. Its text is not the seed: CreateSeed writes that.
func (s Seed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
