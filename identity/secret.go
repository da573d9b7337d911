// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"crypto/rand"
	"fmt"
	"io"
)

// A Secret is 32 bytes that nobody prints by accident.
type Secret [KeyBytes]byte

// NewSecret returns a secret read from r, or from crypto/rand if r is nil.
func NewSecret(r io.Reader) (Secret, error) {
	if r == nil {
		r = rand.Reader
	}
	b, err := random(r)
	return Secret(b), err
}

// IsZero reports whether s is all zero, which stands for none.
func (s Secret) IsZero() bool { return s == Secret{} }

// String hides the secret, so that no log shows it by accident.
func (s Secret) String() string { return secretForPeople }

// Format hides the secret from every verb of fmt.
func (s Secret) Format(w fmt.State, _ rune) { hide(w, s) }

// MarshalText hides the secret from encoders that look into structs, as those
// of logs do.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// secretForPeople is what printing a secret shows.
const secretForPeople = "(secret)"

// hide prints a secret's String. A known gap: fmt calls no method of a value
// in an unexported field, and prints the bytes.
func hide(w fmt.State, secret fmt.Stringer) { _, _ = io.WriteString(w, secret.String()) }
