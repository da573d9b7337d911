// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// naiveImage writes an image as the table says, event by event: what becomes of
// each is in fates, and the hash of a node is computed from all its leaves.
func naiveImage(t testing.TB, h PageHeader, records [][]byte, fates []erasing) []byte {
	t.Helper()
	var items []byte
	for i := 0; i < len(records); {
		n := i
		for n < len(records) && (fates[n] == eraseAll) == (fates[i] == eraseAll) {
			n++
		}
		items = append(items, 1, 0, byte(n-i), byte((n-i)>>8))
		if fates[i] == eraseAll {
			items[len(items)-4] = 2
			for _, id := range merkleindex.RangeNodes(h.First+uint64(i), h.First+uint64(n)) {
				root := naiveNode(t, id, h.First, records)
				items = append(items, root[:]...)
			}
			i = n
			continue
		}
		for ; i < n; i++ {
			r, _, err := event.DecodeRecord(records[i])
			if err != nil {
				t.Fatal(err)
			}
			if fates[i] == keep {
				items = append(items, records[i]...)
			} else {
				items = r.AppendErased(items)
			}
		}
	}
	b := make([]byte, 32, 32+len(items))
	b[4], b[5] = 1, 4
	binary.LittleEndian.PutUint16(b[6:], uint16(len(records)))
	binary.LittleEndian.PutUint64(b[8:], h.First)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(items)))
	binary.LittleEndian.PutUint32(b[20:], uint32(h.Span))
	binary.LittleEndian.PutUint64(b[24:], h.Index)
	b = append(b, items...)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func naiveNode(t testing.TB, id merkleindex.NodeID, first uint64, records [][]byte) digest.Hash {
	if id.Level == 0 {
		r, _, err := event.DecodeRecord(records[id.Index-first])
		if err != nil {
			t.Fatal(err)
		}
		return r.LeafHash()
	}
	left := merkleindex.NodeID{Level: id.Level - 1, Index: 2 * id.Index}
	right := merkleindex.NodeID{Level: id.Level - 1, Index: 2*id.Index + 1}
	return digest.Node(naiveNode(t, left, first, records), naiveNode(t, right, first, records))
}

// randomFates decides at random, in runs, and at least one event goes.
func randomFates(rnd *rand.Rand, n int) []erasing {
	fates := make([]erasing, n)
	for i := 0; i < n; {
		e, run := erasing(rnd.IntN(3)), 1+rnd.IntN(6)
		for ; i < n && run > 0; i, run = i+1, run-1 {
			fates[i] = e
		}
	}
	if !slices.ContainsFunc(fates, func(e erasing) bool { return e != keep }) {
		fates[rnd.IntN(n)] = 1 + erasing(rnd.IntN(2))
	}
	return fates
}

// erasures lists the fates of a page that begins with event first.
func erasures(first uint64, fates []erasing) (list []Erasure) {
	for i, e := range fates {
		if e != keep {
			list = append(list, Erasure{First: first + uint64(i), End: first + uint64(i) + 1, Wholly: e == eraseAll})
		}
	}
	return list
}

func TestImageIsTheNaiveOne(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for n := 1; n <= 64; n++ {
		for range 6 {
			h := PageHeader{First: rnd.Uint64N(1<<40) >> rnd.IntN(41), Index: rnd.Uint64N(1 << 30), Span: 1, Kind: KindRecords}
			records := make([][]byte, n)
			var items []Item
			for i := range records {
				records[i] = record(t, rnd, rnd.IntN(40))
				items = append(items, Item{First: h.First + uint64(i), Count: 1, Records: records[i]})
			}
			fates := randomFates(rnd, n)
			out, changed, err := eraseItems(items, erasures(h.First, fates))
			if err != nil || !changed {
				t.Fatalf("%v, %v", changed, err)
			}
			got, err := AppendImage([]byte("xx"), h, MinPageBytes, out)
			if err != nil {
				t.Fatal(err)
			}
			if want := naiveImage(t, h, records, fates); !bytes.Equal(got[2:], want) {
				t.Fatalf("%d events from %d: image\n%x, want\n%x", n, h.First, got[2:], want)
			}
			checkImage(t, got[2:], h, records, fates)
		}
	}
}

