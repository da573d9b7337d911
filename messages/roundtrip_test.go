// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

func mustFrame(t testing.TB, m Message) []byte {
	t.Helper()
	f, err := AppendFrame(nil, m)
	if err != nil {
		t.Fatalf("%v: %v", m.Type(), err)
	}
	return f
}

func TestRoundTrip(t *testing.T) {
	for _, typ := range append(wireTypes, 131, 255, 300, 65535) {
		for seed := range uint64(60) {
			want := newGen(seed).message(typ)
			frame := mustFrame(t, want)
			body, err := ReadFrame(bytes.NewReader(frame), MaxEventsFrame, nil)
			if err != nil {
				t.Fatalf("%v seed %d: %v", typ, seed, err)
			}
			got, err := Decode(body)
			if err != nil {
				t.Fatalf("%v seed %d: %v", typ, seed, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%v seed %d:\n got %+v\nwant %+v", typ, seed, got, want)
			}
		}
	}
}

// TestLibraryReads checks our encoding against the msgpack library's decoder.
func TestLibraryReads(t *testing.T) {
	for _, typ := range wireTypes {
		var fields []any
		frame := mustFrame(t, newGen(uint64(typ)).message(typ))
		if err := msgpack.Unmarshal(frame[4:], &fields); err != nil {
			t.Fatalf("%v: %v", typ, err)
		}
		if len(fields) != 1+kindOf(typ).fields || fmt.Sprint(fields[0]) != fmt.Sprint(int(typ)) {
			t.Errorf("%v: %d fields beginning with %v", typ, len(fields), fields[0])
		}
	}
}

// TestLongerArrays checks that fields of a later version are skipped, at the
// end of the body and of every array of fields inside it.
func TestLongerArrays(t *testing.T) {
	extra := []byte{
		0x95, 0xc0, 0x81, 0xa1, 'k', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0xc7, 2, 9, 1, 2, 0xd4, 5, 6,
		0xdc, 0, 2, 0xff, 0xd3, 0, 0, 0, 0, 0, 0, 0, 1,
	}
	for _, typ := range wireTypes {
		want := newGen(9).message(typ)
		if d, ok := want.(*Diff); ok {
			d.Rung, d.Body = RungFrontier, nil
			d.Entries = append(d.Entries, LogState{PageBytes: 1, End: 2, Head: Head{Size: 3}})[:1]
		}
		body := mustFrame(t, want)[4:]
		// The later version's array says one field more; headers here are one byte.
		longer := append([]byte{body[0] + 1}, body[1:]...)
		longer = append(longer, extra...)
		if got, err := Decode(longer); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v with one more field: %v", typ, err)
		}
	}
	d := &Diff{Rung: RungFrontier, Entries: []LogState{{Log: digest.Sum([]byte("l")), PageBytes: 4096, Head: Head{Size: 7}}}}
	body := mustFrame(t, d)[4:]
	at := len(body) - (1 + 34 + 34 + 3 + 1 + 1) - (1 + 1 + 34 + 66) - 1
	if body[at] != 0x99 {
		t.Fatalf("entry does not begin at %d: %#x", at, body[at])
	}
	head := len(body) - (1 + 1 + 34 + 66) - 1
	longer := bytes.Clone(body)
	longer[at]++
	longer[head]++
	end := longer[len(longer)-1]
	longer = append(longer[:len(longer)-1], extra...) // of the head
	longer = append(append(longer, end), extra...)    // of the log state
	if got, err := Decode(longer); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("inner arrays: %v, %+v", err, got)
	}
}

