// SPDX-License-Identifier: MPL-2.0

// Package digest is the hashing every other package stands on: RFC 6962 leaf
// and node hashes over SHA-256, and tagged hashes for identifiers.
//
// A leaf and a node can never collide because their inputs begin with
// different bytes (RFC 6962, section 2.1). A tagged hash begins with its tag,
// so that identifiers of one kind are never those of another.
package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Size is the length of a hash in bytes.
const Size = sha256.Size

const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// A Hash is a SHA-256 digest.
type Hash [Size]byte

// Empty is the root of a tree without leaves: SHA-256 of nothing.
var Empty = Hash(sha256.Sum256(nil))

// Sum returns the plain SHA-256 of b.
func Sum(b []byte) Hash {
	h := Borrow()
	defer h.Return()
	return h.Sum(b)
}

// Leaf returns the RFC 6962 leaf hash SHA-256(0x00 || data).
func Leaf(data []byte) Hash {
	h := Borrow()
	defer h.Return()
	return h.Leaf(data)
}

// Node returns the RFC 6962 interior hash SHA-256(0x01 || left || right).
func Node(left, right Hash) Hash {
	h := Borrow()
	defer h.Return()
	return h.Node(&left, &right)
}

// Tagged returns a hash of the parts that no other tag can produce. Tag and
// parts are each preceded by their length (uint32, little-endian), so that no
// two lists of parts run together to the same input.
func Tagged(tag string, parts ...[]byte) Hash {
	h := sha256.New()
	var n [4]byte
	write := func(b []byte) {
		binary.LittleEndian.PutUint32(n[:], uint32(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	write([]byte(tag))
	for _, p := range parts {
		write(p)
	}
	return Hash(h.Sum(nil))
}

// IsZero reports whether h is all zero, which no digest in practice is.
func (h Hash) IsZero() bool { return h == Hash{} }

// Compare orders digests by their bytes.
func (h Hash) Compare(o Hash) int { return bytes.Compare(h[:], o[:]) }

// String returns h in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight hexadecimal digits of h, for talk and logs.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText encodes h in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText decodes what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	p, err := Parse(string(b))
	if err != nil {
		return err
	}
	*h = p
	return nil
}

// Parse decodes 64 hexadecimal digits of either case; with an error comes the
// zero hash.
func Parse(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*Size {
		return Hash{}, fmt.Errorf("%d characters, want %d hexadecimal digits", len(s), 2*Size)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("a hash in hexadecimal: %w", err)
	}
	return h, nil
}
