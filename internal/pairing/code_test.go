// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// numbers is a source of randomness that gives these, then nothing.
func numbers(n ...uint32) io.Reader {
	var b []byte
	for _, x := range n {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return bytes.NewReader(b)
}

func TestNewCode(t *testing.T) {
	for _, x := range []struct {
		drawn []uint32
		want  string
	}{
		{[]uint32{0}, "000 000"},
		{[]uint32{999_999}, "999 999"},
		{[]uint32{1_000_000}, "000 000"},
		{[]uint32{7}, "000 007"},
		{[]uint32{4_294_123_456 - 1_000_000}, "123 456"},
		{[]uint32{4_293_999_999}, "999 999"},     // the last that counts
		{[]uint32{4_294_000_000, 42}, "000 042"}, // the first that does not: it would favour small codes
		{[]uint32{1<<32 - 1, 1<<32 - 1, 5}, "000 005"},
	} {
		if c, err := newCode(numbers(x.drawn...)); err != nil || c.String() != x.want {
			t.Errorf("%v: %q, %v, want %q", x.drawn, c, err, x.want)
		}
	}
	for what, r := range map[string]io.Reader{
		"empty": numbers(), "3 bytes": bytes.NewReader(make([]byte, 3)),
		"stuck": bytes.NewReader(bytes.Repeat([]byte{0xff}, 4096)),
	} {
		if c, err := newCode(r); !errors.Is(err, ErrRandom) || !c.IsZero() {
			t.Errorf("%s: %q, %v", what, c, err)
		}
	}
}

func TestParseCode(t *testing.T) {
	for _, s := range []string{"123456", "123 456", "123-456", " 12 34-56\n", "1-2-3-4-5-6", "123\u00a0456", "123\u2013456"} {
		if c, err := ParseCode(s); err != nil || c.String() != "123 456" {
			t.Errorf("%q: %q, %v", s, c, err)
		}
	}
	for _, s := range []string{"", "12345", "1234567", "12345x", "+123456", "123.456", "0x1234", "١٢٣٤٥٦", "123456\x00", "\xff123456", "(no code)", strings.Repeat("1", 1000)} {
		if c, err := ParseCode(s); !errors.Is(err, ErrCode) || !c.IsZero() {
			t.Errorf("%q: %q, %v", s, c, err)
		}
	}
	if s := (Code{}).String(); s != "(no code)" {
		t.Errorf("no code is shown as %q", s)
	}
}

// What is shown is what is parsed, for every code there is.
func TestCodesRoundTrip(t *testing.T) {
	for n := range uint32(codes) {
		c := codeOf(n)
		back, err := ParseCode(c.String())
		if err != nil || back != c || len(c.password()) != CodeDigits {
			t.Fatalf("%d is %q, parsed as %q, %v", n, c, back, err)
		}
	}
}

// What is typed and parses has six digits, and is what it is with nothing between.
func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"123 456", "000-000", "12345", "１２３４５６"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			if !errors.Is(err, ErrCode) || !c.IsZero() {
				t.Errorf("%q: %q, %v", s, c, err)
			}
			return
		}
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
		if string(c.password()) != digits || len(digits) != CodeDigits {
			t.Errorf("%q is %q", s, c)
		}
	})
}
