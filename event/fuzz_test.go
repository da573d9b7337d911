// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"errors"
	"testing"
)

// Whatever decodes is what the twin decodes, and is written back to the same
// bytes.
func FuzzDecodeRecord(f *testing.F) {
	b := record(f, sample(), 1, FlagSealedHeader)
	r, _, _ := DecodeRecord(b)
	f.Add(b)
	f.Add(r.AppendErased(nil))
	f.Add(make([]byte, HeaderBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		againstTwinRecord(t, b)
		r, n, err := DecodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrRecord) {
				t.Errorf("untyped error %v", err)
			}
			if rest, err := SkipRecords(b, 1); !errors.Is(err, ErrRecord) {
				t.Errorf("skipped to %d bytes of what does not decode: %v", len(rest), err)
			}
			return
		}
		if l, err := RecordLen(b); l != n || err != nil {
			t.Errorf("RecordLen %d, %v; DecodeRecord %d", l, err, n)
		}
		if rest, err := SkipRecords(b, 1); err != nil || len(rest) != len(b)-n {
			t.Errorf("skipped to %d of %d bytes, %v; the record is %d", len(b)-len(rest), len(b), err, n)
		}
		again := r.AppendErased(nil)
		if !r.Erased() {
			e := Event{Type: string(r.Type), Key: r.Key, Payload: r.Payload}
			if again, err = AppendRecord(nil, e, r.Time, r.Flags); err != nil {
				t.Fatalf("%+v cannot be appended: %v", r, err)
			}
		}
		if !bytes.Equal(again, b[:n]) {
			t.Errorf("%x decodes, but is written %x", b[:n], again)
		}
		checkErased(t, &r)
	})
}

func FuzzDecodeLeaf(f *testing.F) {
	f.Add(leafOf(f, sample(), 1, FlagSealedPayload))
	f.Add(make([]byte, LeafHeaderBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		againstTwinLeaf(t, b)
		l, err := DecodeLeaf(b)
		if err != nil {
			if !errors.Is(err, ErrLeaf) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		r := Record{
			Flags: l.Flags | FlagErased, Time: l.Time, Type: l.Type, Key: l.Key,
			payloadBytes: l.PayloadLen, erasedHash: l.PayloadHash,
		}
		if again := r.AppendLeaf(nil); !bytes.Equal(again, b) {
			t.Errorf("%x decodes, but is written %x", b, again)
		}
		if back, _, err := DecodeRecord(r.AppendErased(nil)); err != nil || back.LeafHash() != r.LeafHash() {
			t.Errorf("no record has the leaf %x: %v", b, err)
		}
	})
}

func FuzzAppendRecord(f *testing.F) {
	f.Add("note", []byte("k"), []byte("p"), int64(1), uint8(0))
	f.Add("", []byte{}, []byte{}, int64(-1), uint8(255))
	f.Fuzz(func(t *testing.T, typ string, key, payload []byte, ms int64, flags uint8) {
		e := Event{Type: typ, Key: key, Payload: payload}
		if _, err := AppendRecord(nil, e, ms, flags); err != nil {
			if !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrTime) && !errors.Is(err, ErrFlags) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		checkRoundTrip(t, e, ms, flags)
	})
}
