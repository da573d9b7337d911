// SPDX-License-Identifier: MPL-2.0

// Package naming is what people are called: the bytes that a name may have, and how the
// names of a topic's people are shown so that no two look alike (docs/roster.md, "Names").
//
// Rule: text in, text out; this room knows no roster, no file and no peer.
//
// Start with Check and Show.
package naming

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBytes is the length of the longest name.
const MaxBytes = 64

// ErrName is returned for text that is no name.
var ErrName = errors.New("not a name")

// Check returns why nobody can be called that: a name is 1 to 64 bytes of UTF-8, all of it
// is seen, and nothing in it turns the line around it. The error is ErrName.
func Check(name string) error {
	switch first, _ := utf8.DecodeRuneInString(name); {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > MaxBytes:
		return fmt.Errorf("%w: %d bytes, limit %d", ErrName, len(name), MaxBytes)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: %q is not UTF-8", ErrName, name)
	case strings.TrimSpace(name) != name || strings.Contains(name, "  "):
		return fmt.Errorf("%w: %q has a space at an end, or two in a row", ErrName, name)
	case unicode.IsMark(first):
		return fmt.Errorf("%w: %q begins with a mark, which would stand on what is before it", ErrName, name)
	}
	for _, r := range name {
		if unseen(r) {
			return fmt.Errorf("%w: %q has %U, which is not seen or changes what is around it", ErrName, name, r)
		}
	}
	return nil
}

// unseen reports whether a character is not printed, or printed as nothing: controls,
// those that set the direction of a line, joiners, fillers, and every space but one.
func unseen(r rune) bool {
	const brailleBlank = '\u2800'
	return !unicode.IsPrint(r) || r == brailleBlank || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
