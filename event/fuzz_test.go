// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/eventtest"
)

// Whatever decodes is what the twin decodes, and is written back to the same
// bytes.
func FuzzDecodeRecord(f *testing.F) {
	b := record(f, sample(), 1, FlagSealedHeader)
	r, _, _ := DecodeRecord(b)
	f.Add(b)
	f.Add(r.AppendErased(nil))
	f.Add(make([]byte, HeaderBytes))
	for _, c := range eventtest.Cases() {
		if rec := c.Raw.Record(); c.Reason != 2 && len(rec) < 1000 {
			f.Add(rec)
		}
	}
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
			again = rawOf(&r).Record()
		}
		if !bytes.Equal(again, b[:n]) {
			t.Errorf("%x decodes, but is written %x", b[:n], again)
		}
		checkErased(t, &r)
		for _, rules := range allRules {
			checkJudged(t, rules, &r, 1000)
		}
	})
}

// rawOf is a record for the twin of AppendRecord that writes anything.
func rawOf(r *Record) *eventtest.Raw {
	raw := &eventtest.Raw{Flags: r.Flags, Time: uint64(r.Time), Type: string(r.Type), Key: string(r.Key), Payload: r.Payload, ID: r.ID()}
	if r.Flags&FlagRefs != 0 {
		raw.Count, raw.Refs = leafExtra(r.extra[:len(r.extra)-len(idBytes(r))], r.Flags)
	}
	return raw
}

func idBytes(r *Record) []byte {
	if id := r.ID(); r.Flags&FlagID != 0 {
		return id[:]
	}
	return nil
}

// A record that an author may write is no reason to close the log that it is for.
func checkJudged(t *testing.T, rules Rules, r *Record, previous int64) {
	t.Helper()
	err := rules.Judge(r, previous)
	var o *Offence
	if err != nil && (!errors.As(err, &o) || !o.Reason.Known()) {
		t.Fatalf("%+v: %v", r, err)
	}
	whole, _, derr := DecodeRecord(r.AppendErased(nil))
	if derr != nil {
		t.Fatal(derr)
	}
	var e *Offence
	if again := rules.Judge(&whole, previous); (again == nil) != (err == nil) || errors.As(again, &e) && e.Reason != o.Reason {
		t.Fatalf("erased: %v; whole: %v", again, err)
	}
	if err == nil && !r.Erased() {
		a := Event{Type: string(r.Type), Key: r.Key, Payload: r.Payload, Refs: r.Refs(), ID: r.ID()}
		b, err := AppendRecord(nil, a, r.Time, r.Flags&^(FlagErased|extraFlags))
		if err != nil || !bytes.Equal(b, rawOf(r).Record()) {
			t.Fatalf("%+v is good, but is written %x, %v", r, b, err)
		}
	}
}

func FuzzDecodeLeaf(f *testing.F) {
	f.Add(leafOf(f, sample(), 1, FlagSealedPayload))
	f.Add(make([]byte, LeafHeaderBytes))
	for _, c := range eventtest.Cases() {
		if leaf := c.Raw.Leaf(); c.Reason != 2 && len(leaf) < 1000 {
			f.Add(leaf)
		}
	}
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
			payloadBytes: l.PayloadLen, erasedHash: l.PayloadHash, extra: l.extra,
		}
		if l.Flags&FlagRefs != 0 {
			r.extra = append([]byte{l.refs}, l.extra...)
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
	f.Add("note", []byte("k"), []byte("p"), int64(1), uint8(0), []byte{}, uint64(0))
	f.Add("", []byte{}, []byte{}, int64(-1), uint8(255), []byte{1}, uint64(9))
	f.Add("t", []byte{}, make([]byte, 16), int64(7), uint8(32), []byte("12345678"), uint64(1<<48-1))
	f.Fuzz(func(t *testing.T, typ string, key, payload []byte, ms int64, flags uint8, more []byte, size uint64) {
		e := Event{Type: typ, Key: key, Payload: payload}
		copy(e.ID[:], more)
		for i := range more {
			e.Refs = append(e.Refs, Ref{[8]byte{more[i]}, size})
		}
		if _, err := AppendRecord(nil, e, ms, flags); err != nil {
			if !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrTime) && !errors.Is(err, ErrFlags) && !errors.Is(err, ErrRefs) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		checkRoundTrip(t, e, ms, flags)
	})
}

func FuzzDecodeRefs(f *testing.F) {
	good, err := AppendRefs(nil, []Ref{{[8]byte{1}, 1}, {[8]byte{2}, 1 << 40}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		refs, n, err := DecodeRefs(b)
		if err != nil {
			if !errors.Is(err, ErrRefs) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again, err := AppendRefs(nil, refs); err != nil || !bytes.Equal(again, b[:n]) {
			t.Errorf("%x decodes, but is written %x, %v", b, again, err)
		}
	})
}
