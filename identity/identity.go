// SPDX-License-Identifier: MPL-2.0

// Package identity names people, topics, logs and places: peer ids, genesis, topic
// keys, log ids, addresses and invites (docs/format.md, "Identity"), and keeps the one
// seed that a device's keys derive from.
//
// It is pure but for LoadSeed and CreateSeed. Start with Seed for keys and
// with Genesis and TopicKeys for topics; labels.go and signatures.go list every
// derivation and every signature.
package identity

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// KeyBytes is the length of every key, seed and id here.
const KeyBytes = 32

// ErrPeerID is returned for text or a key that names no peer.
var ErrPeerID = errors.New("not a peer id")

// A PeerID is the Ed25519 public key of a node, its name on the network.
type PeerID [KeyBytes]byte

// PeerIDOf returns the peer id of a public key. It refuses what SmallOrder
// refuses: nobody holds the private key of such a peer, or everybody does.
func PeerIDOf(pub ed25519.PublicKey) (PeerID, error) {
	if len(pub) != KeyBytes {
		return PeerID{}, fmt.Errorf("%w: key of %d bytes, want %d", ErrPeerID, len(pub), KeyBytes)
	}
	if SmallOrder([KeyBytes]byte(pub)) {
		return PeerID{}, fmt.Errorf("%w: %x is a point of small order or no canonical encoding", ErrPeerID, []byte(pub))
	}
	return PeerID(pub), nil
}

// ParsePeerID decodes what String wrote: 64 lower-case hexadecimal digits.
func ParsePeerID(s string) (PeerID, error) {
	if len(s) != 2*KeyBytes {
		return PeerID{}, fmt.Errorf("%w: %d characters, want %d hexadecimal digits", ErrPeerID, len(s), 2*KeyBytes)
	}
	for i := range len(s) {
		if !isLowerHex(s[i]) {
			return PeerID{}, fmt.Errorf("%w: character %d is %q, want one of 0-9 a-f", ErrPeerID, i+1, s[i])
		}
	}
	var b [KeyBytes]byte
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return PeerID{}, fmt.Errorf("%w: %w", ErrPeerID, err)
	}
	return PeerIDOf(b[:])
}

func isLowerHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// String returns p in 64 lower-case hexadecimal digits.
func (p PeerID) String() string { return hex.EncodeToString(p[:]) }

// MarshalText encodes p like String.
func (p PeerID) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText decodes what MarshalText wrote.
func (p *PeerID) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePeerID(string(b))
	return err
}

// Short returns the first eight hexadecimal digits of p, for talk and logs.
func (p PeerID) Short() string { return hex.EncodeToString(p[:4]) }

// PublicKey returns p as the key that checks its signatures.
func (p PeerID) PublicKey() ed25519.PublicKey { return p[:] }

// derive returns HKDF-SHA256 of a secret under a label, followed by context
// bytes of fixed length.
func derive(secret []byte, label string, context ...byte) [KeyBytes]byte {
	b, err := hkdf.Key(sha256.New, secret, nil, label+string(context), KeyBytes)
	if err != nil {
		panic(err) // impossible: 32 bytes of a 32-byte secret are always to be had
	}
	return [KeyBytes]byte(b)
}

// random reads a key from r, which is crypto/rand.Reader outside tests.
func random(r io.Reader) (b [KeyBytes]byte, err error) {
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return [KeyBytes]byte{}, fmt.Errorf("random bytes: %w", err)
	}
	return b, nil
}

// A TopicID names a topic in public: it is the hash of its genesis (TopicIDOf).
type TopicID = digest.Hash