func TestEveryWidthOfInteger(t *testing.T) {
	forms := [][]byte{
		{5}, {0xcc, 5}, {0xcd, 0, 5}, {0xce, 0, 0, 0, 5}, {0xcf, 0, 0, 0, 0, 0, 0, 0, 5},
		{0xd0, 5}, {0xd1, 0, 5}, {0xd2, 0, 0, 0, 5}, {0xd3, 0, 0, 0, 0, 0, 0, 0, 5},
	}
	for _, f := range forms {
		r := reader{b: f}
		if v := r.uint("v", 5); v != 5 || r.err != nil || r.left() != 0 {
			t.Errorf("% x: %d, %v", f, v, r.err)
		}
		r = reader{b: f}
		if r.uint("v", 4); !errors.Is(r.err, ErrMalformed) {
			t.Errorf("% x over a limit of 4: %v", f, r.err)
		}
	}
	for _, f := range [][]byte{{0xff}, {0xd0, 0x80}, {0xd1, 0xff, 0}, {0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0}, {0xc0}, {0xca, 0, 0, 0, 0}, {0xa1, '5'}} {
		r := reader{b: f}
		if v := r.uint("v", 1<<63); v != 0 || !errors.Is(r.err, ErrMalformed) {
			t.Errorf("% x read as %d, %v", f, v, r.err)
		}
	}
}

// TestSenderKeepsLimits: what a decoder would refuse is refused at the sender,
// and dst comes back as it was.
func TestSenderKeepsLimits(t *testing.T) {
	long := strings.Repeat("x", 1000)
	cases := []struct {
		m    Message
		want error
	}{
		{&Hello{Caps: []Capability{{Name: long}}}, ErrTooLong},
		{&Hello{Caps: []Capability{{Name: "b"}, {Name: "a"}}}, ErrMalformed},
		{&Hello{Caps: []Capability{{Name: ""}}}, ErrMalformed},
		{&Hello{Caps: []Capability{{Name: "a", Param: make([]byte, MaxCapParam+1)}}}, ErrTooLong},
		{&Hello{Offers: make([]Offer, MaxTopics+1)}, ErrTooLong},
		{&Topics{Offers: make([]Offer, MaxTopics+1)}, ErrTooLong},
		{&Certificate{}, ErrMalformed},
		{&Certificate{Sealed: make([]byte, MaxCertificate+1)}, ErrTooLong},
		{&Ping{Padding: make([]byte, MaxPadding+1)}, ErrTooLong},
		{&Pong{Padding: []byte{1}}, ErrMalformed},
		{&Open{}, ErrMalformed},
		{&Presence{Capability: "x", Data: make([]byte, MaxPresence+1)}, ErrTooLong},
		{&Peaks{Roster: identity.Position{Term: 1}}, ErrMalformed},
		{&Events{PageBytes: 4095}, ErrMalformed},
		{&Events{PageBytes: 4096, Kind: 3}, ErrMalformed},
		{&Diff{Rung: 3, Entries: []LogState{{PageBytes: 4096, End: MaxCount + 3}}}, ErrMalformed},
		{&Peaks{Logs: MaxCount + 1}, ErrMalformed},
		{&Diff{Rung: 0}, ErrMalformed},
		{&Diff{Rung: 4}, ErrMalformed},
		{&Diff{Rung: 1, Body: make([]byte, MaxDiffBody+1)}, ErrTooLong},
		{&Diff{Rung: 3, Entries: make([]LogState, MaxEntries+1)}, ErrTooLong},
		{&Diff{Rung: 3, Body: make([]byte, MaxDiffBody), Entries: slices.Repeat([]LogState{{PageBytes: 4096}}, 10)}, ErrTooLong},
		{&PageResponse{FirstSeq: 2, EndSeq: 1, Head: Head{Size: 9}}, ErrMalformed},
		{&PageResponse{EndSeq: 2, Count: 1, PageBytes: 4096, Head: Head{Size: 1}}, ErrMalformed},
		{&PageResponse{EndSeq: 342, Count: 1, PageBytes: 4096, Head: Head{Size: 999}}, ErrMalformed},
		{&PageResponse{Count: 2, PageBytes: 4096, Images: []RunImage{{Skip: 1, Pages: 2, Bytes: 99}}}, ErrMalformed},
		{&PageResponse{Count: 2, PageBytes: 4096, Images: []RunImage{{Pages: 0, Bytes: 99}}}, ErrMalformed},
		{&PageResponse{Count: 2, PageBytes: 4096, Images: []RunImage{{Pages: 1, Bytes: 35}}}, ErrMalformed},
		{&PageResponse{Count: 2, PageBytes: 4096, Images: []RunImage{{Pages: 1, Bytes: 16384}}}, ErrMalformed},
		{&PageResponse{Count: 2, PageBytes: 4096, Images: make([]RunImage, MaxRunPages+1)}, ErrTooLong},
		{&PageResponse{PageBytes: 4096, Right: make([]digest.Hash, MaxRight+1)}, ErrTooLong},
		{&PageResponse{PageBytes: MaxPageBytes + 1}, ErrMalformed},
		{&Events{PageBytes: 4096, Count: 2, Records: make([]byte, 2*event.HeaderBytes-1), Head: Head{Size: 9}}, ErrMalformed},
		{&Events{Records: make([]byte, 12)}, ErrMalformed},
		{&Events{First: 1, Count: 1, Records: make([]byte, 12), Head: Head{Size: 1}}, ErrMalformed},
		{&Events{PageBytes: 4096, Count: 1, Records: make([]byte, MaxEventsFrame), Head: Head{Size: 1}}, ErrTooLong},
		{&ProofResponse{Hashes: make([]digest.Hash, MaxHashes+1)}, ErrTooLong},
		{&ProofResponse{Leaf: make([]byte, MaxLeafBytes+1)}, ErrTooLong},
		{&Peers{Addresses: []string{long}}, ErrTooLong},
		{&Error{Text: long}, ErrTooLong},
		{&Bye{Text: "\xff"}, ErrMalformed},
		{&Unknown{Number: 127}, ErrMalformed},
	}
	for i, c := range cases {
		out, err := AppendFrame([]byte("before"), c.m)
		var de *DecodeError
		if !errors.Is(err, c.want) || !errors.As(err, &de) || de.Message != c.m.Type() {
			t.Errorf("case %d, %v: %v, want %v", i, c.m.Type(), err, c.want)
		}
		if string(out) != "before" {
			t.Errorf("case %d: dst is %q", i, out)
		}
	}
}

