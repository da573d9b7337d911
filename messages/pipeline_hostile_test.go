// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/merkleindex"
	"github.com/xaeroflux/xaeroflux/proof"
)

// smallPipeline is one short message of every type, with something in each list.
func smallPipeline() []PipelineMessage {
	hs := newGen(1).hashes
	p := Proven{Head: proof.Head{Size: 99}, Right: hs(1)}
	seals := []Seal{{Page: 1, Pages: 1, First: 8, Count: 2}, {Page: 2, Pages: 3, First: 10, Count: 1}}
	trees := [][]digest.Hash{make([]digest.Hash, 1), nil}
	g := newGen(2)
	return []PipelineMessage{
		&AppendReady{},
		&Append{Create: &NewLog{LogName: identity.LogName{PageBytes: 4096}}, Records: make([]byte, 24), Leaves: make([]digest.Hash, 2), Remote: &p},
		&Append{},
		&Batch{
			First: 8, Leaves: make([]digest.Hash, 3), Records: make([]byte, 36), Seals: seals, Trees: trees,
			Ranges: []merkleindex.Range{g.rangeOf(8, 10), g.rangeOf(10, 11), g.rangeOf(11, 11)}, Remote: &p, Uncommitted: true,
		},
		&Pages{Bytes: make([]byte, 40), Seals: seals, Leaves: make([]digest.Hash, 3), Trees: trees, Proven: p},
		&Sealed{Pages: 5, Size: 50, Remote: &p},
		&Durable{Size: 7}, &Reset{},
	}
}

func TestPipelineTruncatedEverywhere(t *testing.T) {
	for _, m := range smallPipeline() {
		b := mustPipeline(t, m)
		for n := range len(b) {
			if _, err := DecodePipeline(b[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%v cut at %d of %d: %v", m.PipelineType(), n, len(b), err)
			}
		}
		if _, err := DecodePipeline(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v and one byte more: %v", m.PipelineType(), err)
		}
	}
}

// TestPipelineBombs puts each bomb in the place of each value, once as the end
// of the body and once with the rest behind it.
func TestPipelineBombs(t *testing.T) {
	for _, m := range smallPipeline() {
		b := mustPipeline(t, m)
		values(b, 0, func(off int) {
			after := values(b, off, func(int) {})
			for _, bomb := range bombs {
				cut := append(bytes.Clone(b[:off]), bomb...)
				checkPipelineBomb(t, off, cut)
				checkPipelineBomb(t, off, append(bytes.Clone(cut), b[after:]...))
			}
		})
	}
}

func checkPipelineBomb(t *testing.T, off int, b []byte) {
	t.Helper()
	var m PipelineMessage
	var err error
	used := allocated(func() { m, err = DecodePipeline(b) })
	if limit := pipelineCost(len(b)); used > limit {
		t.Errorf("at %d: % x...: %d bytes allocated, limit %d", off, b[off:min(off+5, len(b))], used, limit)
	}
	if err == nil {
		if _, err = AppendPipeline(nil, m); err != nil {
			t.Errorf("at %d: decoded what cannot be encoded: %v", off, err)
		}
		return
	}
	if !typedPipelineError(err) {
		t.Errorf("at %d: untyped error %v", off, err)
	}
}

// pipelineCost bounds what decoding n bytes may allocate. A list costs more in
// memory than in bytes, most for a tree without nodes, whose slice takes 24
// bytes for 2, but never without its seal.
func pipelineCost(n int) uint64 { return uint64(10*n + 8192) }

func typedPipelineError(err error) bool {
	return errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLong) || errors.Is(err, ErrUnknownType)
}

