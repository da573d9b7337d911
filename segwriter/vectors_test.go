// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

var update = flag.Bool("update", false, "write ../tests/testdata/vectors/page.json")

const vectorFile = "../tests/testdata/vectors/page.json"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// pageVectors are what another implementation tests itself with.
type pageVectors struct {
	Comment string         `json:"comment"`
	Events  []vectorEvent  `json:"events"`
	Pages   []vectorPage   `json:"pages"`
	Images  []vectorImage  `json:"images"`
	Bad     []vectorBad    `json:"bad_images"`
	Headers []vectorHeader `json:"headers"`
	Logs    []vectorLog    `json:"logs"`
}

// A vectorEvent is an event of the log that is packed.
type vectorEvent struct {
	Type         string `json:"type"`
	Key          string `json:"key"`
	TimeMS       int64  `json:"time_ms"`
	PayloadBytes int    `json:"payload_bytes"` // byte j of event i's payload is (7·i + j) mod 256
}

// A vectorPage is a page that those events fill, without the zeros at its end.
type vectorPage struct {
	Index uint64   `json:"index"`
	First uint64   `json:"first"`
	Count int      `json:"count"`
	Bytes hexBytes `json:"bytes"`
}

// A vectorImage is the image of a page once some of its events are erased.
type vectorImage struct {
	Page   uint64        `json:"page"`
	Pages  int           `json:"pages"`
	First  uint64        `json:"first"`
	Fates  []string      `json:"fates"` // of its events: keep, payload, all
	Image  hexBytes      `json:"image"`
	Range  []digest.Hash `json:"compact_range"`
	Nodes  []digest.Hash `json:"nodes"` // as a tree file has them; zero for one that is unknown
	Erased []uint64      `json:"erased"`
}

type vectorBad struct {
	What  string   `json:"what"`
	Image hexBytes `json:"image"`
}

type vectorHeader struct {
	File    string      `json:"file"` // seg or tree
	Log     digest.Hash `json:"log"`
	Topic   digest.Hash `json:"topic"`
	Author  hexBytes    `json:"author"`
	Kind    uint8       `json:"kind"`
	Number  uint64      `json:"number"`
	Page    int         `json:"page_bytes"`
	Pages   int         `json:"segment_pages"`
	Segment uint64      `json:"segment"`
	Rewrite uint32      `json:"rewrite"`
	Packed  uint32      `json:"packed_pages"`
	Lengths []uint32    `json:"packed_lengths,omitempty"`
	Table   hexBytes    `json:"packed_table,omitempty"`
	Base    int64       `json:"first_slot_at"`
	Before  uint64      `json:"nodes_before"`
	First   uint64      `json:"first"`
	Bytes   hexBytes    `json:"bytes"` // without the zeros to 4096
}

var fateNames = map[string]erasing{"keep": keep, "payload": eraseData, "all": eraseAll}

