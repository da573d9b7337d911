// SPDX-License-Identifier: MPL-2.0

// Package seal is what keeps a private topic private: sealed payloads, the
// epochs whose secrets seal them, and the boxes that carry those secrets to
// each reader (docs/format.md, "Sealing").
//
// Rule: bytes in, values out; this room knows no file, no clock, no roster and
// no peer, and says of no log that it is closed. Bytes that do not open are
// ErrUnreadable to the one who asked, and nothing more.
//
// Start with Key, which seals and opens payloads, and Ring, which finds it.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Errors of this package.
var (
	// ErrUnreadable is returned for a payload, box or chain step that does not
	// open, or whose inside is not laid out as the format says.
	ErrUnreadable = errors.New("sealed for others, or damaged")
	// ErrTooLarge is returned for what is over its limit and cannot be sealed.
	ErrTooLarge = errors.New("too large to seal")
	// ErrReserved is returned for a type that a sealed event cannot have.
	ErrReserved = errors.New("a type that begins with \"xf/\" is not sealed")
	// ErrRefs is returned for refs that cannot be sealed.
	ErrRefs = errors.New("malformed refs in a seal")
	// ErrID is returned for an id that cannot be sealed.
	ErrID = errors.New("a bad id in a seal")
	// ErrBox is returned for bytes that are no box.
	ErrBox = errors.New("malformed key box")
	// ErrKEMKey is returned for bytes that are no KEM public key.
	ErrKEMKey = errors.New("bad KEM key")
	// ErrReaders is returned for a set of readers that no epoch can have.
	ErrReaders = errors.New("bad set of readers")
	// ErrSecret is returned for a secret or join key that is not the one an
	// epoch record speaks of.
	ErrSecret = errors.New("not the secret of this epoch")
	// ErrNoEpoch is returned if the ring holds no secret for a payload.
	ErrNoEpoch = errors.New("no secret for this epoch")
	// ErrAmbiguous is returned if the ring holds two epochs that a payload
	// could be sealed under.
	ErrAmbiguous = errors.New("two epochs share a prefix")
)

// Labels of what is derived and hashed here. A label is never used twice and
// never changes: another use gets another version.
const (
	labelSeal     = "xaeroflux seal v1"          // HKDF: key of one log under one epoch
	labelChain    = "xaeroflux chain v1"         // HKDF: key that seals the parent's secret
	labelBox      = "xaeroflux box v1"           // HPKE info of a reader's or a replica's box
	labelRecovery = "xaeroflux recovery box v1"  // HPKE info of a recovery box
	tagEpoch      = "xaeroflux epoch v1"         // tagged hash: epoch id
	tagReaders    = "xaeroflux epoch readers v1" // tagged hash: digest of the readers
	tagJoinKey    = "xaeroflux join key v1"      // tagged hash: H(join key)
)

// SecretBytes is the length of a secret.
const SecretBytes = 32

// A Secret is 32 random bytes: what an epoch's payload keys derive from, a
// join key, or an account's secret.
type Secret [SecretBytes]byte

// ReadSecret returns a secret read from r, which is crypto/rand's Reader
// outside of tests.
func ReadSecret(r io.Reader) (s Secret, err error) {
	if _, err := io.ReadFull(r, s[:]); err != nil {
		return Secret{}, fmt.Errorf("random bytes: %w", err)
	}
	return s, nil
}

// String hides the secret, so that no log shows it.
func (Secret) String() string { return "(secret)" }

// GoString hides the secret.
func (s Secret) GoString() string { return s.String() }

// JoinKeyHash returns H(join key), which an epoch record shows.
func JoinKeyHash(join Secret) digest.Hash { return digest.Tagged(tagJoinKey, join[:]) }

// expand returns HKDF-Expand(SHA-256, s, label ‖ first ‖ second, 32 bytes).
// There is no extract step: s is uniformly random.
func expand(s Secret, label string, context ...[]byte) []byte {
	info := []byte(label)
	for _, c := range context {
		info = append(info, c...)
	}
	key, err := hkdf.Expand(sha256.New, s[:], string(info), 32)
	if err != nil {
		panic(err) // only for lengths that 32 is far below
	}
	return key
}

// newGCM returns AES-256-GCM that draws its own nonces and puts them first.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for other blocks than AES
	}
	return aead
}
