// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
)

// naivePages cuts record lengths into pages, the slow obvious way: a page is
// the longest run of records that fits. It returns the records of each page,
// and once more for each further page of a large one; the last is the open page.
func naivePages(lengths []int, room int) (pages [][]int) {
	for i := 0; i < len(lengths); {
		var page []int
		for sum := 0; i < len(lengths) && sum+lengths[i] <= room; i++ {
			sum += lengths[i]
			page = append(page, i)
		}
		if page == nil {
			for left := lengths[i]; left > 0; left -= room {
				pages = append(pages, []int{i})
			}
			i++
			if i == len(lengths) {
				pages = append(pages, nil)
			}
			continue
		}
		pages = append(pages, page)
	}
	return pages
}

// packed is naivePages told by a Packer.
func packed(lengths []int, pageBytes int) (pages [][]int) {
	p := NewPacker(pageBytes)
	var open []int
	for i, n := range lengths {
		seal, group := p.Add(n)
		if seal {
			pages, open = append(pages, open), nil
		}
		if group == 0 {
			open = append(open, i)
		}
		for range group {
			pages = append(pages, []int{i})
		}
	}
	if len(lengths) > 0 {
		pages = append(pages, open)
	}
	return pages
}

func TestPackerIsNaive(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		room := MinPageBytes - PageHeaderBytes
		lengths := make([]int, rnd.IntN(60))
		for i := range lengths {
			switch rnd.IntN(4) {
			case 0:
				lengths[i] = room - 2 + rnd.IntN(5)
			case 1:
				lengths[i] = 12 + rnd.IntN(4*room)
			default:
				lengths[i] = 12 + rnd.IntN(1000)
			}
		}
		if got, want := packed(lengths, MinPageBytes), naivePages(lengths, room); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: pages %v, want %v", lengths, got, want)
		}
	}
}

func FuzzPacker(f *testing.F) {
	f.Add([]byte{1, 2, 255, 128, 128, 7})
	f.Fuzz(func(t *testing.T, in []byte) {
		lengths := make([]int, min(len(in), 500))
		for i := range lengths {
			lengths[i] = event.HeaderBytes + int(in[i])*int(in[i])/4
		}
		if got, want := packed(lengths, MinPageBytes), naivePages(lengths, MinPageBytes-PageHeaderBytes); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: pages %v, want %v", lengths, got, want)
		}
	})
}

// build packs records in batches of the sizes that next gives.
func build(t testing.TB, pageBytes int, records [][]byte, next func() int) (pages []byte, spans []Seal, open []byte) {
	t.Helper()
	b := NewBuilder(pageBytes, 0, 0)
	emit := func(index uint64, page []byte, span Seal) error {
		if index != uint64(len(pages)/pageBytes) {
			t.Fatalf("page %d, want %d", index, len(pages)/pageBytes)
		}
		pages = append(pages, page...)
		if index == span.Page {
			spans = append(spans, span)
		}
		return nil
	}
	for len(records) > 0 {
		n := min(max(next(), 0), len(records))
		if err := b.AddRun(bytes.Join(records[:n], nil), n, emit); err != nil {
			t.Fatal(err)
		}
		records = records[n:]
	}
	return pages, spans, bytes.Clone(b.OpenRecords())
}

func TestBuilderBatchingDoesNotMatter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, pageBytes := range []int{4096, 16384, 65536} {
		records := mixed(t, uint64(pageBytes), 150, pageBytes)
		pages, spans, open := build(t, pageBytes, records, func() int { return 1 })
		for name, next := range map[string]func() int{
			"all":    func() int { return len(records) },
			"random": func() int { return rnd.IntN(50) },
			"three":  func() int { return 3 },
		} {
			gotPages, gotSpans, gotOpen := build(t, pageBytes, records, next)
			if !bytes.Equal(gotPages, pages) || !reflect.DeepEqual(gotSpans, spans) || !bytes.Equal(gotOpen, open) {
				t.Errorf("%d bytes a page, %s: other pages than one by one", pageBytes, name)
			}
		}
		checkPages(t, pageBytes, records, pages, spans, open)
	}
}

