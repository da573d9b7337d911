// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"encoding/binary"
	"fmt"
	"io"
	"unicode"
)

// ErrCode is returned for text that is no code.
var ErrCode = fmt.Errorf("%w: not a code: type the six digits that the other device shows", ErrPairing)

// CodeDigits is how many digits a code has.
const CodeDigits = 6

// codes is how many codes there are, and randomBelow the multiple of it that
// random numbers of 32 bits are taken below, so that all codes are as likely.
const (
	codes       = 1_000_000
	randomBelow = 1 << 32 / codes * codes
)

// drawLimit is how often newCode draws before it says that its source is broken: a
// draw is in vain once in 4,400 times.
const drawLimit = 64

// A Code is six decimal digits that a person carries from one device to another.
// The zero Code is none.
type Code struct {
	digits [CodeDigits]byte // ASCII; zero if there is no code
}

// newCode draws a code from rand, each one as likely as another.
func newCode(rand io.Reader) (Code, error) {
	for range drawLimit {
		var b [4]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return Code{}, fmt.Errorf("%w (%w)", ErrRandom, err)
		}
		if n := binary.LittleEndian.Uint32(b[:]); n < randomBelow {
			return codeOf(n % codes), nil
		}
	}
	return Code{}, fmt.Errorf("%w (%d draws in vain)", ErrRandom, drawLimit)
}

// codeOf returns the code whose digits are n's, which is below codes.
func codeOf(n uint32) (c Code) {
	for i := CodeDigits - 1; i >= 0; i-- {
		c.digits[i] = '0' + byte(n%10)
		n /= 10
	}
	return c
}

// ParseCode reads a code as people type it: six digits, with spaces and dashes
// wherever they like. The error is ErrCode.
func ParseCode(s string) (c Code, err error) {
	n := 0
	for _, r := range s {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r):
			continue
		case r < '0' || r > '9':
			return Code{}, fmt.Errorf("%w (%q is no digit)", ErrCode, r)
		case n < CodeDigits:
			c.digits[n] = byte(r)
		}
		n++
	}
	if n != CodeDigits {
		return Code{}, fmt.Errorf("%w (%d digits, want %d)", ErrCode, n, CodeDigits)
	}
	return c, nil
}

// String returns the code as a device shows it, "123 456". It is the secret
// itself: show it to the person, and log it nowhere.
func (c Code) String() string {
	if c.IsZero() {
		return "(no code)"
	}
	return string(c.digits[:CodeDigits/2]) + " " + string(c.digits[CodeDigits/2:])
}

// IsZero reports whether there is no code.
func (c Code) IsZero() bool { return c == Code{} }

// password is PRS of the draft: the digits in ASCII, and nothing between them.
func (c Code) password() []byte { return c.digits[:] }