func TestLargestFramesFit(t *testing.T) {
	offers := make([]Offer, MaxTopics)
	for i := range offers {
		offers[i].Mark[0] = 1
	}
	full := &Hello{Caps: make([]Capability, MaxCaps), More: true, Offers: offers, MaxFrame: 1<<32 - 1, MaxPages: 1<<32 - 1, Version: 65535}
	for i := range full.Caps {
		full.Caps[i] = Capability{Name: fmt.Sprintf("%02d", i) + strings.Repeat("x", MaxCapBytes-2), Param: make([]byte, MaxCapParam)}
	}
	mustFrame(t, full)
	mustFrame(t, &Topics{Answers: 1<<32 - 1, More: true, Offers: offers})
	mustFrame(t, &Certificate{Topic: 1<<32 - 1, Sealed: make([]byte, MaxCertificate)})
	mustFrame(t, &Open{Capability: strings.Repeat("x", MaxCapBytes), Param: make([]byte, MaxOpenParam)})
	mustFrame(t, &Presence{Topic: 1<<32 - 1, Capability: strings.Repeat("x", MaxCapBytes), Data: make([]byte, MaxPresence)})
	mustFrame(t, &Error{Code: 65535, Text: strings.Repeat("x", MaxTextBytes)})
	entries := make([]LogState, MaxEntries)
	for i := range entries {
		entries[i] = LogState{Size: MaxCount, Pages: MaxCount, PageBytes: MaxPageBytes, Kind: 2, Number: 1<<64 - 1, End: EndsAt(MaxCount), Head: Head{Size: MaxCount}}
	}
	mustFrame(t, &Diff{Rung: 3, Entries: entries, Body: make([]byte, 100<<10)})
	mustFrame(t, &Diff{Rung: 2, Body: make([]byte, MaxDiffBody)})
	mustFrame(t, &Events{PageBytes: 4096, Number: 1<<64 - 1, Count: 1, Records: make([]byte, event.MaxRecord), Right: make([]digest.Hash, MaxRight), Head: Head{Size: 1}})
}

