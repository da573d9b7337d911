// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
)

func TestPaddedAgainstTwin(t *testing.T) {
	check := func(n int) {
		got := padded(n)
		if want := twinPadded(n); got != want {
			t.Fatalf("%d bytes padded to %d, want %d", n, got, want)
		}
		if padded(got) != got {
			t.Fatalf("%d is padded to %d, and that to %d", n, got, padded(got))
		}
		if n > minPadded && (got < n || float64(got) > 1.12*float64(n)) {
			t.Fatalf("%d bytes padded to %d", n, got)
		}
	}
	for n := 1; n < 70_000; n++ {
		check(n)
	}
	for e := 16; e < 25; e++ {
		for d := -3; d <= 3; d++ {
			check(1<<e + d)
			check(3<<(e-1) + d)
		}
	}
}

func TestFewLengths(t *testing.T) {
	lengths := map[int]bool{}
	for n := 1; n <= 256; n++ {
		lengths[padded(n)] = true
	}
	if len(lengths) != 17 {
		t.Errorf("%d lengths up to 256 bytes, want 17", len(lengths))
	}
}

func TestMaxSealed(t *testing.T) {
	if got := Overhead + padded(maxInner); got != MaxSealed {
		t.Errorf("the longest sealed payload has %d bytes, want %d", got, MaxSealed)
	}
	if MaxSealed >= 1<<25 {
		t.Errorf("%d bytes do not fit the length of a record's payload", MaxSealed)
	}
	if maxInner-event.MaxPayload != 1347 {
		t.Errorf("%d bytes beside the payload", maxInner-event.MaxPayload)
	}
}

func TestUnpad(t *testing.T) {
	for n := range 300 {
		for _, fill := range []byte{0, 0x80, 1, 0xff} {
			b := bytes.Repeat([]byte{fill}, n)
			got, ok := unpad(pad(bytes.Clone(b)))
			if !ok || !bytes.Equal(got, b) {
				t.Fatalf("%d times %#x come back as %x, %v", n, fill, got, ok)
			}
		}
	}
	zeros := func(n int) []byte { return make([]byte, n) }
	for name, b := range map[string][]byte{
		"nothing":             {},
		"zeros only":          zeros(64),
		"no mark":             append(zeros(63), 1),
		"below the floor":     append([]byte{1, 0x80}, zeros(61)...),
		"longer than Padmé":   append([]byte{1, 0x80}, zeros(70)...),
		"the next class":      append([]byte{1, 0x80}, zeros(66-2)...),
		"pad is not zero":     append(append([]byte{1, 0x80}, zeros(61)...), 1),
		"no length of Padmé":  append(bytes.Repeat([]byte{1}, 64), 0x80),
		"marked at the wrong": append(append(bytes.Repeat([]byte{1}, 66), 0x80), zeros(72-67+8)...),
	} {
		if got, ok := unpad(b); ok {
			t.Errorf("%s: %x is padded", name, got)
		}
	}
}