func vectorRecords(t *testing.T, events []vectorEvent) (records [][]byte) {
	t.Helper()
	for i, e := range events {
		payload := make([]byte, e.PayloadBytes)
		for j := range payload {
			payload[j] = byte(7*i + j)
		}
		r, err := event.AppendRecord(nil, event.Event{Type: e.Type, Key: []byte(e.Key), Payload: payload}, e.TimeMS, 0)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func makeVectors(t *testing.T) pageVectors {
	v := pageVectors{Comment: "Pages of 4096 bytes, images and file headers. Written by go test ./segwriter -update."}
	for i, n := range []int{5, 700, 0, 900, 31, 32, 33, 64, 900, 900, 900, 9000, 10, 4000, 20, 4051} {
		v.Events = append(v.Events, vectorEvent{Type: "note", Key: []string{"", "k"}[i%2], TimeMS: 1_700_000_000_000 + int64(i), PayloadBytes: n})
	}
	spans := seal(t, MinPageBytes, vectorRecords(t, v.Events))
	for i := range spans {
		for k := range spans[i].Pages {
			b := spans[i].pages[k*MinPageBytes:][:MinPageBytes]
			h, _ := ParsePage(b)
			v.Pages = append(v.Pages, vectorPage{Index: h.Index, First: h.First, Count: h.Count, Bytes: b[:PageHeaderBytes+h.Used]})
		}
	}
	fates := func(n int, names ...string) []string {
		for len(names) < n {
			names = append(names, names[len(names)-1])
		}
		return names
	}
	for i := range spans {
		s := &spans[i]
		for _, f := range [][]string{fates(s.Count, "payload"), fates(s.Count, "all"), fates(s.Count, "all", "keep", "payload", "all", "all", "all", "keep")} {
			if len(v.Images) < 9 && len(f) == s.Count {
				v.Images = append(v.Images, makeImage(t, v, s, f))
			}
		}
	}
	good := v.Images[2].Image
	for what, fn := range map[string]func([]byte) []byte{
		"an event too many":  func(b []byte) []byte { b[6]++; return resealed(b) },
		"item of kind 3":     func(b []byte) []byte { b[32] = 3; return resealed(b) },
		"a byte too many":    func(b []byte) []byte { return resealed(append(b, 0)) },
		"checksum":           func(b []byte) []byte { b[0] ^= 1; return b },
		"pages of the group": func(b []byte) []byte { b[20] = 2; return resealed(b) },
		"nothing erased": func([]byte) []byte {
			return naiveImage(t, PageHeader{Span: 1}, vectorRecords(t, v.Events[:1]), []erasing{keep})
		},
	} {
		v.Bad = append(v.Bad, vectorBad{what, fn(slices.Clone(good))})
	}
	slices.SortFunc(v.Bad, func(a, b vectorBad) int { return bytes.Compare([]byte(a.What), []byte(b.What)) })
	v.Headers, v.Logs = makeHeaders(), makeLogs(t)
	return v
}

func makeImage(t *testing.T, v pageVectors, s *sealedSpan, fates []string) vectorImage {
	t.Helper()
	x := vectorImage{Page: s.Page, Pages: s.Pages, First: s.First, Fates: fates, Erased: []uint64{}}
	var e []erasing
	for i, f := range fates {
		if e = append(e, fateNames[f]); f != "keep" {
			x.Erased = append(x.Erased, s.First+uint64(i))
		}
	}
	x.Image = naiveImage(t, PageHeader{Index: s.Page, First: s.First, Span: s.Pages}, vectorRecords(t, v.Events)[s.First:s.end()], e)
	h, err := ParseImage(x.Image, MinPageBytes)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := h.TreeOf(x.Image)
	if err != nil {
		t.Fatal(err)
	}
	x.Range, x.Nodes = tree.Range().Hashes, tree.Nodes([]digest.Hash{})
	return x
}

func makeHeaders() (list []vectorHeader) {
	p := testParams(MinPageBytes, 16)
	for _, h := range []vectorHeader{
		{File: "seg", Segment: 0},
		{File: "seg", Segment: 3, Rewrite: 2, Packed: 3, Lengths: []uint32{4096, 300, 0}},
		{File: "tree", Segment: 3, Rewrite: 2, Before: 500, First: 510},
	} {
		h.Log, h.Topic, h.Author, h.Kind, h.Number, h.Page, h.Pages = p.Log, p.Topic, p.Author[:], p.Kind, p.Number, p.PageBytes, p.SegmentPages
		h.Bytes = p.treeHeader(h.Segment, treeHead{before: h.Before, first: h.First, rewrite: h.Rewrite})[:treeHeaderEnd+4]
		if h.File == "seg" {
			h.Base = fileHeaderBytes
			if h.Bytes = p.segHeader(h.Segment, h.Rewrite, h.Packed)[:segHeaderEnd+4]; h.Packed > 0 {
				h.Table, h.Base = encodeTable(h.Lengths), newPacking(p.PageBytes, h.Rewrite, h.Lengths).base
			}
		}
		list = append(list, h)
	}
	return list
}

func TestVectors(t *testing.T) {
	if *update {
		raw, err := json.MarshalIndent(makeVectors(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v pageVectors
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Images) == 0 {
		t.Fatal(err)
	}
	records := vectorRecords(t, v.Events)
	spans := seal(t, MinPageBytes, records)
	for i := range spans {
		for k := range spans[i].Pages {
			want := v.Pages[int(spans[i].Page)+k].Bytes
			if got := spans[i].pages[k*MinPageBytes:][:MinPageBytes]; !bytes.HasPrefix(got, want) || !allZero(got[len(want):]) {
				t.Errorf("page %d is another one", int(spans[i].Page)+k)
			}
		}
	}
	for _, x := range v.Images {
		if s := &spans[slices.IndexFunc(spans, func(s sealedSpan) bool { return s.Page == x.Page })]; !imageAgrees(t, x, s, records) {
			t.Errorf("the image of page %d with %v is another one", x.Page, x.Fates)
		}
	}
	for _, x := range v.Bad {
		if _, err := ParseImage(x.Image, MinPageBytes); err == nil {
			t.Errorf("%s: taken", x.What)
		}
	}
	got, err1 := json.Marshal(makeHeaders())
	want, err2 := json.Marshal(v.Headers)
	if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Errorf("headers are others: %s", got)
	}
}

func imageAgrees(t *testing.T, x vectorImage, s *sealedSpan, records [][]byte) bool {
	t.Helper()
	var fates []erasing
	for _, f := range x.Fates {
		fates = append(fates, fateNames[f])
	}
	var items []Item
	for seq := s.First; seq < s.end(); seq++ {
		items = append(items, Item{First: seq, Count: 1, Records: records[seq]})
	}
	items, _, err := eraseItems(items, erasures(s.First, fates))
	if err != nil {
		t.Fatal(err)
	}
	got, err := AppendImage(nil, PageHeader{Index: x.Page, First: x.First, Span: x.Pages}, MinPageBytes, items)
	if err != nil || !bytes.Equal(got, x.Image) {
		return false
	}
	h, _ := ParseImage(got, MinPageBytes)
	tree, err := h.TreeOf(got)
	return err == nil && slices.Equal(tree.Range().Hashes, x.Range) && slices.Equal(tree.Nodes(nil), x.Nodes)
}
