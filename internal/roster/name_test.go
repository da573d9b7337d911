// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"errors"
	"testing"
)

func sampleNames() []Name {
	return []Name{{Clear: "Ben"}, {Clear: "Zoë 🙂"}, {}, {Sealed: bytes.Repeat([]byte{7}, 100)}}
}

// badNames are bodies that say nothing.
func badNames() [][]byte {
	return [][]byte{
		{0}, {3, 'B'}, {2}, append([]byte{2}, make([]byte, maxSealedName+1)...), append([]byte{1}, make([]byte, 65)...),
		[]byte("\x01 Ben"), []byte("\x01Ben "), []byte("\x01Ben  Two"), []byte("\x01\u202eBen"), []byte("\x01Be\u200dn"), []byte("\x01\u3164"), []byte("\x01\u2800"), []byte("\x01\u0301Ben"),
		[]byte("\x01Be\nn"), []byte("\x01\xff"), []byte("\x01Ben\u00a0Two"), []byte("\x01Ben\ufe0f"),
	}
}

// nameVectors are names and their bodies.
func nameVectors() (all []any) {
	for _, n := range sampleNames() {
		kind := nameClear
		if n.Sealed != nil {
			kind = nameSealed
		}
		all = append(all, obj("kind", uint8(kind), "name", n.Clear, "sealed", n.Sealed, "body", n.Append(nil)))
	}
	return all
}

func TestNamesComeBack(t *testing.T) {
	for _, n := range sampleNames() {
		back, err := DecodeName(n.Append(nil))
		if err != nil || back.Clear != n.Clear || !bytes.Equal(back.Sealed, n.Sealed) {
			t.Errorf("%+v: %+v, %v", n, back, err)
		}
	}
	for _, bad := range append(badNames(), nil) {
		if _, err := DecodeName(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzDecodeName(f *testing.F) {
	for _, n := range sampleNames() {
		f.Add(n.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := DecodeName(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := n.Append(nil); !bytes.Equal(again, b) || CheckName(n.Clear) != nil {
			t.Errorf("%x decodes as %+v, but is written %x", b, n, again)
		}
	})
}
