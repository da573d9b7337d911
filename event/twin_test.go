// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/eventtest"
)

// The slow obvious twins read the tables at the top of record.go bit by bit.

// bitsOf reads n bits of b from bit at, the lowest first.
func bitsOf(b []byte, at, n int) (v uint64) {
	for i := range n {
		if b[(at+i)/8]>>((at+i)%8)&1 == 1 {
			v |= 1 << i
		}
	}
	return v
}

// twinRefs takes count refs off b.
func twinRefs(b []byte, count int) (refs, rest []byte, ok bool) {
	at := 0
	for range count {
		at += 8
		for n := 1; ; n++ {
			if n > 7 || at >= len(b) {
				return nil, nil, false
			}
			at++
			if bitsOf(b, 8*(at-1)+7, 1) == 0 {
				break
			}
		}
	}
	return b[:at], b[at:], true
}

// twinRecord returns the record that b begins with and how long it is; it is
// not ok if b begins with none.
func twinRecord(b []byte) (r Record, n int, ok bool) {
	if len(b) < 12 {
		return Record{}, 0, false
	}
	payload, flags := bitsOf(b, 0, 25), bitsOf(b, 25, 7)
	typ, key, ms := bitsOf(b, 32, 6), bitsOf(b, 38, 10), bitsOf(b, 48, 48)
	if payload > 16777216+524288+36 {
		return Record{}, 0, false
	}
	rest := b[12:]
	if flags/8%2 == 1 {
		if len(rest) == 0 {
			return Record{}, 0, false
		}
		if _, rest, ok = twinRefs(rest[1:], int(rest[0])); !ok {
			return Record{}, 0, false
		}
	}
	if flags/16%2 == 1 {
		if len(rest) < 16 {
			return Record{}, 0, false
		}
		rest = rest[16:]
	}
	extra := uint64(len(b) - 12 - len(rest))
	body := payload
	if flags%2 == 1 {
		body = 32
	}
	n = int(12 + extra + typ + key + body)
	if len(b) < n {
		return Record{}, 0, false
	}
	r = Record{
		Flags: uint8(flags), Time: int64(ms), Type: rest[:typ], Key: rest[typ : typ+key],
		payloadBytes: int(payload), extra: b[12 : 12+extra],
	}
	if flags%2 == 1 {
		copy(r.erasedHash[:], rest[typ+key:])
	} else {
		r.Payload = rest[typ+key : typ+key+payload]
	}
	return r, n, true
}

// twinLeaf returns the leaf that b is.
func twinLeaf(b []byte) (l Leaf, ok bool) {
	if len(b) < 48 || bitsOf(b, 0, 8) != 1 {
		return Leaf{}, false
	}
	flags, typ, key := bitsOf(b, 8, 8), bitsOf(b, 16, 6), bitsOf(b, 22, 10)
	payload, ms, refs := bitsOf(b, 32, 32), bitsOf(b, 64, 48), bitsOf(b, 112, 8)
	if flags > 127 || flags%2 == 1 || payload > 16777216+524288+36 || bitsOf(b, 120, 8) != 0 || uint64(len(b)) < 48+typ+key {
		return Leaf{}, false
	}
	if flags/8%2 == 0 && refs != 0 {
		return Leaf{}, false
	}
	extra := b[48+typ+key:]
	_, rest, ok := twinRefs(extra, int(refs))
	if want := int(flags / 16 % 2 * 16); !ok || len(rest) != want {
		return Leaf{}, false
	}
	return Leaf{
		Flags: uint8(flags), Time: int64(ms), Type: b[48 : 48+typ], Key: b[48+typ : 48+typ+key],
		PayloadLen: int(payload), PayloadHash: digest.Hash(b[16:48]), refs: uint8(refs), extra: extra,
	}, true
}

func againstTwinRecord(t *testing.T, b []byte) {
	t.Helper()
	want, wantLen, ok := twinRecord(b)
	r, n, err := DecodeRecord(b)
	if (err == nil) != ok || n != wantLen {
		t.Fatalf("%.64x: %d bytes, %v; the twin says %d, %v", b, n, err, wantLen, ok)
	}
	if r.Flags != want.Flags || r.Time != want.Time || !bytes.Equal(r.Type, want.Type) || !bytes.Equal(r.Key, want.Key) ||
		!bytes.Equal(r.Payload, want.Payload) || r.payloadBytes != want.payloadBytes || !bytes.Equal(r.extra, want.extra) || r.erasedHash != want.erasedHash {
		t.Fatalf("%.64x: %+v, want %+v", b, r, want)
	}
}

func againstTwinLeaf(t *testing.T, b []byte) {
	t.Helper()
	want, ok := twinLeaf(b)
	l, err := DecodeLeaf(b)
	if (err == nil) != ok {
		t.Fatalf("%.64x: %v; the twin says %v", b, err, ok)
	}
	if l.Flags != want.Flags || l.Time != want.Time || !bytes.Equal(l.Type, want.Type) || !bytes.Equal(l.Key, want.Key) ||
		l.PayloadLen != want.PayloadLen || l.PayloadHash != want.PayloadHash || l.refs != want.refs || !bytes.Equal(l.extra, want.extra) {
		t.Fatalf("%.64x: %+v, want %+v", b, l, want)
	}
}

// Every byte of whole and erased records and of leaf data takes every value,
// at the length it had, and cut and extended.
func TestDecodersAgainstTheTwins(t *testing.T) {
	whole := record(t, sample(), MaxTime, FlagSealedPayload)
	r, _, err := DecodeRecord(whole)
	if err != nil {
		t.Fatal(err)
	}
	everyByte(whole, func(b []byte) { againstTwinRecord(t, b) })
	everyByte(r.AppendErased(nil), func(b []byte) { againstTwinRecord(t, b) })
	everyByte(r.AppendLeaf(nil), func(b []byte) { againstTwinLeaf(t, b) })
	for _, c := range eventtest.Cases() {
		rec, leaf := c.Raw.Record(), c.Raw.Leaf()
		againstTwinRecord(t, rec)
		againstTwinLeaf(t, leaf)
		if c.Name == "data of a plain topic" && c.Raw.Flags == 56 || c.Name == "no refs" {
			everyByte(rec, func(b []byte) { againstTwinRecord(t, b) })
			everyByte(leaf, func(b []byte) { againstTwinLeaf(t, b) })
		}
	}
}

// everyByte calls f with all that differs from b in one byte, as long as b,
// a byte shorter, and 64 bytes longer.
func everyByte(b []byte, f func(b []byte)) {
	long := append(bytes.Clone(b), make([]byte, 64)...)
	for i := range b {
		for v := range 256 {
			long[i] = byte(v)
			f(long[:len(b)])
			f(long[:len(b)-1])
			f(long)
		}
		long[i] = b[i]
	}
}

// A record is as long as its header says, whatever of it is there: the twin
// of RecordLen is DecodeRecord of a buffer that cannot be too short.
func TestRecordLenLooksAtTheHeaderOnly(t *testing.T) {
	long := make([]byte, MaxRecord)
	for _, e := range []Event{{}, sample(), {Refs: manyRefs(16, maxSeen), ID: ID{1}}, {Type: "t", Key: make([]byte, MaxKey), Payload: make([]byte, MaxPayload)}} {
		b := record(t, e, 1, 0)
		head := b[:min(len(b), MaxPrefix)]
		clear(long)
		copy(long, head)
		_, want, ok := twinRecord(long)
		if n, err := RecordLen(head); err != nil || !ok || n != want {
			t.Errorf("%x: %d, %v; want %d, %v", head, n, err, want, ok)
		}
	}
}
