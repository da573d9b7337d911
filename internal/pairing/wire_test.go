// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"errors"
	"testing"
)

// twinMessage writes a message byte by byte.
func twinMessage(t messageType, body []byte) []byte {
	n := len(body)
	return append([]byte{1, byte(t), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

// lengths are the shortest and the longest body of each type.
var lengths = map[messageType][2]int{1: {32, 32}, 2: {96, 96}, 3: {64, 64}, 4: {16, 65552}, 5: {0, 0}}

func TestMessagesRoundTrip(t *testing.T) {
	for typ, n := range lengths {
		for _, length := range n {
			body := bytes.Repeat([]byte{byte(typ)}, length)
			b := encode(typ, body[:length/3], body[length/3:])
			wantBytes(t, typ.String(), b, twinMessage(typ, body))
			got, gotBody, err := decode(b)
			if err != nil || got != typ || !bytes.Equal(gotBody, body) {
				t.Errorf("%v of %d bytes: %v of %d, %v", typ, length, got, len(gotBody), err)
			}
		}
	}
	wantBytes(t, "refusal", Refusal(), []byte{1, 5, 0, 0, 0, 0})
}

// What is no message is refused by its header already, as far as that tells.
func TestMalformedMessages(t *testing.T) {
	wantMalformed := func(what string, b []byte) {
		t.Helper()
		if typ, body, err := decode(b); !errors.Is(err, ErrMessage) || body != nil {
			t.Errorf("%s: %v of %d bytes, %v", what, typ, len(body), err)
		}
	}
	for typ, n := range lengths {
		for _, length := range []int{n[0] - 1, n[1] + 1} {
			if length < 0 {
				continue
			}
			b := twinMessage(typ, make([]byte, length))
			wantMalformed("length of "+typ.String(), b)
			if _, _, err := decodeHeader(b[:HeaderBytes]); !errors.Is(err, ErrMessage) {
				t.Errorf("header of %v of %d bytes: %v", typ, length, err)
			}
		}
		good := twinMessage(typ, make([]byte, n[0]))
		wantMalformed("cut", good[:len(good)-1])
		wantMalformed("byte behind", append(bytes.Clone(good), 0))
		for _, version := range []byte{0, 2, 255} {
			b := bytes.Clone(good)
			b[0] = version
			wantMalformed("version", b)
		}
	}
	for _, typ := range []messageType{0, 6, 127, 128, 255} {
		wantMalformed("type", twinMessage(typ, nil))
	}
	for n := range HeaderBytes {
		wantMalformed("part of a header", Refusal()[:n])
	}
	wantMalformed("4 GiB announced", []byte{1, 4, 255, 255, 255, 255})
}

// A message that is decoded is the one way to write what was decoded.
func FuzzDecode(f *testing.F) {
	for typ, n := range lengths {
		f.Add(twinMessage(typ, make([]byte, n[0])))
	}
	f.Add([]byte{1, 4, 0, 1, 0, 16})
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, body, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrMessage) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if n := lengths[typ]; n == [2]int{} && typ != typeRefuse || len(body) < n[0] || len(body) > n[1] {
			t.Errorf("%v of %d bytes", typ, len(body))
		}
		wantBytes(t, "written again", twinMessage(typ, body), b)
	})
}
