// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/sketch"
)

// bodies are fixed values of every kind, with the bytes another implementation
// is to make of them in round 5.
func bodies() map[string]Body {
	salt := sketch.Salt{1, 2, 3}
	logs := []ShortState{{ID: 7, Size: 300}, {ID: 9}, {ID: MaxShortID, Size: 1}}
	zeros := func(n int) string { return hex.EncodeToString(make([]byte, n)) }
	saltHex := "010203" + zeros(13)
	return map[string]Body{
		"0005": &NextBody{},
		"0105" + saltHex + "04" + zeros(7) + "aa" + zeros(31) + "07ac02" + "0200" + "f6ffffffff1f" + "01": &CursorBody{
			Salt: salt, Since: digest.Set{Count: 4, Sum: digest.Hash{0xaa}}, Logs: logs,
		},
		"0205" + saltHex + "64" + "02" + "efbeadde00000000" + "060504030201" + "04" + zeros(14) + "4f": &SymbolsBody{
			Salt: salt, Items: 100, First: 2, Symbols: []sketch.Symbol{{Item: 0xdeadbeef, Check: 0x010203040506, Count: 52}, {Count: 0}},
		},
		"0305" + saltHex + "00" + "ac02" + "01":       &ItemsBody{Salt: salt, Items: []uint64{0, 300, 301}},
		"0405" + "07ac02" + "0200" + "f6ffffffff1f01": &AnswerBody{Logs: logs},
		"0505" + "8008": &AskBody{Symbols: 1024},
	}
}

func TestBodyVectors(t *testing.T) {
	for want, m := range bodies() {
		b := EncodeBody(5, m)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("%T is\n%s, want\n%s", m, got, want)
		}
		round, got, err := DecodeBody(b)
		if err != nil || round != 5 || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: read as %+v of round %d, %v", m, got, round, err)
		}
	}
}

func TestHostileBodies(t *testing.T) {
	for what, body := range map[string]string{
		"nothing":                 "",
		"no round":                "00",
		"a kind that is none":     "0605",
		"bytes after the end":     "000500",
		"half a salt":             "030501020304",
		"an id twice":             "0405" + "0701" + "0001",
		"an id that overflows":    "0405" + "0701" + "ffffffffffffffffff01" + "01",
		"an id over 40 bits":      "0405" + "808080808020" + "01",
		"a size over 2^62":        "0405" + "07" + "818080808080808040",
		"a size cut off":          "0405" + "07" + "80",
		"an item twice":           "0305" + "00000000000000000000000000000000" + "0500",
		"items that overflow":     "0305" + "00000000000000000000000000000000" + "05" + "ffffffffffffffffff01",
		"a varint that overflows": "0505" + "ffffffffffffffffffff01",
		"a symbol cut off":        "0205" + "00000000000000000000000000000000" + "0100" + "00000000",
	} {
		b, err := hex.DecodeString(body)
		if err != nil {
			t.Fatal(what, err)
		}
		if _, m, err := DecodeBody(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v %v", what, m, err)
		}
	}
}

// FuzzBody decodes anything; what decodes is encoded to what decodes the same.
func FuzzBody(f *testing.F) {
	for text := range bodies() {
		b, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		round, m, err := DecodeBody(b)
		if err != nil {
			if m != nil || !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v and %v", m, err)
			}
			return
		}
		again, got, err := DecodeBody(EncodeBody(round, m))
		if err != nil || again != round || !reflect.DeepEqual(got, m) {
			t.Fatalf("again: %v\n%+v\n%+v", err, m, got)
		}
	})
}
