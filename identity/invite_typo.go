// SPDX-License-Identifier: MPL-2.0

package identity

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// explainDamage says what it can of text (in lower case) whose bytes b fail
// their checksum.
func explainDamage(text string, b []byte) error {
	d := newDamage(text[len(invitePrefix):], b)
	if at := d.findTypo(); at >= 0 {
		at += len(invitePrefix) + 1
		return fault(FaultTypo, at, "character %d, %q, looks wrong: check for a typo", at, text[at-1])
	}
	if at := d.findSwap(); at >= 0 {
		at += len(invitePrefix) + 1
		return fault(FaultTypo, at, "characters %d and %d look swapped: check for a typo", at, at+1)
	}
	n, ok := inviteLen(b)
	switch {
	case ok && n < len(b) && crcFits(b[:n]):
		return fault(FaultTrailing, 0, "it goes on after its end: check that nothing else was copied with it")
	case !ok:
		return tooShort(b)
	}
	return fault(FaultTypo, 0, "its checksum does not fit: check for a typo")
}

// inviteLen returns the length in bytes of the invite that b begins with; it
// is not ok if b ends before that.
func inviteLen(b []byte) (n int, ok bool) {
	r := reader{b: b}
	r.take(1)
	r.take(r.uint16())
	r.take(2 * KeyBytes)
	r.take(r.uint8())
	r.take(1 + 6 + 2)
	r.take(r.uint8())
	r.take(r.uint8())
	for p := r.uint8(); p > 0 && !r.short; p-- {
		r.take(KeyBytes)
		r.take(r.uint16())
	}
	r.take(crcBytes)
	return len(b) - len(r.b), !r.short
}

// A damage looks for the change that would make a checksum fit. A CRC is
// linear: a changed bit changes the mismatch by a value that depends on its
// place alone, so that every other character at every place is tried with a
// few XORs each.
type damage struct {
	text     string
	mismatch uint32   // between the checksum found and the one computed
	bits     []uint32 // what each bit, in the order of the text, adds to it
}

func newDamage(text string, b []byte) *damage {
	n := len(b) - crcBytes
	d := &damage{text: text, bits: make([]uint32, 8*len(b))}
	if n < 0 {
		d.text = "" // too short for a checksum: nothing to find
		return d
	}
	d.mismatch = crc32.Checksum(b[:n], inviteCRC) ^ binary.LittleEndian.Uint32(b[n:])
	for k := range 8 {
		for i := range crcBytes {
			d.bits[8*(n+i)+7-k] = 1 << (8*i + k)
		}
		c := inviteCRC[1<<k]
		for i := n - 1; i >= 0; i-- {
			d.bits[8*i+7-k] = c
			c = inviteCRC[byte(c)] ^ c>>8 // one more zero byte behind it
		}
	}
	return d
}

// change returns what flipping the bits of x in character i adds to the
// mismatch. Bits past the last byte are flipped by no change that decodes.
func (d *damage) change(i int, x byte) (c uint32, ok bool) {
	for j := range 5 {
		if x>>(4-j)&1 == 0 {
			continue
		}
		if 5*i+j >= len(d.bits) {
			return 0, false
		}
		c ^= d.bits[5*i+j]
	}
	return c, true
}

// findTypo returns the one character that, were it another, would make the
// checksum fit, or -1 if there is none or more than one.
func (d *damage) findTypo() int {
	found := -1
	for i := range d.text {
		for x := byte(1); x < 32; x++ {
			if c, ok := d.change(i, x); ok && c == d.mismatch {
				if found >= 0 {
					return -1
				}
				found = i
			}
		}
	}
	return found
}

// findSwap returns the first of two neighbours that, the other way round,
// would make the checksum fit, or -1.
func (d *damage) findSwap() int {
	for i := range len(d.text) - 1 {
		x := byte(strings.IndexByte(inviteAlphabet, d.text[i]) ^ strings.IndexByte(inviteAlphabet, d.text[i+1]))
		a, okA := d.change(i, x)
		b, okB := d.change(i+1, x)
		if okA && okB && a^b == d.mismatch {
			return i
		}
	}
	return -1
}
