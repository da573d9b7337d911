// SPDX-License-Identifier: MPL-2.0

package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// algEd25519 is the signature type of https://c2sp.org/signed-note that both
// the key's text and its id begin with.
const algEd25519 = 1

// keyID returns the first four bytes of SHA-256(name || "\n" || 0x01 || key).
func keyID(name string, author ed25519.PublicKey) uint32 {
	h := digest.Sum(append([]byte(name+"\n\x01"), author...))
	return binary.BigEndian.Uint32(h[:])
}

// VKey returns the author's key for that log as text, which is what
// golang.org/x/mod/sumdb/note calls a verifier key:
// "xaeroflux/<log id>+<key id>+<base64>".
func VKey(author ed25519.PublicKey, log digest.Hash) string {
	name := Origin(log)
	key := append([]byte{algEd25519}, author...)
	return fmt.Sprintf("%s+%08x+%s", name, keyID(name, author), base64.StdEncoding.EncodeToString(key))
}

// ParseVKey decodes what VKey returned. The error is ErrKey.
func ParseVKey(vkey string) (author ed25519.PublicKey, log digest.Hash, err error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, key64, _ := strings.Cut(rest, "+")
	log, err = parseOrigin(name)
	if err != nil {
		return nil, log, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return nil, log, fmt.Errorf("%w: %.100q is no base64 of %d bytes", ErrKey, key64, 1+ed25519.PublicKeySize)
	}
	author = key[1:]
	if want := VKey(author, log); vkey != want {
		return nil, log, fmt.Errorf("%w: %.200q, want %q", ErrKey, vkey, want)
	}
	return author, log, checkKey(author)
}

// checkKey refuses what is no public key, and the keys of small order, under
// which a signature fits more than one text.
func checkKey(author ed25519.PublicKey) error {
	if len(author) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: %d bytes, want %d", ErrKey, len(author), ed25519.PublicKeySize)
	}
	if identity.SmallOrder([ed25519.PublicKeySize]byte(author)) {
		return fmt.Errorf("%w: %x is of small order", ErrKey, []byte(author))
	}
	return nil
}
