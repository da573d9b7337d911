// SPDX-License-Identifier: MPL-2.0

package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

type ref struct {
	id   uint64 // big-endian, so that it sorts as bytes do
	seen uint64
}

func encodeRefs(refs ...ref) []byte {
	b := []byte{byte(len(refs))}
	for _, r := range refs {
		b = binary.BigEndian.AppendUint64(b, r.id)
		b = binary.AppendUvarint(b, r.seen)
	}
	return b
}

// twinCutRefs writes again what it reads, and compares.
func twinCutRefs(b []byte, own uint64) (n int, ok bool) {
	if len(b) == 0 || b[0] < 1 || b[0] > 16 {
		return 0, false
	}
	var refs []ref
	r := bytes.NewReader(b[1:])
	for range b[0] {
		var id [8]byte
		if m, _ := r.Read(id[:]); m < 8 {
			return 0, false
		}
		seen, err := binary.ReadUvarint(r)
		if err != nil || seen < 1 || seen >= 1<<48 {
			return 0, false
		}
		refs = append(refs, ref{binary.BigEndian.Uint64(id[:]), seen})
	}
	for i, x := range refs {
		if x.id == own || i > 0 && x.id <= refs[i-1].id {
			return 0, false
		}
	}
	again := encodeRefs(refs...)
	return len(again), bytes.HasPrefix(b, again)
}

func sixteen() (refs []ref) {
	for i := range uint64(16) {
		refs = append(refs, ref{i << 60, 1<<48 - 1 - i})
	}
	return refs
}

func TestRefs(t *testing.T) {
	own := [8]byte{0, 0, 0, 0, 0, 0, 0, 9}
	for name, b := range map[string][]byte{
		"one":      encodeRefs(ref{1, 1}),
		"id 0":     encodeRefs(ref{0, 1}),
		"two":      encodeRefs(ref{1, 127}, ref{2, 128}),
		"as bytes": encodeRefs(ref{0xff, 1}, ref{0x0100, 1}),
		"all":      encodeRefs(sixteen()...),
	} {
		refs, rest, err := cutRefs(append(bytes.Clone(b), 7), own)
		if err != nil || !bytes.Equal(refs, b) || !bytes.Equal(rest, []byte{7}) {
			t.Errorf("%s: %x, %x, %v", name, refs, rest, err)
		}
	}
	if n := len(encodeRefs(sixteen()...)); n != maxRefBytes {
		t.Errorf("the longest refs have %d bytes, want %d", n, maxRefBytes)
	}
	long := slices.Concat([]byte{1}, make([]byte, 8))
	for name, b := range map[string][]byte{
		"nothing":        {},
		"none":           {0},
		"seventeen":      encodeRefs(append(sixteen(), ref{1<<64 - 1, 1})...),
		"same twice":     encodeRefs(ref{1, 1}, ref{1, 2}),
		"falling":        encodeRefs(ref{2, 1}, ref{1, 1}),
		"own log":        encodeRefs(ref{9, 1}),
		"size 0":         encodeRefs(ref{1, 0}),
		"size too large": encodeRefs(ref{1, 1 << 48}),
		"longer size":    append(bytes.Clone(long), 0x81, 0),
		"zero, longer":   append(bytes.Clone(long), 0x80, 0),
		"no size":        long,
		"half a size":    append(bytes.Clone(long), 0x80),
		"overflow":       append(bytes.Clone(long), bytes.Repeat([]byte{0xff}, 12)...),
		"half an id":     {1, 0, 0},
		"one missing":    append([]byte{2}, encodeRefs(ref{1, 1})[1:]...),
	} {
		if refs, _, err := cutRefs(b, own); !errors.Is(err, ErrRefs) {
			t.Errorf("%s: %x, %v", name, refs, err)
		}
	}
}

func FuzzRefs(f *testing.F) {
	f.Add(encodeRefs(ref{1, 1}, ref{2, 1 << 40}), uint64(3))
	f.Add(encodeRefs(sixteen()...), uint64(0))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0}, uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, own uint64) {
		refs, rest, err := cutRefs(b, [8]byte(binary.BigEndian.AppendUint64(nil, own)))
		n, ok := twinCutRefs(b, own)
		if ok != (err == nil) || ok && (n != len(refs) || len(refs)+len(rest) != len(b)) {
			t.Errorf("%x of %x, %v; the twin has %d bytes, %v", refs, b, err, n, ok)
		}
	})
}
