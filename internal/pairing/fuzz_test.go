// SPDX-License-Identifier: MPL-2.0

package pairing

import (
	"bytes"
	"errors"
	"testing"
)

// typed reports whether err is one that Step may return.
func typed(err error) bool {
	for _, want := range []error{ErrCodesDiffer, ErrShare, ErrMessage, ErrUnexpected, ErrPayload} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// Bytes from somebody who does not have the code never confirm anything.
func FuzzStranger(f *testing.F) {
	ua, ub := setups()
	_, first, err := Begin(ua)
	if err != nil {
		f.Fatal(err)
	}
	b, _, err := Begin(ub)
	if err != nil {
		f.Fatal(err)
	}
	r, err := b.Step(first)
	if err != nil {
		f.Fatal(err)
	}
	own := bytes.Clone(r.Send)
	own[len(own)-1] ^= 1 // or it would be the right one
	f.Add(true, own, encode(typePayload, make([]byte, 16)))
	f.Add(false, first, encode(typeConfirm, make([]byte, tagBytes)))
	f.Add(false, encode(typeShare, make([]byte, shareBytes)), Refusal())
	f.Fuzz(func(t *testing.T, initiator bool, m1, m2 []byte) {
		u, other := setups()
		if !initiator {
			u = other
		}
		s, _ := mustBegin(t, u)
		for _, m := range [][]byte{m1, m2} {
			if bytes.Equal(m, r.Send) {
				return
			}
			r, err := s.Step(m)
			if r.Payload != nil || s.State() == Confirmed || s.State() == Received || err != nil && !typed(err) {
				t.Fatalf("%v, payload %q, %v", s, r.Payload, err)
			}
		}
	})
}

// A message that is changed under way ends the attempt, whichever byte it is, and
// brings no payload.
func FuzzTampered(f *testing.F) {
	for i := range uint8(5) {
		f.Add(i, uint16(0), uint8(1))
		f.Add(i, uint16(5), uint8(0x40)) // the length
		f.Add(i, uint16(40), uint8(0x80))
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, flip uint8) {
		if flip == 0 {
			return
		}
		ua, ub := setups()
		a, m := mustBegin(t, ua)
		b, _ := mustBegin(t, ub)
		to, from := b, a
		for i := range which % 5 {
			m = mustStep(t, to, m).Send
			to, from = from, to
			if i >= 2 { // confirmed: payloads, one from each
				m = mustSeal(t, from, []byte("secret"))
			}
		}
		m = bytes.Clone(m)
		m[int(at)%len(m)] ^= flip
		r, err := to.Step(m)
		if which%5 == 0 && err == nil { // another share: only the tags tell
			r, err = from.Step(r.Send)
		}
		if err == nil || !typed(err) || r.Payload != nil {
			t.Errorf("message %d, byte %d: %v, payload %q", which%5, at, err, r.Payload)
		}
	})
}
