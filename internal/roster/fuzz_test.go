// SPDX-License-Identifier: MPL-2.0

package roster

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Every sample is read back as it was; no part of it and nothing longer is read.
func TestRoundTrip(t *testing.T) {
	check := func(typ string, v, back any, b []byte, err error, again func([]byte) error) {
		if err != nil || !reflect.DeepEqual(v, back) {
			t.Errorf("%s: %+v, %v, want %+v", typ, back, err, v)
		}
		if typ == "xf/genesis" {
			return // any bytes; the fold holds them against the topic id
		}
		for n := range b {
			if err := again(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %d of %d bytes: %v", typ, n, len(b), err)
			}
		}
		if err := again(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: a byte too many: %v", typ, err)
		}
	}
	for _, r := range sampleRecords() {
		b := mustEncode(r)
		back, err := Decode(r.Type(), b)
		check(r.Type(), r, back, b, err, func(b []byte) error { _, err := Decode(r.Type(), b); return err })
	}
	for _, a := range sampleAsks() {
		b := mustEncode(a)
		back, err := DecodeAsk(a.Type(), b)
		check(a.Type(), a, back, b, err, func(b []byte) error { _, err := DecodeAsk(a.Type(), b); return err })
	}
	for _, x := range sampleBoxRecords() {
		b := mustEncode(x)
		back, err := DecodeBox(b)
		check(BoxType, x, back, b, err, func(b []byte) error { _, err := DecodeBox(b); return err })
	}
}

// Values that no bytes stand for are not written.
func TestEncodeRefuses(t *testing.T) {
	keys := []Key{{2}, {1}}
	high := Prefix{digest.Sum(nil), MaxSize + 1, digest.Sum([]byte("x"))}
	for name, r := range map[string]body{
		"role of nobody":     &SetRole{Change: RoleChange{Role: None}},
		"owner again":        &SetRole{Change: RoleChange{Role: Owner}},
		"falling keys":       &Remove{Keep: keys},
		"same keys":          &Remove{Keep: []Key{{1}, {1}}},
		"falling logs":       &Remove{Cuts: []Prefix{samplePrefixes()[1], samplePrefixes()[0]}},
		"size over the end":  &CutLog{Cut: high},
		"root of nothing":    &CutLog{Cut: Prefix{digest.Sum(nil), 0, digest.Sum([]byte("x"))}},
		"empty root":         &CutLog{Cut: Prefix{digest.Sum(nil), 1, digest.Empty}},
		"ask of no log":      &Uninvite{Ask: AskRef{Seq: 1}},
		"KEM key of 5 bytes": &MakeInvite{Invite: Invite{Role: Admin, Uses: 1, KEM: make([]byte, 5)}},
		"no uses":            &MakeInvite{Invite: Invite{Role: Admin}},
		"late expiry":        &MakeInvite{Invite: Invite{Role: Admin, Uses: 1, Expiry: 1 << 48}},
		"link of a writer":   &MakeInvite{Invite: Invite{Role: Writer, Uses: 1, Link: &Link{}}},
		"device of nobody":   &MakeInvite{Invite: Invite{Role: Device, Uses: 1}},
		"no ranges":          &Erase{},
		"ranges that touch":  &Erase{Ranges: []LogRange{{Range: Range{0, 2}}, {Range: Range{2, 1}}}},
		"range of nothing":   &Erase{Ranges: []LogRange{{Range: Range{0, 0}}}},
		"range to no end":    &EraseOwn{[]Range{{5, MaxSize}}},
		"1001 ranges":        &Erase{Ranges: make([]LogRange, MaxRanges+1)},
		"no name":            &Snapshot{State: ViewState{At: samplePoint}},
		"name of 64":         &Grant{Right: Right{What: string(make([]byte, 64)), Calls: 1}},
		"name of 300":        &Grant{Right: Right{What: string(make([]byte, 300)), Calls: 1}},
		"terms of no calls":  &Grant{Right: Right{What: "x", Per: 1}},
		"answer to nothing":  &Answer{},
		"step of 61":         &Epoch{Boxes: sampleBoxes, Step: make([]byte, 61)},
		"no boxes":           &Epoch{},
		"too many boxes":     &Epoch{Boxes: Boxes{Count: MaxReaders + 1}},
		"copy of itself":     &AddDevice{Device: SignedDevice{Card: DeviceCard{Device: Key{1}, Parent: Key{1}}}},
		"box of kind 3":      &Box{Kind: 3},
		"short box":          &Box{Kind: BoxAll, Sealed: make([]byte, 1168)},
		"term 0":             &Begin{Term: &Term{Last: samplePrefix("x", 1), By: ByOwner, Signed: make([]TermSignature, 1)}},
		"two owners":         &Begin{Term: &Term{Last: samplePrefix("x", 1), Term: 1, By: ByOwner, Signed: []TermSignature{{Index: 0}, {Index: 1}}}},
		"owner of index 1":   &Begin{Term: &Term{Last: samplePrefix("x", 1), Term: 1, By: ByOwner, Signed: []TermSignature{{Index: 1}}}},
		"nobody's term":      &Begin{Term: &Term{Last: samplePrefix("x", 1), Term: 1, By: BySuccessors}},
		"successor twice":    &Begin{Term: &Term{Last: samplePrefix("x", 1), Term: 1, By: BySuccessors, Signed: make([]TermSignature, 2)}},
		"term by somebody":   &Begin{Term: &Term{Last: samplePrefix("x", 1), Term: 1, By: 3, Signed: make([]TermSignature, 1)}},
		"no log of size 1":   &Begin{Term: &Term{Last: Prefix{Size: 1, Root: digest.Sum([]byte("x"))}, Term: 1, By: ByOwner, Signed: make([]TermSignature, 1)}},
		"a leg after none":   &Begin{Before: samplePrefix("x", 0)},
		"what 0":             &Request{At: samplePoint},
		"what 11":            &Request{At: samplePoint, What: 11},
		"content of another": &Request{At: samplePoint, What: AskRole, Content: &Target{}},
		"handover of a key":  &Request{At: samplePoint, What: AskHandover, Content: &Key{}},
		"point of size 0":    &Request{What: AskHandover},
		"point too far":      &Request{At: Point{Position: Position{Size: 1 << 48}}, What: AskHandover},
	} {
		if b, err := encode(nil, r); !errors.Is(err, ErrMalformed) || len(b) > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, len(b))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range sampleRecords() {
		f.Add(r.Type(), mustEncode(r))
	}
	f.Fuzz(func(t *testing.T, typ string, b []byte) {
		r, err := Decode(typ, b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := mustEncode(r); !bytes.Equal(again, b) || !bytes.Equal(twinRecord(r), b) {
			t.Errorf("%x decodes as %+v, but is written %x", b, r, again)
		}
	})
}

func FuzzDecodeAsk(f *testing.F) {
	for _, a := range sampleAsks() {
		f.Add(a.Type(), mustEncode(a))
	}
	f.Fuzz(func(t *testing.T, typ string, b []byte) {
		a, err := DecodeAsk(typ, b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := mustEncode(a); !bytes.Equal(again, b) || !bytes.Equal(twinOfAsk(a), b) {
			t.Errorf("%x decodes as %+v, but is written %x", b, a, again)
		}
	})
}

func FuzzDecodeBox(f *testing.F) {
	for _, x := range sampleBoxRecords() {
		f.Add(mustEncode(x))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := DecodeBox(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if again := mustEncode(x); !bytes.Equal(again, b) {
			t.Errorf("%x is written %x", b, again)
		}
	})
}
