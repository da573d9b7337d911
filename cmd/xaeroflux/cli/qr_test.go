// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestQRIsDrawn reads the modules back from the characters, with the quiet zone around.
func TestQRIsDrawn(t *testing.T) {
	for _, text := range []string{"xf2a", strings.Repeat("xf2aknqaaicb3kcakhcmg5ln", 32)} {
		drawn, err := drawQR(text)
		if err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.L)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(drawn, "\n"), "\n")
		if want := (code.Size + 2*quiet + 1) / 2; len(lines) != want {
			t.Fatalf("%d lines, want %d", len(lines), want)
		}
		for y := range code.Size + 2*quiet {
			row := []rune(lines[y/2])
			if len(row) != code.Size+2*quiet {
				t.Fatalf("line %d has %d columns", y/2, len(row))
			}
			for x, r := range row {
				lit := r == '█' || r == '▀' && y%2 == 0 || r == '▄' && y%2 == 1
				if dark := code.Black(x-quiet, y-quiet); lit == dark {
					t.Fatalf("module %d, %d of a code of %d: dark %v, drawn %q", x-quiet, y-quiet, code.Size, dark, r)
				}
			}
		}
	}
	if _, err := drawQR(strings.Repeat("x", 4000)); err == nil {
		t.Error("a text of 4000 bytes was drawn")
	}
}
