// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
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

// twinRecord returns the record that b begins with and how long it is; it is
// not ok where b begins with none.
func twinRecord(b []byte) (r Record, n int, ok bool) {
	if len(b) < 12 {
		return Record{}, 0, false
	}
	payload, flags := bitsOf(b, 0, 25), bitsOf(b, 25, 7)
	typ, key, ms := bitsOf(b, 32, 6), bitsOf(b, 38, 10), bitsOf(b, 48, 48)
	if flags > 7 || payload > 16777216 {
		return Record{}, 0, false
	}
	body := payload
	if flags%2 == 1 {
		body = 32
	}
	n = int(12 + typ + key + body)
	if len(b) < n {
		return Record{}, 0, false
	}
	r = Record{Flags: uint8(flags), Time: int64(ms), Type: b[12 : 12+typ], Key: b[12+typ : 12+typ+key], payloadBytes: int(payload)}
	if flags%2 == 1 {
		copy(r.erasedHash[:], b[12+typ+key:n])
	} else {
		r.Payload = b[12+typ+key : n]
	}
	return r, n, true
}

// twinLeaf returns the leaf that b is.
func twinLeaf(b []byte) (l Leaf, ok bool) {
	if len(b) < 48 || bitsOf(b, 0, 8) != 1 {
		return Leaf{}, false
	}
	flags, typ, key := bitsOf(b, 8, 8), bitsOf(b, 16, 6), bitsOf(b, 22, 10)
	payload, ms := bitsOf(b, 32, 32), bitsOf(b, 64, 64)
	if flags > 7 || flags%2 == 1 || payload > 16777216 || ms >= 1<<48 || uint64(len(b)) != 48+typ+key {
		return Leaf{}, false
	}
	return Leaf{
		Flags: uint8(flags), Time: int64(ms), Type: b[48 : 48+typ], Key: b[48+typ:],
		PayloadLen: int(payload), PayloadHash: digest.Hash(b[16:48]),
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
		!bytes.Equal(r.Payload, want.Payload) || r.payloadBytes != want.payloadBytes || r.erasedHash != want.erasedHash {
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
		l.PayloadLen != want.PayloadLen || l.PayloadHash != want.PayloadHash {
		t.Fatalf("%.64x: %+v, want %+v", b, l, want)
	}
}

// Every byte of whole and erased records and of leaf data takes every value,
// at the length it had, and cut and extended.
func TestDecodersAgainstTheTwins(t *testing.T) {
	whole := record(t, sample(), maxTime, FlagSealedPayload)
	r, _, err := DecodeRecord(whole)
	if err != nil {
		t.Fatal(err)
	}
	everyByte(whole, func(b []byte) { againstTwinRecord(t, b) })
	everyByte(r.AppendErased(nil), func(b []byte) { againstTwinRecord(t, b) })
	everyByte(r.AppendLeaf(nil), func(b []byte) { againstTwinLeaf(t, b) })
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
	for _, e := range []Event{{}, sample(), {Type: "t", Key: make([]byte, MaxKey), Payload: make([]byte, MaxPayload)}} {
		head := record(t, e, 1, 0)[:HeaderBytes]
		clear(long)
		copy(long, head)
		_, want, ok := twinRecord(long)
		if n, err := RecordLen(head); err != nil || !ok || n != want {
			t.Errorf("%x: %d, %v; want %d, %v", head, n, err, want, ok)
		}
	}
}
