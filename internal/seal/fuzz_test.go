// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
)

// A plaintext that is decoded is the one way to write what was decoded.
func FuzzPlain(f *testing.F) {
	a := sampleAt()
	for _, hide := range []bool{false, true} {
		p := samplePlain()
		f.Add(twinInner(&p, hide), hide)
		p.Refs, p.ID = encodeRefs(ref{1, 1}, ref{2, 1 << 40}), &[16]byte{1}
		f.Add(twinInner(&p, hide), hide)
	}
	f.Add(pad([]byte{0, 0x81, 0, 't', 'k'}), true)
	f.Fuzz(func(t *testing.T, b []byte, hide bool) {
		c := Clear{Flags: clearPayload, Type: []byte("type"), Key: []byte("key")}
		if hide {
			c = Clear{Flags: clearNothing}
		}
		// Payloads that members seal: hostile below the encryption.
		p, err := decodePlain(bytes.Clone(b), c, a.key().log)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := twinInner(&p, hide); !bytes.Equal(again, b) {
			t.Errorf("%x decodes, but is written %x", b, again)
		}
		if err := p.check(a.key().log); err != nil || !bytes.Equal(p.encode(nil, hide), b) {
			t.Errorf("%x decodes, but is encoded %x, %v", b, p.encode(nil, hide), err)
		}
	})
}

// Bytes from anybody never open, and never panic.
func FuzzOpen(f *testing.F) {
	k, p := sampleAt().key(), samplePlain()
	good := sampleAt().twinSeal(make([]byte, nonceBytes), twinInner(&p, true), twinClear(&p, true)) // the same in every worker
	f.Add(good, uint8(6), []byte{}, []byte{})
	f.Add(make([]byte, MinSealed), uint8(2), []byte("t"), []byte("k"))
	f.Fuzz(func(t *testing.T, b []byte, flags uint8, typ, key []byte) {
		got, err := k.Open(Clear{flags, typ, key}, b)
		if bytes.Equal(b, good) && flags == event.FlagSealedPayload|event.FlagSealedHeader && len(typ)+len(key) == 0 {
			return
		}
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("%x opens as %+v, %v", b, got, err)
		}
	})
}

// A box that is decoded is written back to the same bytes; opening it never
// panics.
func FuzzBox(f *testing.F) {
	for _, kind := range []uint8{BoxAll, BoxJoin, BoxRecovery} {
		b := box(f, kind)
		body, err := AppendBox(nil, &b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte{4})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := DecodeBox(body)
		if err != nil {
			if !errors.Is(err, ErrBox) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again, err := AppendBox(nil, &b); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%x decodes, but is written %x, %v", body, again, err)
		}
		got, err := opened(&b, device, topic)
		if err != nil && !errors.Is(err, ErrUnreadable) {
			t.Errorf("untyped error %v", err)
		}
		if err == nil && !bytes.Equal(got, plainOf(b.Kind)) {
			t.Errorf("%x opens as %x", body, got)
		}
	})
}

// A step of a parent who lies never gives another secret.
func FuzzStep(f *testing.F) {
	infos, secrets, links := chain("fuzz", 0, 2)
	f.Add(links[0].Step[:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != StepBytes {
			return
		}
		got, err := OpenStep((*Step)(b), secrets[1], infos[1].ID, &infos[0])
		if err == nil && got != secrets[0] || err != nil && !errors.Is(err, ErrUnreadable) {
			t.Errorf("%x, %v", got[:], err)
		}
	})
}
