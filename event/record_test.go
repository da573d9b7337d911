// SPDX-License-Identifier: MPL-2.0

package event

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/race"
)

func sample() Event { return Event{Type: "note", Key: []byte("k1"), Payload: []byte("hello, world")} }

func record(t testing.TB, e Event, ms int64, flags uint8) []byte {
	t.Helper()
	b, err := AppendRecord(nil, e, ms, flags)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoundTripAtEveryLimit(t *testing.T) {
	for _, typeLen := range []int{0, 1, MaxType} {
		for _, keyLen := range []int{0, 1, 63, 64, MaxKey} {
			for _, payloadLen := range []int{0, 1, 31, 32, 33, 1 << 16} {
				for _, ms := range []int64{0, 1, MaxTime} {
					e := Event{Type: strings.Repeat("t", typeLen), Key: bytes.Repeat([]byte{0xfe}, keyLen), Payload: bytes.Repeat([]byte{7}, payloadLen)}
					checkRoundTrip(t, e, ms, 0)
				}
			}
		}
	}
	for _, flags := range []uint8{0, FlagSealedPayload, FlagSealedHeader, FlagSealedPayload | FlagSealedHeader} {
		checkRoundTrip(t, sample(), 5, flags)
	}
	checkRoundTrip(t, Event{Payload: make([]byte, MaxPayload)}, 1, 0)
	checkRoundTrip(t, Event{Payload: make([]byte, MaxSealed)}, 1, FlagSealedPayload)
	checkRoundTrip(t, Event{Payload: make([]byte, SaltBytes+MaxPayload)}, 1, FlagSalted)
	for _, refs := range [][]Ref{nil, {{Size: 1}}, {{Size: 127}, {[8]byte{1}, 128}}, manyRefs(MaxRefs, maxSeen)} {
		for _, id := range []ID{{}, {1}, {15: 1}} {
			for _, flags := range []uint8{0, FlagSealedPayload, FlagSalted} {
				checkRoundTrip(t, Event{Type: "t", Key: []byte("k"), Payload: make([]byte, 20), Refs: refs, ID: id}, 9, flags)
			}
		}
	}
}

// manyRefs returns n refs to logs of rising ids.
func manyRefs(n int, size uint64) (refs []Ref) {
	for i := range n {
		refs = append(refs, Ref{[8]byte{0: byte(i), 7: 1}, size})
	}
	return refs
}

func checkRoundTrip(t *testing.T, e Event, ms int64, flags uint8) {
	t.Helper()
	b := record(t, e, ms, flags)
	if len(b) != e.RecordLen() {
		t.Fatalf("record of %d bytes, RecordLen says %d", len(b), e.RecordLen())
	}
	r, n, err := DecodeRecord(append(b, "behind it"...))
	if err != nil || n != len(b) {
		t.Fatalf("%d bytes of %d: %v", n, len(b), err)
	}
	if string(r.Type) != e.Type || !bytes.Equal(r.Key, e.Key) || !bytes.Equal(r.Payload, e.Payload) ||
		r.Time != ms || TimeOf(b) != ms || r.Flags != flags|e.flags() || !slices.Equal(r.Refs(), e.Refs) || r.ID() != e.ID || r.PayloadLen() != len(e.Payload) || r.Erased() {
		t.Fatalf("decoded %+v", r)
	}
	if leaf, err := e.LeafHash(ms, flags); err != nil || leaf != r.LeafHash() {
		t.Fatalf("the event's leaf hash is %v (%v), the record's %v", leaf, err, r.LeafHash())
	}
	checkErased(t, &r)
}

// checkErased checks that erasing changes neither leaf nor hash.
func checkErased(t *testing.T, r *Record) {
	t.Helper()
	b := r.AppendErased(nil)
	e, n, err := DecodeRecord(b)
	if err != nil || n != len(b) || !e.Erased() || e.Payload != nil {
		t.Fatalf("erased: %+v, %d of %d, %v", e, n, len(b), err)
	}
	if !bytes.Equal(e.AppendLeaf(nil), r.AppendLeaf(nil)) || e.LeafHash() != r.LeafHash() || e.PayloadLen() != r.PayloadLen() {
		t.Errorf("erasing changed the leaf of %+v", r)
	}
	if again := e.AppendErased(nil); !bytes.Equal(again, b) {
		t.Error("erasing twice is not erasing once")
	}
	checkLeaf(t, r)
}

// checkLeaf checks that leaf data says what the record does.
func checkLeaf(t *testing.T, r *Record) {
	t.Helper()
	data := r.AppendLeaf(nil)
	l, err := DecodeLeaf(data)
	if err != nil {
		t.Fatal(err)
	}
	if l.Flags != r.Flags&^FlagErased || l.Time != r.Time || !bytes.Equal(l.Type, r.Type) || !bytes.Equal(l.Key, r.Key) ||
		l.PayloadLen != r.PayloadLen() || l.PayloadHash != r.PayloadHash() || !slices.Equal(l.Refs(), r.Refs()) || l.ID() != r.ID() {
		t.Errorf("leaf %+v of %+v", l, r)
	}
	if digest.Leaf(data) != r.LeafHash() {
		t.Error("LeafHash is not the hash of the leaf data")
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		e     Event
		ms    int64
		flags uint8
		want  error
	}{
		"long type":       {Event{Type: strings.Repeat("t", MaxType+1)}, 0, 0, ErrTooLarge},
		"long key":        {Event{Key: make([]byte, MaxKey+1)}, 0, 0, ErrTooLarge},
		"long payload":    {Event{Payload: make([]byte, MaxPayload+1)}, 0, 0, ErrTooLarge},
		"before 1970":     {sample(), -1, 0, ErrTime},
		"far future":      {sample(), MaxTime + 1, 0, ErrTime},
		"end of time":     {sample(), math.MaxInt64, 0, ErrTime},
		"erased":          {sample(), 0, FlagErased, ErrFlags},
		"unknown flag":    {sample(), 0, FlagUnknown, ErrFlags},
		"refs by flag":    {sample(), 0, FlagRefs, ErrFlags},
		"id by flag":      {sample(), 0, FlagID, ErrFlags},
		"no room for it":  {sample(), 0, 1 << 7, ErrFlags},
		"salt too short":  {Event{Payload: make([]byte, SaltBytes-1)}, 0, FlagSalted, ErrFlags},
		"long salted":     {Event{Payload: make([]byte, MaxPayload+SaltBytes+1)}, 0, FlagSalted, ErrTooLarge},
		"long sealed":     {Event{Payload: make([]byte, MaxSealed+1)}, 0, FlagSealedPayload, ErrTooLarge},
		"too many refs":   {Event{Refs: manyRefs(MaxRefs+1, 1)}, 0, 0, ErrRefs},
		"ref to nothing":  {Event{Refs: []Ref{{}}}, 0, 0, ErrRefs},
		"ref too far":     {Event{Refs: []Ref{{Size: maxSeen + 1}}}, 0, 0, ErrRefs},
		"refs falling":    {Event{Refs: []Ref{{[8]byte{1}, 1}, {[8]byte{0}, 1}}}, 0, 0, ErrRefs},
		"refs repeated":   {Event{Refs: []Ref{{[8]byte{1}, 1}, {[8]byte{1}, 1}}}, 0, 0, ErrRefs},
		"one good of two": {sample(), 0, FlagSealedPayload | 1<<6, ErrFlags},
	} {
		dst := []byte("before")
		b, err := AppendRecord(dst, c.e, c.ms, c.flags)
		if !errors.Is(err, c.want) || string(b) != "before" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if _, err := c.e.LeafHash(c.ms, c.flags); !errors.Is(err, c.want) {
			t.Errorf("%s: its leaf: %v", name, err)
		}
	}
}

func TestReservedTypes(t *testing.T) {
	for typ, reserved := range map[string]bool{"": false, "xf": false, "xf/": true, "xf/ask": true, "XF/ask": false, "x/f/": false, " xf/": false} {
		e := Event{Type: typ}
		if err := e.CheckType(); errors.Is(err, ErrReserved) != reserved || (err != nil) != reserved {
			t.Errorf("%q: %v", typ, err)
		}
		if _, err := AppendRecord(nil, e, 1, 0); err != nil {
			t.Errorf("the engine cannot write %q: %v", typ, err)
		}
	}
}

func TestSetTime(t *testing.T) {
	for _, e := range []Event{sample(), {Type: "t", Refs: manyRefs(2, 300), ID: ID{3}}} {
		b := record(t, e, 1, 0)
		SetTime(b, MaxTime-1)
		if !bytes.Equal(b, record(t, e, MaxTime-1, 0)) {
			t.Errorf("%x", b)
		}
	}
}

func TestContentIsWithoutSalt(t *testing.T) {
	b := record(t, Event{Payload: Salted([SaltBytes]byte{9}, []byte("hello"))}, 1, FlagSalted)
	r, _, err := DecodeRecord(b)
	if err != nil || string(r.Content()) != "hello" || len(r.Payload) != SaltBytes+5 || r.PayloadHash() != digest.Sum(r.Payload) {
		t.Fatalf("%+v, %v", r, err)
	}
	e, _, err := DecodeRecord(r.AppendErased(nil))
	if err != nil || len(e.Content()) != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	b := record(t, sample(), 1, 0)
	r, _, err := DecodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	two, err := AppendRecord(append([]byte(nil), b...), sample(), 1, 0)
	if err != nil || !bytes.Equal(two, append(append([]byte(nil), b...), b...)) {
		t.Errorf("%x, %v", two, err)
	}
	if got := r.AppendLeaf([]byte("x")); got[0] != 'x' || !bytes.Equal(got[1:], r.AppendLeaf(nil)) {
		t.Errorf("%x", got)
	}
}

// Every cut of a record is an error, and nothing past its end is looked at.
func TestTruncated(t *testing.T) {
	whole := record(t, sample(), 1, 0)
	erased, _, _ := DecodeRecord(whole)
	more := Event{Type: "t", Payload: []byte("hello"), Refs: manyRefs(3, 1<<20), ID: ID{1}}
	for _, b := range [][]byte{whole, erased.AppendErased(nil), record(t, more, 1, 0)} {
		prefix := HeaderBytes
		if r, _, _ := DecodeRecord(b); len(r.extra) > 0 {
			prefix += len(r.extra) - IDBytes
		}
		for n := range b {
			if _, _, err := DecodeRecord(b[:n:n]); !errors.Is(err, ErrRecord) {
				t.Errorf("%d of %d bytes: %v", n, len(b), err)
			}
			if got, err := RecordLen(b[:n:n]); n >= prefix && (err != nil || got != len(b)) || n < prefix && !errors.Is(err, ErrRecord) {
				t.Errorf("RecordLen of %d bytes: %d, %v", n, got, err)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, payload := range []uint32{MaxSealed + 1, 1<<25 - 1} {
		b := []byte{byte(payload), byte(payload >> 8), byte(payload >> 16), byte(payload >> 24), 0, 0, 0, 0, 0, 0, 0, 0}
		if _, err := RecordLen(b); !errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), "limit") {
			t.Errorf("payload of %d bytes: %v", payload, err)
		}
	}
}

// A slice of a decoded record cannot be appended into its neighbour.
func TestSlicesAreCapped(t *testing.T) {
	b := record(t, sample(), 1, 0)
	keep := bytes.Clone(b)
	r, _, err := DecodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := DecodeLeaf(r.AppendLeaf(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][]byte{r.Type, r.Key, r.Payload, l.Type, l.Key} {
		_ = append(s, 0xff)
	}
	if !bytes.Equal(b, keep) || string(l.Key) != "k1" {
		t.Error("appending to a field changed the next one")
	}
}

func TestLeafHashAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes sync.Pool forget: make norace runs it")
	}
	b := record(t, sample(), 1, 0)
	if n := testing.AllocsPerRun(100, func() {
		r, _, _ := DecodeRecord(b)
		r.LeafHash()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What the pipeline does for each event before it is a node: write the record,
// decode it where it lies, hash its leaf.
func BenchmarkAppendAndLeafHash(b *testing.B) {
	for _, size := range []int{0, 64, 256, 4096} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			e := Event{Type: "note", Key: []byte("k"), Payload: make([]byte, size)}
			buf := make([]byte, 0, e.RecordLen())
			b.SetBytes(int64(e.RecordLen()))
			b.ReportAllocs()
			for b.Loop() {
				rec, err := AppendRecord(buf, e, 1, 0)
				if err != nil {
					b.Fatal(err)
				}
				r, _, _ := DecodeRecord(rec)
				r.LeafHash()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(e.RecordLen()), "bytes/event")
		})
	}
}

func BenchmarkLeafHash256(b *testing.B) {
	rec := record(b, Event{Type: "note", Payload: make([]byte, 256)}, 1, 0)
	b.ReportAllocs()
	for b.Loop() {
		r, _, _ := DecodeRecord(rec)
		r.LeafHash()
	}
}