func TestBorrowed(t *testing.T) {
	frame := mustFrame(t, &Events{PageBytes: 4096, Count: 1, Records: bytes.Repeat([]byte{1}, 20), Head: Head{Size: 1}})
	m, err := Decode(frame[4:])
	if err != nil {
		t.Fatal(err)
	}
	rec := m.(*Events).Records
	frame[len(frame)-1] = 9
	if rec[19] != 9 {
		t.Error("records were copied")
	}
	if cap(rec) != len(rec) {
		t.Errorf("records have %d bytes of room behind them", cap(rec)-len(rec))
	}
}

func TestReadFrame(t *testing.T) {
	bye := mustFrame(t, &Bye{Code: CodeClosing, Text: "so long"})
	for n := range len(bye) {
		_, err := ReadFrame(bytes.NewReader(bye[:n]), MaxFrame, nil)
		if want := io.ErrUnexpectedEOF; n > 0 && !errors.Is(err, want) || n == 0 && err != io.EOF {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	buf := make([]byte, 0, 64)
	body, err := ReadFrame(bytes.NewReader(bye), MaxFrame, buf)
	if err != nil || &body[0] != &buf[:1][0] {
		t.Errorf("buffer not used: %v", err)
	}
	if _, err = ReadFrame(bytes.NewReader(bye), len(bye)-5, nil); !errors.Is(err, ErrTooLong) {
		t.Errorf("over max: %v", err)
	}
	for _, n := range []byte{0, 1} {
		if _, err = ReadFrame(bytes.NewReader([]byte{0, 0, 0, n, 0x90}), MaxFrame, nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("body of %d: %v", n, err)
		}
	}
	// A long frame of a short type is refused after its first bytes.
	long := append([]byte{0, 0x80, 0, 0, 0x98, byte(TypeHello)}, make([]byte, 6)...)
	r := io.MultiReader(bytes.NewReader(long), neverReader{t})
	if _, err = ReadFrame(r, MaxEventsFrame, nil); !errors.Is(err, ErrTooLong) {
		t.Errorf("long HELLO: %v", err)
	}
	// Two frames in a row, the second through a reader of single bytes.
	two := append(bytes.Clone(bye), bye...)
	src := iotest{bytes.NewReader(two)}
	for range 2 {
		if body, err = ReadFrame(src, MaxFrame, body); err != nil || !bytes.Equal(body, bye[4:]) {
			t.Fatalf("%v, % x", err, body)
		}
	}
	if _, err = ReadFrame(src, MaxFrame, body); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

type neverReader struct{ t *testing.T }

func (r neverReader) Read([]byte) (int, error) {
	r.t.Error("read on after a length over the limit")
	return 0, io.EOF
}

type iotest struct{ r io.Reader }

func (r iotest) Read(b []byte) (int, error) { return r.r.Read(b[:min(1, len(b))]) }

func TestUnknown(t *testing.T) {
	if m, err := Decode([]byte{0x92, 0xcc, 200, 0x91, 0xc0}); err != nil || m.Type() != 200 {
		t.Errorf("optional type: %v, %v", m, err)
	}
	if _, err := Decode([]byte{0x92, 127, 1}); !errors.Is(err, ErrUnknownType) {
		t.Errorf("type 127: %v", err)
	}
	for _, b := range [][]byte{{0x92, 0, 1}, {0x92, 0xcc, 200}, {0x91, 0xcc, 200, 0}, {0x92, 0xcc, 200, 0xc1}, {0x90, 1}} {
		if _, err := Decode(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("% x: %v", b, err)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, typ := range wireTypes {
		if s := typ.String(); seen[s] || strings.HasPrefix(s, "type") {
			t.Errorf("type %d is %q", typ, s)
		}
		seen[typ.String()] = true
	}
	for c := range Code(len(codeNames)) {
		if s := c.String(); s == "" || seen[s] {
			t.Errorf("code %d is %q", c, s)
		}
		seen[c.String()] = true
	}
	if Type(77).String() != "type 77" || Code(999).String() != "code 999" {
		t.Error("names of unknown numbers")
	}
	if got := (&Error{Code: CodeBusy, Text: "a\nb"}).Error(); got != `peer says: busy: "a\nb"` {
		t.Error(got)
	}
}
