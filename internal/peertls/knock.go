// SPDX-License-Identifier: MPL-2.0

package peertls

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
)

// A knock is the server name of a dialer's ClientHello. It shows that the dialer
// knows the peer id that it expects, and shows that to this peer alone: nobody else
// can tell from it who is dialed, not even if they guess (docs/xsp.md, "Knocks").
//
//	name   hex(k[:24]) ‖ "." ‖ hex(k[24:]) ‖ ".invalid"
//	k      point (32) ‖ tag (16)
//	point  public key of X25519, fresh for each handshake
//	tag    HKDF-SHA256 of the secret that point and peer id share, no salt, 16 bytes;
//	       info is label ‖ point ‖ peer id ‖ name of the carrier
//
// The carrier is named because each remembers its own knocks. A host name that ends
// in ".invalid" is no host's for ever (RFC 2606).
const (
	knockLabel  = "xaeroflux knock v1"
	knockSuffix = ".invalid"
	pointBytes  = 32
	knockBytes  = 48
	labelBytes  = knockBytes / 2
)

// Knock returns a fresh knock at a peer's door.
func Knock(carrier string, peer identity.PeerID) (string, error) {
	secret, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("knock: %w", err)
	}
	return knockWith(secret, carrier, peer)
}

// knockWith is Knock with a point of the caller's.
func knockWith(secret *ecdh.PrivateKey, carrier string, peer identity.PeerID) (string, error) {
	door, err := montgomery(peer)
	if err != nil {
		return "", err
	}
	shared, err := secret.ECDH(door)
	if err != nil {
		return "", fmt.Errorf("%w: peer id %v is a small-order key", ErrIdentity, peer)
	}
	point := secret.PublicKey().Bytes()
	tag, err := knockTag(shared, point, peer, carrier)
	if err != nil {
		return "", err
	}
	return knockName(append(point, tag...)), nil
}

func knockTag(shared, point []byte, peer identity.PeerID, carrier string) ([]byte, error) {
	info := knockLabel + string(point) + string(peer[:]) + carrier
	tag, err := hkdf.Key(sha256.New, shared, nil, info, knockBytes-pointBytes)
	if err != nil {
		return nil, fmt.Errorf("knock: %w", err)
	}
	return tag, nil
}

func knockName(k []byte) string {
	return hex.EncodeToString(k[:labelBytes]) + "." + hex.EncodeToString(k[labelBytes:]) + knockSuffix
}

// parseKnock returns what a name holds, or nil if it is no knock.
func parseKnock(name string) []byte {
	digits, ok := strings.CutSuffix(name, knockSuffix)
	if !ok || len(digits) != 2*knockBytes+1 {
		return nil
	}
	k, err := hex.DecodeString(strings.Replace(digits, ".", "", 1))
	if err != nil || knockName(k) != name { // one text for each knock
		return nil
	}
	return k
}

// opens reports whether k is a knock at the door of peer, whose key is given.
func opens(k []byte, key *ecdh.PrivateKey, peer identity.PeerID, carrier string) bool {
	point, err := ecdh.X25519().NewPublicKey(k[:pointBytes])
	if err != nil {
		return false
	}
	shared, err := key.ECDH(point)
	if err != nil { // a point of small order
		return false
	}
	tag, err := knockTag(shared, k[:pointBytes], peer, carrier)
	return err == nil && subtle.ConstantTimeCompare(tag, k[pointBytes:]) == 1
}

var (
	one   = big.NewInt(1)
	prime = new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
)

// montgomery returns a peer id as a point of Curve25519 (RFC 7748, section 4.1): u is
// (1 + y) / (1 − y). A peer id is public, so it may take whatever time it takes.
func montgomery(peer identity.PeerID) (*ecdh.PublicKey, error) {
	b := slices.Clone(peer[:])
	b[31] &= 0x7f // the sign of x
	slices.Reverse(b)
	y := new(big.Int).SetBytes(b)
	below := new(big.Int).Sub(one, y)
	if below.ModInverse(below.Mod(below, prime), prime) == nil {
		return nil, fmt.Errorf("%w: peer id %v is a small-order key", ErrIdentity, peer)
	}
	u := y.Add(y, one).Mul(y, below)
	b = u.Mod(u, prime).FillBytes(b)
	slices.Reverse(b)
	return ecdh.X25519().NewPublicKey(b)
}

// montgomeryKey returns the private half of montgomery: what Ed25519 multiplies with
// too (RFC 8032, section 5.1.5).
func montgomeryKey(key ed25519.PrivateKey) (*ecdh.PrivateKey, error) {
	h := sha512.Sum512(key.Seed())
	return ecdh.X25519().NewPrivateKey(h[:32])
}