// TestPipelineCostlyLists sends lists as long as their bytes allow, of the
// elements that cost most, and lists that claim to be so.
func TestPipelineCostlyLists(t *testing.T) {
	const n = 60_000
	header := func(n int) []byte { return []byte{0xdd, 0, byte(n >> 16), byte(n >> 8), byte(n)} }
	start := mustPipeline(t, &Batch{})
	start = start[:len(start)-5] // ahead of seals, trees, ranges, remote and uncommitted
	seals := append(append(bytes.Clone(start), header(n)...), bytes.Repeat([]byte{0x94, 0, 1, 0, 1}, n)...)
	trees := append(append(bytes.Clone(seals), header(n)...), bytes.Repeat([]byte{0xc4, 0}, n)...)
	ranges := append(append(bytes.Clone(trees), header(n+1)...), bytes.Repeat([]byte{0x93, 0, 0, 0xc4, 0}, n+1)...)
	for name, b := range map[string][]byte{
		"seals":        append(bytes.Clone(seals), 0x90, 0x90, 0x90, 0xc2),
		"trees":        append(bytes.Clone(trees), 0x90, 0x90, 0xc2),
		"ranges":       append(bytes.Clone(ranges), 0x90, 0xc2),
		"seals claim":  append(append(bytes.Clone(start), header(n)...), make([]byte, 5*n)...),
		"trees claim":  append(append(bytes.Clone(seals), header(n)...), make([]byte, 2*n)...),
		"ranges claim": append(append(bytes.Clone(trees), header(n+1)...), make([]byte, 5*n+5)...),
		"no seals":     append(append(bytes.Clone(start), 0x90), append(header(n), make([]byte, 2*n)...)...),
		"many seals":   append(append(bytes.Clone(start), header(MaxSeals+1)...), make([]byte, 5*MaxSeals+5)...),
	} {
		var err error
		used := allocated(func() { _, err = DecodePipeline(b) })
		if !typedPipelineError(err) {
			t.Errorf("%s: %v", name, err)
		}
		if limit := pipelineCost(len(b)); used > limit {
			t.Errorf("%s: %d bytes cost %d, limit %d", name, len(b), used, limit)
		}
	}
}

// TestPipelineBodyLimits: a body over its type's limit is not looked into.
func TestPipelineBodyLimits(t *testing.T) {
	buf := make([]byte, MaxPipelineBody+1)
	for _, m := range smallPipeline() {
		limit := m.PipelineType().kind().maxBody
		for _, over := range []int{0, 1} {
			at := copy(buf, mustPipeline(t, m))
			buf[0]++ // one more field, to be skipped
			n := limit + over - at - 5
			buf[at] = 0xc6
			binary.BigEndian.PutUint32(buf[at+1:], uint32(n))
			_, err := DecodePipeline(buf[:limit+over])
			if over == 0 && err != nil || over > 0 && !errors.Is(err, ErrTooLong) {
				t.Errorf("%v of limit%+d: %v", m.PipelineType(), over, err)
			}
		}
	}
}

func TestPipelineUnknown(t *testing.T) {
	for _, b := range [][]byte{{0x91, 1}, {0x91, 0xcd, 0xff, 0xff}, {0x91, 0xce, 0, 1, 0, 7}, {0x91, 0xce, 0xff, 0xff, 0xff, 0xff}} {
		if m, err := DecodePipeline(b); m != nil || !errors.Is(err, ErrUnknownType) {
			t.Errorf("% x: %v, %v", b, m, err)
		}
	}
	for _, b := range [][]byte{nil, {0x90}, {0xc0}, {0x91, 0xc0}, {0x91, 0xcf, 0, 0, 0, 1, 0, 1, 0, 0}, {0x91, 0xce, 0, 1, 0, 6}} {
		if m, err := DecodePipeline(b); m != nil || !errors.Is(err, ErrMalformed) {
			t.Errorf("% x: %v, %v", b, m, err)
		}
	}
}

func FuzzDecodePipeline(f *testing.F) {
	for _, m := range smallPipeline() {
		f.Add(mustPipeline(f, m))
	}
	for _, m := range small() {
		f.Add(mustFrame(f, m)[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodePipeline(b)
		if err != nil {
			if m != nil || !typedPipelineError(err) {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		if wire, err := Decode(b); err == nil {
			t.Fatalf("%v is %v on the wire", m.PipelineType(), wire.Type())
		}
		again, err := AppendPipeline(nil, m)
		if err != nil {
			t.Fatalf("decoded, but not encoded: %v", err)
		}
		if m2, err := DecodePipeline(again); err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("again: %v\n%+v\n%+v", err, m, m2)
		}
	})
}