// checkImage reads an image and holds its tree against that of all its events.
func checkImage(t *testing.T, image []byte, h PageHeader, records [][]byte, fates []erasing) {
	t.Helper()
	got, err := ParseImage(image, MinPageBytes)
	if err != nil || got.First != h.First || got.Count != len(records) || got.Index != h.Index {
		t.Fatalf("%+v, %v", got, err)
	}
	whole := merkleindex.NewBuilder(h.First)
	for _, r := range records {
		rec, _, _ := event.DecodeRecord(r)
		whole.Append(rec.LeafHash())
	}
	tree, err := got.TreeOf(image)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tree.Range().Hashes, whole.Range().Hashes) {
		t.Fatal("the image has another compact range than the page")
	}
	want := whole.Nodes(nil)
	for i, n := range tree.Nodes(nil) {
		if n != want[i] && n != (digest.Hash{}) {
			t.Fatalf("node %d is another one", i)
		}
	}
	again, changed, err := eraseItems(mustItems(t, got, image), erasures(h.First, fates))
	if err != nil || changed {
		t.Fatalf("erasing again: changed %v, %v", changed, err)
	}
	same, err := AppendImage(nil, got, MinPageBytes, again)
	if err != nil || !bytes.Equal(same, image) {
		t.Fatalf("written again it is another image, %v", err)
	}
}

func mustItems(t *testing.T, h PageHeader, b []byte) (items []Item) {
	t.Helper()
	if err := h.EachItem(b, func(it Item) error { items = append(items, it); return nil }); err != nil {
		t.Fatal(err)
	}
	return items
}

// resealed gives changed bytes a checksum and a length that fit.
func resealed(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[16:], uint32(len(b)-PageHeaderBytes))
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func TestParseImageIsStrict(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 5))
	r0, r1, big := record(t, rnd, 50), record(t, rnd, 60), record(t, rnd, 9000)
	page := PageHeader{First: 10, Index: 3, Span: 1}
	good := naiveImage(t, page, [][]byte{r0, r1, r0}, []erasing{keep, eraseData, eraseAll})
	group := naiveImage(t, PageHeader{First: 10, Index: 3, Span: 3}, [][]byte{big}, []erasing{eraseData})
	gone := naiveImage(t, PageHeader{First: 10, Index: 3, Span: 3}, [][]byte{big}, []erasing{eraseAll})
	for _, b := range [][]byte{good, group, gone} {
		if _, err := ParseImage(b, MinPageBytes); err != nil {
			t.Fatal(err)
		}
	}
	bad := map[string][]byte{
		"nothing erased":     naiveImage(t, page, [][]byte{r0, r1}, []erasing{keep, keep}),
		"a group's record":   naiveImage(t, page, [][]byte{big}, []erasing{eraseData}),
		"two of a group":     naiveImage(t, PageHeader{First: 10, Span: 2}, [][]byte{r0, r1}, []erasing{eraseData, keep}),
		"a small group":      naiveImage(t, PageHeader{First: 10, Span: 2}, [][]byte{r0}, []erasing{eraseData}),
		"another group":      naiveImage(t, PageHeader{First: 10, Span: 4}, [][]byte{big}, []erasing{eraseData}),
		"a huge group":       naiveImage(t, PageHeader{First: 10, Span: 5000}, [][]byte{big}, []erasing{eraseAll}),
		"no pages":           naiveImage(t, PageHeader{First: 10}, [][]byte{r0}, []erasing{eraseAll}),
		"no events":          resealed(append([]byte{0, 0, 0, 0, 1, 4}, make([]byte, 34)...)),
		"sequences past 2⁶²": naiveImage(t, PageHeader{First: merkleindex.MaxSize, Span: 1}, [][]byte{}, nil),
	}
	change := func(what string, fn func(b []byte) []byte) { bad[what] = resealed(fn(slices.Clone(good))) }
	change("version", func(b []byte) []byte { b[4] = 2; return b })
	change("kind", func(b []byte) []byte { b[5] = 1; return b })
	change("more events", func(b []byte) []byte { b[6]++; return b })
	change("fewer events", func(b []byte) []byte { b[6]--; return b })
	change("item kind", func(b []byte) []byte { b[32] = 3; return b })
	change("item reserved", func(b []byte) []byte { b[33] = 1; return b })
	change("item of none", func(b []byte) []byte { b[34] = 0; return b })
	change("cut", func(b []byte) []byte { return b[:len(b)-1] })
	change("trailing", func(b []byte) []byte { return append(b, 0) })
	change("two of a kind", func([]byte) []byte {
		b := naiveImage(t, page, [][]byte{r0}, []erasing{eraseAll})
		more := naiveImage(t, PageHeader{First: 11, Span: 1}, [][]byte{r1}, []erasing{eraseAll})
		b[6] = 2
		return append(b, more[32:]...)
	})
	bad["checksum"] = append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1)
	bad["long"] = resealed(make([]byte, 4*MinPageBytes))
	bad["short"] = good[:20]
	for what, b := range bad {
		if h, err := ParseImage(b, MinPageBytes); !errors.Is(err, ErrPage) {
			t.Errorf("%s: %+v, %v", what, h, err)
		}
	}
	if _, err := ParsePage(resealed(append(slices.Clone(good), make([]byte, MinPageBytes-len(good))...))); !errors.Is(err, ErrPage) {
		t.Errorf("an image passed for a page: %v", err)
	}
}

