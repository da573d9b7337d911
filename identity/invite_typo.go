// SPDX-License-Identifier: MPL-2.0

package identity

// maxTypoSearch is the longest text, in characters, whose typo is searched
// for: trying every other character at every place is quadratic, and takes a
// millisecond or two at this length.
const maxTypoSearch = 512

// explainDamage says what it can of text (in lower case) whose bytes b fail
// their checksum.
func explainDamage(text string, b []byte) error {
	if at := findTypo(text); at > 0 {
		return fault(FaultTypo, at, "character %d, %q, looks wrong: check for a typo", at, text[at-1])
	}
	if at := findSwap(text); at > 0 {
		return fault(FaultTypo, at, "characters %d and %d look swapped: check for a typo", at, at+1)
	}
	n, ok := inviteLen(b)
	switch {
	case ok && n < len(b) && crcFits(b[:n]):
		return fault(FaultTrailing, 0, "it goes on after its end: check that nothing else was copied with it")
	case n > len(b):
		return fault(FaultTruncated, 0, "%d bytes, want %d or more: check for a typo, and that all of it was copied", len(b), n)
	}
	return fault(FaultTypo, 0, "its checksum does not fit: check for a typo")
}

// inviteLen returns the length in bytes of the invite that b begins with, or,
// where b ends before that is known, one that is too long for b.
func inviteLen(b []byte) (n int, ok bool) {
	r := inviteReader{b: b}
	r.take(1 + KeyBytes)
	r.take(r.uint8())
	for p := r.uint8(); p > 0 && !r.short; p-- {
		r.take(KeyBytes)
		r.take(r.uint16())
	}
	r.take(crcBytes)
	if r.short {
		return len(b) + 1, false
	}
	return len(b) - len(r.b), true
}

// findTypo returns the one place, counted from 1, where another character
// would make the checksum fit, or 0.
func findTypo(text string) int {
	if len(text) > maxTypoSearch {
		return 0
	}
	t, found := []byte(text[len(invitePrefix):]), 0
	for i, was := range t {
		for j := range len(inviteAlphabet) {
			if t[i] = inviteAlphabet[j]; t[i] != was && textFits(t) {
				if found != 0 && found != len(invitePrefix)+i+1 {
					return 0 // two places: rather point at none
				}
				found = len(invitePrefix) + i + 1
			}
		}
		t[i] = was
	}
	return found
}

// findSwap returns the first of two neighbours, counted from 1, which the
// other way round would make the checksum fit, or 0.
func findSwap(text string) int {
	if len(text) > maxTypoSearch {
		return 0
	}
	t := []byte(text[len(invitePrefix):])
	for i := range len(t) - 1 {
		t[i], t[i+1] = t[i+1], t[i]
		if textFits(t) {
			return len(invitePrefix) + i + 1
		}
		t[i], t[i+1] = t[i+1], t[i]
	}
	return 0
}

func textFits(t []byte) bool {
	var buf [maxTypoSearch]byte
	n, err := inviteText.Decode(buf[:], t)
	return err == nil && crcFits(buf[:n])
}
