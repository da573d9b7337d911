// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"strings"

	"rsc.io/qr"
)

// quiet is how many light modules are around a code (ISO/IEC 18004, 9.1).
const quiet = 4

// half are the rows of two modules, an upper and a lower one, as one character; dark is
// true. Light is what is drawn, since most terminals are dark.
var half = map[[2]bool]string{{true, true}: " ", {true, false}: "▄", {false, true}: "▀", {false, false}: "█"}

// printText prints an invite, as a QR code (ISO/IEC 18004) too if that is wanted: a phone
// that looks at the terminal reads the same text.
func (h *handover) printText(w io.Writer, text string) error {
	if h.qr {
		picture, err := drawQR(text)
		if err != nil {
			return err
		}
		fmt.Fprint(w, picture)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// drawQR draws a text, two modules a character.
func drawQR(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("the invite is too long for a QR code: %w", err)
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(half[[2]bool{code.Black(x, y), code.Black(x, y+1)}])
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}
