// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// forPeople returns w, or if that is a terminal, a writer to it that shows
// control characters instead of sending them: events and errors of others do not
// move the cursor, set its title or hide a line.
func forPeople(w io.Writer) io.Writer {
	if terminal(w) {
		return &visible{w: w}
	}
	return w
}

// A visible is such a writer.
type visible struct {
	w    io.Writer
	rest []byte // the beginning of a character whose end has not come
}

// Write implements io.Writer.
func (v *visible) Write(b []byte) (int, error) {
	text := append(v.rest, b...)
	whole := wholeRunes(text)
	v.rest = append([]byte(nil), text[whole:]...)
	if _, err := v.w.Write(shown(text[:whole])); err != nil {
		return 0, err
	}
	return len(b), nil
}

// flush shows the beginning of a character whose end did not come.
func (v *visible) flush() {
	v.w.Write(shown(v.rest))
	v.rest = nil
}

// wholeRunes returns how much of b comes before a character that is cut off.
func wholeRunes(b []byte) int {
	for i := len(b) - 1; i >= max(0, len(b)-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

// shown returns b with \x1b or \u202e instead of what a terminal would obey,
// and \xff instead of bytes that are no text. Lines and tabs stay.
func shown(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n', r == '\t':
			out = append(out, b[0])
		case r == utf8.RuneError && n == 1, r < ' ':
			out = fmt.Appendf(out, `\x%02x`, b[0])
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}
