// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// GenerationBytes is the length of a Generation.
const GenerationBytes = 16

// A Generation is what the keys of a store derive from beside its seed. It is
// random and secret, a store's first one too, and a copy of a store draws
// another: so two copies never sign with one key. All zero is none.
type Generation [GenerationBytes]byte

// ErrGeneration is returned for text that is no generation.
var ErrGeneration = errors.New("not a generation")

// NewGeneration returns a generation read from r, or from crypto/rand if r is nil.
func NewGeneration(r io.Reader) (g Generation, err error) {
	if r == nil {
		r = rand.Reader
	}
	if _, err := io.ReadFull(r, g[:]); err != nil {
		return Generation{}, fmt.Errorf("random bytes: %w", err)
	}
	return g, nil
}

// IsZero reports whether g is none.
func (g Generation) IsZero() bool { return g == Generation{} }

// Encode returns g in 32 lower-case hexadecimal digits, for the store's own files.
func (g Generation) Encode() string { return hex.EncodeToString(g[:]) }

// ParseGeneration decodes what Encode wrote. It refuses the zero generation.
func ParseGeneration(s string) (g Generation, err error) {
	if len(s) != 2*GenerationBytes {
		return g, fmt.Errorf("%w: %d characters, want %d hexadecimal digits", ErrGeneration, len(s), 2*GenerationBytes)
	}
	for i := range len(s) {
		if !isLowerHex(s[i]) {
			return g, fmt.Errorf("%w: character %d is not one of 0-9 a-f", ErrGeneration, i+1)
		}
	}
	if _, err := hex.Decode(g[:], []byte(s)); err != nil {
		return Generation{}, fmt.Errorf("%w: %w", ErrGeneration, err)
	}
	if g.IsZero() {
		return g, fmt.Errorf("%w: all zero", ErrGeneration)
	}
	return g, nil
}

// String hides the generation, so that no log shows it by accident.
func (g Generation) String() string { return "generation " + secretForPeople }

// Format hides the generation from every verb of fmt.
func (g Generation) Format(w fmt.State, _ rune) { hide(w, g) }

// MarshalText hides the generation from encoders that look into structs.
func (g Generation) MarshalText() ([]byte, error) { return []byte(g.String()), nil }
