// SPDX-License-Identifier: MPL-2.0

package seal

import "math/bits"

// minPadded is the shortest padded plaintext: short events all look alike.
const minPadded = 64

// padded returns the length that n bytes are padded to: Padmé (PURBs, section
// 4; https://lbarman.ch/blog/padme) with a floor of 64. Of a length 2^e+… it
// keeps as many leading bits as e has digits plus one, rounding up, so that a
// length tells O(log log n) bits and costs 12 % at most above the floor.
func padded(n int) int {
	if n <= minPadded {
		return minPadded
	}
	e := bits.Len(uint(n)) - 1
	low := 1<<(e-bits.Len(uint(e))) - 1
	return (n + low) &^ low
}

// pad appends the end mark 0x80 to b, and zeros up to the padded length.
func pad(b []byte) []byte {
	n := padded(len(b) + 1)
	return append(append(b, 0x80), make([]byte, n-len(b)-1)...)
}

// unpad returns what pad was given, and whether b is just what pad made of it.
func unpad(b []byte) ([]byte, bool) {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	if n == 0 || b[n-1] != 0x80 || padded(n) != len(b) {
		return nil, false
	}
	return b[: n-1 : n-1], true
}