// checkPages reads the records back out of pages.
func checkPages(t *testing.T, pageBytes int, records [][]byte, pages []byte, spans []Seal, open []byte) {
	t.Helper()
	var got []byte
	next := uint64(0)
	for _, s := range spans {
		if s.First != next {
			t.Fatalf("%+v, want event %d", s, next)
		}
		next += uint64(s.Count)
		var group [][]byte
		for i := range s.Pages {
			at := (int(s.Page) + i) * pageBytes
			group = append(group, pages[at:at+pageBytes])
		}
		if s.Pages > 1 {
			r, err := DecodeGroup(group)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r...)
			continue
		}
		h, err := ParsePage(group[0])
		if err != nil || h.Count != s.Count || h.First != s.First || h.Index != s.Page {
			t.Fatalf("%+v of %+v, %v", h, s, err)
		}
		got = append(got, h.Records(group[0])...)
	}
	if got = append(got, open...); !bytes.Equal(got, bytes.Join(records, nil)) {
		t.Fatal("the pages hold other records")
	}
}

func TestBuilderPosition(t *testing.T) {
	b := NewBuilder(MinPageBytes, 7, 100)
	rnd := rand.New(rand.NewPCG(1, 1))
	var got []Seal
	emit := func(_ uint64, _ []byte, s Seal) error { got = append(got, s); return nil }
	for _, n := range []int{2000, 3000, 5000} {
		if err := b.Add(record(t, rnd, n), emit); err != nil {
			t.Fatal(err)
		}
	}
	// Each page of the group is handed over with the group's span.
	want := []Seal{{7, 1, 100, 1}, {8, 1, 101, 1}, {9, 2, 102, 1}, {9, 2, 102, 1}}
	if !reflect.DeepEqual(got, want) || b.PageIndex() != 11 || b.First() != 103 || b.Next() != 103 || len(b.OpenRecords()) != 0 {
		t.Fatalf("%+v, then page %d from %d next %d", got, b.PageIndex(), b.First(), b.Next())
	}
}

func TestBuilderRefuses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	emit := func(uint64, []byte, Seal) error { return nil }
	r := record(t, rnd, 100)
	for name, c := range map[string]struct {
		b     []byte
		count int
	}{
		"cut":          {r[:len(r)-1], 1},
		"cut header":   {r[:5], 1},
		"too many":     {r, 2},
		"bytes after":  {append(bytes.Clone(r), 0), 1},
		"bytes, none":  {r, 0},
		"second short": {append(bytes.Clone(r), r[:50]...), 2},
	} {
		if err := NewBuilder(MinPageBytes, 0, 0).AddRun(c.b, c.count, emit); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := NewBuilder(100, 0, 0).Add(r, emit); err == nil {
		t.Error("a page of 100 bytes: accepted")
	}
	if b := NewBuilder(-1, 0, 0); len(b.OpenRecords()) != 0 {
		t.Error("a page of -1 bytes holds records")
	}
}

// The largest event there can be, in the smallest pages.
func TestLargestEvent(t *testing.T) {
	payload := make([]byte, event.MaxPayload)
	payload[0], payload[len(payload)-1] = 1, 2
	big, err := event.AppendRecord(nil, event.Event{Payload: payload}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	small := record(t, rand.New(rand.NewPCG(1, 1)), 10)
	records := [][]byte{small, big, small}
	pages, spans, open := build(t, MinPageBytes, records, func() int { return 3 })
	checkPages(t, MinPageBytes, records, pages, spans, open)
}

func BenchmarkBuilderAddRun(b *testing.B) {
	r := record(b, rand.New(rand.NewPCG(1, 1)), 255)
	const count = 1024
	batch := bytes.Repeat(r, count)
	builder := NewBuilder(DefaultPageBytes, 0, 0)
	emit := func(uint64, []byte, Seal) error { return nil }
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		if err := builder.AddRun(batch, count, emit); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*count/b.Elapsed().Seconds(), "events/s")
}
