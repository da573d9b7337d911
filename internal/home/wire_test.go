// SPDX-License-Identifier: MPL-2.0

package home

import (
	"bytes"
	"errors"
	"testing"
)

// TestEventsComeBack: what is written is read, and written the same.
func TestEventsComeBack(t *testing.T) {
	for _, s := range samples(t) {
		if again, err := s.again(s.Payload); err != nil || !bytes.Equal(again, s.Payload) {
			t.Errorf("%s: %v", s.Type, err)
		}
	}
}

// TestOtherBytesAreRefused: a byte less, a byte more, another version.
func TestOtherBytesAreRefused(t *testing.T) {
	for _, s := range samples(t) {
		other := bytes.Clone(s.Payload)
		other[0]++
		for _, b := range [][]byte{nil, s.Payload[:len(s.Payload)-1], append(bytes.Clone(s.Payload), 0), other} {
			if _, err := s.again(b); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s of %d bytes, not %d: %v", s.Type, len(b), len(s.Payload), err)
			}
		}
	}
}

// Bytes from a device of the person, which may be stolen, decode in one way or not at all.
func FuzzEvent(f *testing.F) {
	types := []string{TypeRoot, TypeTopic, TypeCard, TypeDevice, TypeName, TypeKey, TypeGone}
	for i, typ := range types {
		for _, s := range samples(f) {
			if s.Type == typ {
				f.Add(uint8(i), s.Payload)
			}
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, b []byte) {
		typ := types[int(i)%len(types)]
		again, err := codecs[typ](bytes.Clone(b))
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("untyped error %v", err)
		}
		if err == nil && !bytes.Equal(again, b) {
			t.Errorf("%s: %x decodes, but is written %x", typ, b, again)
		}
		topic, _ := claim()
		st := newState()
		if err := st.Add(Entry{Type: typ, Key: topic[:], Payload: b}); err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("untyped error %v", err)
		}
	})
}
