// SPDX-License-Identifier: MPL-2.0

// Package identity is who is who: a store's seed and the keys derived from it,
// peer ids and addresses, topic keys and what follows from them, log ids, and
// invites (docs/format.md, "Identity").
//
// One seed per store. From it come the peer key, which the network sees, and
// one author key per topic, so that neither strangers nor two topics can link
// a person. A topic key is shared by the members of a topic; its id is public.
package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/digest"
)

// A PeerID is a node's Ed25519 public key on the network.
type PeerID [32]byte

// String returns the id in lower-case hexadecimal.
func (p PeerID) String() string { return hex.EncodeToString(p[:]) }

// Short returns the first eight digits, for talk.
func (p PeerID) Short() string { return hex.EncodeToString(p[:4]) }

// MarshalText encodes the id in hexadecimal.
func (p PeerID) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText decodes what MarshalText wrote.
func (p *PeerID) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePeerID(string(b))
	return err
}

// ParsePeerID decodes 64 hexadecimal digits.
func ParsePeerID(s string) (PeerID, error) {
	h, err := digest.Parse(s)
	if err != nil {
		return PeerID{}, fmt.Errorf("%w: peer id %q: want 64 hexadecimal digits", ErrAddress, clip(s))
	}
	return PeerID(h), nil
}

// A TopicID names a topic in public.
type TopicID = digest.Hash

// A TopicKey is the secret that the members of a topic share.
type TopicKey [32]byte

// NewTopicKey returns a random key.
func NewTopicKey() (TopicKey, error) { return ReadTopicKey(rand.Reader) }

// ReadTopicKey reads a key from a source of randomness.
func ReadTopicKey(random io.Reader) (k TopicKey, err error) {
	_, err = io.ReadFull(random, k[:])
	return k, err
}

// ID returns the topic's public id, from which the key cannot be found.
func (k TopicKey) ID() TopicID { return digest.Hash(derive(k[:], "xaeroflux topic id v1", nil)) }

// ContentKey returns the key under which payloads are sealed.
func (k TopicKey) ContentKey() [32]byte { return derive(k[:], "xaeroflux topic content v1", nil) }

// JoinProof shows knowledge of the key on one connection: binding is the
// channel's, and the proofs of the two roles differ, so that none can be
// played back.
func (k TopicKey) JoinProof(binding []byte, dialer bool) [32]byte {
	key := derive(k[:], "xaeroflux topic join v1", nil)
	mac := hmac.New(sha256.New, key[:])
	role := byte(0)
	if dialer {
		role = 1
	}
	mac.Write([]byte{role})
	mac.Write(binding)
	return [32]byte(mac.Sum(nil))
}

// A Seed is the secret all keys of a store come from.
type Seed [32]byte

// NewSeed reads a seed from a source of randomness.
func NewSeed(random io.Reader) (s Seed, err error) {
	_, err = io.ReadFull(random, s[:])
	return s, err
}

// PeerKey returns the key that the network knows the store by.
func (s Seed) PeerKey() ed25519.PrivateKey {
	k := derive(s[:], "xaeroflux peer v1", nil)
	return ed25519.NewKeyFromSeed(k[:])
}

// PeerID returns the public half of PeerKey.
func (s Seed) PeerID() PeerID { return PeerID(s.PeerKey().Public().(ed25519.PublicKey)) }

// AuthorKey returns the key that signs the store's log in a topic.
func (s Seed) AuthorKey(t TopicID) ed25519.PrivateKey {
	k := derive(s[:], "xaeroflux author v1", t[:])
	return ed25519.NewKeyFromSeed(k[:])
}

// derive is HKDF-SHA256 (RFC 5869) with 32 bytes of output.
func derive(secret []byte, label string, context []byte) [32]byte {
	b, err := hkdf.Key(sha256.New, secret, nil, label+string(context), 32)
	if err != nil {
		panic("identity: hkdf of 32 bytes: " + err.Error()) // only for an output of more than 8160 bytes
	}
	return [32]byte(b)
}

// LogID returns the id of an author's log in a topic, with pages of so many
// bytes.
func LogID(topic TopicID, author [32]byte, pageBytes uint32) digest.Hash {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], pageBytes)
	return digest.Tagged("xaeroflux log v1", topic[:], author[:], n[:])
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