// FuzzParseImage gives any bytes a true checksum: what passes is written again
// to the byte, by the codec and by the items that are read from it.
func FuzzParseImage(f *testing.F) {
	rnd := rand.New(rand.NewPCG(4, 6))
	r0, big := record(f, rnd, 50), record(f, rnd, 9000)
	f.Add(naiveImage(f, PageHeader{First: 5, Index: 1, Span: 1}, [][]byte{r0, r0, r0, r0}, []erasing{keep, eraseData, eraseAll, eraseAll}))
	f.Add(naiveImage(f, PageHeader{First: 5, Span: 3}, [][]byte{big}, []erasing{eraseData}))
	f.Add(naiveImage(f, PageHeader{First: 5, Span: 3}, [][]byte{big}, []erasing{eraseAll}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if b = slices.Clone(b); len(b) >= PageHeaderBytes {
			resealed(b)
		}
		h, err := ParseImage(b, MinPageBytes)
		if err != nil {
			if !errors.Is(err, ErrPage) {
				t.Fatal(err)
			}
			return
		}
		again, err := AppendImage(nil, h, MinPageBytes, mustItems(t, h, b))
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x written again is %x, %v", b, again, err)
		}
		tree, err := h.TreeOf(b)
		if err != nil || tree.End() != h.End() || tree.Range().Valid() != nil || len(tree.Nodes(nil)) != merkleindex.NodeCount(h.First, h.End()) {
			t.Fatalf("its tree: %v", err)
		}
	})
}

// FuzzPackingTable gives any table a true checksum: what passes is written again
// to the byte, and its pages lie in order behind it.
func FuzzPackingTable(f *testing.F) {
	f.Add(encodeTable([]uint32{4096, 300, 0, 36}), uint16(4))
	f.Add(encodeTable([]uint32{16383}), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, packed uint16) {
		if b = slices.Clone(b); len(b) >= 4 {
			binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
		}
		lengths, what := decodeTable(b, int(packed), MinPageBytes)
		if what != "" {
			return
		}
		if !bytes.Equal(encodeTable(lengths), b) {
			t.Fatalf("%x written again is %x", b, encodeTable(lengths))
		}
		p := testParams(MinPageBytes, MaxSegmentPages)
		pack := newPacking(MinPageBytes, 1, lengths)
		at := int64(fileHeaderBytes + len(b))
		for i, n := range lengths {
			start, end := p.span(pack, i)
			if start != at || end != at+int64(n) {
				t.Fatalf("page %d lies at %d to %d, want %d to %d", i, start, end, at, at+int64(n))
			}
			at = end
		}
		if start, _ := p.span(pack, len(lengths)); len(lengths) > 0 && (start < at || start-at >= fileHeaderBytes || start%fileHeaderBytes != 0) {
			t.Fatalf("slots from %d, packed pages to %d", start, at)
		}
	})
}
