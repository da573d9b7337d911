// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func leafOf(t testing.TB, e Event, ms int64, flags uint8) []byte {
	t.Helper()
	r, _, err := DecodeRecord(record(t, e, ms, flags))
	if err != nil {
		t.Fatal(err)
	}
	return r.AppendLeaf(nil)
}

func TestLeafOfAnotherLength(t *testing.T) {
	good := leafOf(t, sample(), 1, 0)
	for n := range good {
		if _, err := DecodeLeaf(good[:n]); !errors.Is(err, ErrLeaf) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	if _, err := DecodeLeaf(append(bytes.Clone(good), 0)); !errors.Is(err, ErrLeaf) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestDecodeLeafRefuses(t *testing.T) {
	good := leafOf(t, sample(), 1, 0)
	for name, change := range map[string]func(b []byte){
		"version 0":      func(b []byte) { b[0] = 0 },
		"version 2":      func(b []byte) { b[0] = 2 },
		"erased":         func(b []byte) { b[1] = FlagErased },
		"refs unflagged": func(b []byte) { b[14] = 1 },
		"refs cut":       func(b []byte) { b[1], b[14] = FlagRefs, 1 },
		"id cut":         func(b []byte) { b[1] = FlagID },
		"high flag":      func(b []byte) { b[1] = 1 << 7 },
		"other lengths":  func(b []byte) { b[2]++ },
		"long payload":   func(b []byte) { b[7] = 2 },
		"longest":        func(b []byte) { copy(b[4:], "\xff\xff\xff\xff") },
		"byte 15":        func(b []byte) { b[15] = 0x80 },
		"type takes key": func(b []byte) { b[2] = 6; b[3] = 1 },
	} {
		b := bytes.Clone(good)
		change(b)
		if l, err := DecodeLeaf(b); !errors.Is(err, ErrLeaf) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	largest := bytes.Clone(good)
	binary.LittleEndian.PutUint32(largest[4:], MaxSealed)
	if l, err := DecodeLeaf(largest); err != nil || l.PayloadLen != MaxSealed {
		t.Errorf("%+v, %v", l, err)
	}
}

// Whatever of an event is changed changes its leaf.
func TestLeafCommitsToAll(t *testing.T) {
	base := sample()
	seen := map[string]string{}
	add := func(name string, e Event, ms int64, flags uint8) {
		leaf := string(leafOf(t, e, ms, flags))
		if was, ok := seen[leaf]; ok {
			t.Errorf("%s has the leaf of %s", name, was)
		}
		seen[leaf] = name
	}
	add("base", base, 1, 0)
	add("time", base, 2, 0)
	add("sealed payload", base, 1, FlagSealedPayload)
	add("sealed header", base, 1, FlagSealedHeader)
	add("type", Event{Type: "nota", Key: base.Key, Payload: base.Payload}, 1, 0)
	add("key", Event{Type: base.Type, Key: []byte("k2"), Payload: base.Payload}, 1, 0)
	add("payload", Event{Type: base.Type, Key: base.Key, Payload: []byte("hello, World")}, 1, 0)
	add("type into key", Event{Type: "not", Key: []byte("ek1"), Payload: base.Payload}, 1, 0)
	add("key into payload", Event{Type: base.Type, Key: []byte("k"), Payload: []byte("1hello, world")}, 1, 0)
	more := func(refs []Ref, id ID) Event {
		return Event{Type: base.Type, Key: base.Key, Payload: base.Payload, Refs: refs, ID: id}
	}
	add("salted", Event{Type: base.Type, Key: base.Key, Payload: Salted([SaltBytes]byte{}, base.Payload)}, 1, FlagSalted)
	add("ref", more([]Ref{{[8]byte{1}, 1}}, ID{}), 1, 0)
	add("ref to another size", more([]Ref{{[8]byte{1}, 2}}, ID{}), 1, 0)
	add("ref to another log", more([]Ref{{[8]byte{2}, 1}}, ID{}), 1, 0)
	add("two refs", more([]Ref{{[8]byte{1}, 1}, {[8]byte{2}, 1}}, ID{}), 1, 0)
	add("id", more(nil, ID{1}), 1, 0)
	add("another id", more(nil, ID{2}), 1, 0)
	add("ref and id", more([]Ref{{[8]byte{1}, 1}}, ID{1}), 1, 0)
}
