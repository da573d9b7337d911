// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/xaeroflux/xaeroflux/identity"
)

// bombs are a few bytes that claim a lot, or that nest deeply.
var bombs = [][]byte{
	{0xdd, 0xff, 0xff, 0xff, 0xff}, // array32
	{0xdc, 0xff, 0xff},             // array16
	{0xdf, 0xff, 0xff, 0xff, 0xff}, // map32
	{0xde, 0xff, 0xff},             // map16
	{0xc6, 0xff, 0xff, 0xff, 0xff}, // bin32
	{0xc5, 0xff, 0xff},             // bin16
	{0xdb, 0xff, 0xff, 0xff, 0xff}, // str32
	{0xc9, 0xff, 0xff, 0xff, 0xff}, // ext32
	{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	{0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	{0xc0}, {0xc1},
	bytes.Repeat([]byte{0x91}, 1<<12),
	bytes.Repeat([]byte{0x81}, 1<<12),
}

// small returns one short message of every type, with something in each list.
func small() []Message {
	h := Head{Size: 9}
	hs := newGen(1).hashes(1)
	return []Message{
		&Hello{Caps: []Capability{{Name: CapSync}, {Name: "x", Param: []byte{1}}}, More: true, Offers: []Offer{{}, {Mark: [16]byte{1}}}},
		&Topics{Answers: 1, Offers: make([]Offer, 2)}, &Leave{}, &Certificate{Sealed: []byte{1}},
		&Ping{Padding: make([]byte, 3)}, &Pong{}, &Open{Capability: "x", Param: []byte{1}}, &Presence{Capability: "x", Data: []byte{1}},
		&Peaks{}, &Peaks{Roster: identity.Position{Size: 1}},
		&Diff{Rung: RungFrontier, Body: []byte{1}, Entries: []LogState{{PageBytes: 4096}, {PageBytes: 4096, Kind: 1, Number: 1 << 32, End: EndsAt(3)}}},
		&PageRequest{}, &PageResponse{Count: 1, PageBytes: 4096, EndSeq: 9, Head: h, Right: hs, Images: []RunImage{{Pages: 1, Bytes: 99}}},
		&Events{PageBytes: 4096, Count: 1, Records: make([]byte, 20), Head: h, Right: hs},
		&ProofRequest{}, &ProofResponse{Head: h, Hashes: hs, Leaf: []byte{1}},
		&SyncDone{}, &Peers{Addresses: []string{"a", "b"}}, &Error{Text: "e"}, &Bye{Text: "b"},
		&RangeRequest{To: 1}, &RangeResponse{PageBytes: 4096, Count: 1, Records: make([]byte, 20), Head: h, Left: hs, Right: hs},
		&Unknown{Number: 1000},
	}
}

// values returns where each msgpack value of b begins: the naive twin of skip,
// recursive, for bytes known to be good.
func values(b []byte, off int, visit func(off int)) (end int) {
	visit(off)
	c, be := b[off], func(n int) int {
		var w [8]byte
		copy(w[8-n:], b[off+1:off+1+n])
		return int(binary.BigEndian.Uint64(w[:]))
	}
	inner := func(at, n int) int {
		for range n {
			at = values(b, at, visit)
		}
		return at
	}
	switch {
	case c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		return off + 1
	case c < 0x90:
		return inner(off+1, 2*int(c&15))
	case c < 0xa0:
		return inner(off+1, int(c&15))
	case c < 0xc0:
		return off + 1 + int(c&31)
	}
	switch c {
	case 0xc4, 0xd9:
		return off + 2 + be(1)
	case 0xc5, 0xda:
		return off + 3 + be(2)
	case 0xc6, 0xdb:
		return off + 5 + be(4)
	case 0xc7:
		return off + 3 + be(1)
	case 0xcc, 0xd0:
		return off + 2
	case 0xcd, 0xd1:
		return off + 3
	case 0xca, 0xce, 0xd2:
		return off + 5
	case 0xcb, 0xcf, 0xd3:
		return off + 9
	case 0xdc:
		return inner(off+3, be(2))
	case 0xdd:
		return inner(off+5, be(4))
	case 0xde:
		return inner(off+3, 2*be(2))
	}
	panic("value the tests do not use")
}

func TestTruncatedEverywhere(t *testing.T) {
	for _, m := range small() {
		body := mustFrame(t, m)[4:]
		for n := range len(body) {
			if _, err := Decode(body[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%v cut at %d of %d: %v", m.Type(), n, len(body), err)
			}
		}
		if _, err := Decode(append(body, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v and one byte more: %v", m.Type(), err)
		}
	}
}

// TestBombs replaces each value with each bomb, once as the end of the
// body and once with the rest behind it, and bounds what decoding allocates.
func TestBombs(t *testing.T) {
	for _, m := range small() {
		body := mustFrame(t, m)[4:]
		values(body, 0, func(off int) {
			after := values(body, off, func(int) {})
			for _, bomb := range bombs {
				cut := append(bytes.Clone(body[:off]), bomb...)
				whole := append(bytes.Clone(cut), body[after:]...)
				for _, b := range [][]byte{cut, whole} {
					checkBomb(t, m.Type(), off, b)
				}
			}
		})
	}
}

func checkBomb(t *testing.T, typ Type, off int, body []byte) {
	t.Helper()
	var m Message
	var err error
	used := allocated(func() { m, err = Decode(body) })
	if limit := uint64(2*len(body) + 4096); used > limit {
		t.Errorf("%v at %d: % x...: %d bytes allocated, limit %d", typ, off, body[off:min(off+5, len(body))], used, limit)
	}
	if err == nil {
		// A bomb may happen to be a legal value: then it must read back.
		if _, err = AppendFrame(nil, m); err != nil {
			t.Errorf("%v at %d: decoded what cannot be encoded: %v", typ, off, err)
		}
		return
	}
	if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrUnknownType) {
		t.Errorf("%v at %d: untyped error %v", typ, off, err)
	}
}

// allocated returns the bytes that f allocates. The counter is the whole
// process's, so the least of three runs counts.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestNesting sends a million nested arrays as a field to be skipped.
func TestNesting(t *testing.T) {
	for _, c := range []byte{0x91, 0x81} {
		body := []byte{0x94, byte(TypeBye), 0, 0xa0}
		body = append(body, bytes.Repeat([]byte{c}, 1_000_000)...)
		if used := allocated(func() {
			if _, err := Decode(body); !errors.Is(err, ErrTooLong) {
				t.Errorf("%#x: %v", c, err)
			}
		}); used > 4096 {
			t.Errorf("%d bytes allocated", used)
		}
	}
	// One level less than the limit passes.
	body := append([]byte{0x94, byte(TypeBye), 0, 0xa0}, bytes.Repeat([]byte{0x91}, maxDepth-1)...)
	if _, err := Decode(append(body, 1)); err != nil {
		t.Errorf("depth %d: %v", maxDepth-1, err)
	}
	if _, err := Decode(append(body, 0x91, 1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("depth %d: %v", maxDepth, err)
	}
}

// TestAnnouncedLength: a frame that claims 17 MiB and sends little costs little.
func TestAnnouncedLength(t *testing.T) {
	for _, sent := range []int{8, 1000, 200_000} {
		head := binary.BigEndian.AppendUint32(nil, MaxEventsFrame)
		frame := append(append(head, 0x9a, byte(TypeEvents)), make([]byte, sent)...)
		var err error
		used := allocated(func() { _, err = ReadFrame(bytes.NewReader(frame), MaxEventsFrame, nil) })
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", sent, err)
		}
		if limit := uint64(4*sent + 2*growBytes + 4096); used > limit {
			t.Errorf("%d bytes sent, %d allocated, limit %d", sent, used, limit)
		}
	}
}

// TestSkipLikeNaive compares skip with its recursive twin.
func TestSkipLikeNaive(t *testing.T) {
	for seed := range uint64(2000) {
		b := newGen(seed).value(nil, 0)
		end := values(b, 0, func(int) {})
		r := reader{b: append(b, 0xc1)}
		r.skip("value", 1)
		if r.err != nil || r.off != end || end != len(b) {
			t.Fatalf("seed %d: % x: skipped %d, naive %d, length %d: %v", seed, b, r.off, end, len(b), r.err)
		}
	}
}

// value appends a random msgpack value.
func (g gen) value(b []byte, depth int) []byte {
	n := g.IntN(4)
	kind := g.IntN(12)
	if depth > 6 {
		kind %= 8
	}
	switch kind {
	case 0:
		return append(b, byte(g.IntN(128)))
	case 1:
		return append(b, 0xcd, 1, 2)
	case 2:
		return append(b, 0xcb, 1, 2, 3, 4, 5, 6, 7, 8)
	case 3:
		return append(append(b, 0xa0|byte(n)), "abc"[:n]...)
	case 4:
		return append(append(b, 0xc5, 0, byte(n)), 1, 2, 3)[:len(b)+3+n]
	case 5:
		return append(append(b, 0xc7, byte(n), 3), 1, 2, 3)[:len(b)+3+n]
	case 6:
		return append(b, 0xc0+byte(2*(n&1)))
	case 7:
		return append(b, 0xff)
	case 8, 9:
		b = append(b, 0xdc, 0, byte(n))
	case 10:
		b = append(b, 0x90|byte(n))
	default:
		b, n = append(b, 0x80|byte(n)), 2*n
	}
	for range n {
		b = g.value(b, depth+1)
	}
	return b
}
