// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestValidPageBytes(t *testing.T) {
	for n, want := range map[int]bool{0: false, 2048: false, 4096: true, 4097: false, 12288: false, 16384: true, 65536: true, 131072: false, -4096: false} {
		if err := ValidPageBytes(n); (err == nil) != want || err != nil && !errors.Is(err, ErrParams) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// somePages returns pages of every kind.
func somePages(t testing.TB) [][]byte {
	var pages [][]byte
	for _, s := range seal(t, MinPageBytes, mixed(t, 7, 300, MinPageBytes)) {
		for p := s.pages; len(p) > 0; p = p[MinPageBytes:] {
			pages = append(pages, p[:MinPageBytes])
		}
	}
	return pages
}

func TestParsePageFindsEveryFlippedBit(t *testing.T) {
	seen := map[uint8]bool{}
	for _, page := range somePages(t) {
		h, err := ParsePage(page)
		if err != nil {
			t.Fatal(err)
		}
		if seen[h.Kind] {
			continue
		}
		seen[h.Kind] = true
		for bit := range len(page) * 8 {
			page[bit/8] ^= 1 << (bit % 8)
			if _, err := ParsePage(page); !errors.Is(err, ErrPage) {
				t.Fatalf("kind %d, bit %d: %v", h.Kind, bit, err)
			}
			page[bit/8] ^= 1 << (bit % 8)
		}
	}
	if len(seen) != 3 {
		t.Fatalf("kinds %v, want all three", seen)
	}
}

// A page whose checksum is right may still say what cannot be.
func TestParsePageRefusesNonsense(t *testing.T) {
	pages := map[uint8][]byte{}
	for _, page := range somePages(t) {
		if pages[page[5]] == nil || page[len(page)-1] == 0 { // with slack if there is one
			pages[page[5]] = page
		}
	}
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		kind   uint8
		change func(p []byte)
	}{
		"version":             {KindRecords, func(p []byte) { p[4] = 2 }},
		"kind":                {KindRecords, func(p []byte) { p[5] = 4 }},
		"no kind":             {KindRecords, func(p []byte) { p[5] = 0 }},
		"more records":        {KindRecords, func(p []byte) { p[6]++ }},
		"fewer records":       {KindRecords, func(p []byte) { p[6]-- }},
		"no records":          {KindRecords, func(p []byte) { le.PutUint16(p[6:], 0) }},
		"more used":           {KindRecords, func(p []byte) { le.PutUint32(p[16:], le.Uint32(p[16:])+1) }},
		"used past the end":   {KindRecords, func(p []byte) { le.PutUint32(p[16:], 1<<31) }},
		"fewer used":          {KindRecords, func(p []byte) { le.PutUint32(p[16:], le.Uint32(p[16:])-1) }},
		"span":                {KindRecords, func(p []byte) { p[20] = 2 }},
		"slack":               {KindRecords, func(p []byte) { p[len(p)-1] = 1 }},
		"group span":          {KindGroup, func(p []byte) { p[20]++ }},
		"group count":         {KindGroup, func(p []byte) { p[6] = 2 }},
		"group used":          {KindGroup, func(p []byte) { le.PutUint32(p[16:], le.Uint32(p[16:])-1); p[len(p)-1] = 0 }},
		"group length":        {KindGroup, func(p []byte) { p[PageHeaderBytes+2], p[PageHeaderBytes+3] = 0xff, 1 }},
		"group of one":        {KindGroup, func(p []byte) { clear(p[PageHeaderBytes:]); p[20] = 1 }},
		"records as group":    {KindRecords, func(p []byte) { p[5] = KindGroup }},
		"continuation count":  {KindContinuation, func(p []byte) { p[6] = 1 }},
		"continuation first":  {KindContinuation, func(p []byte) { p[20] = 0 }},
		"continuation beyond": {KindContinuation, func(p []byte) { le.PutUint32(p[20:], 1<<20) }},
		"continuation empty":  {KindContinuation, func(p []byte) { clear(p[16:20]); clear(p[PageHeaderBytes:]) }},
	} {
		p := bytes.Clone(pages[c.kind])
		c.change(p)
		le.PutUint32(p, crc32.Checksum(p[4:], castagnoli))
		if h, err := ParsePage(p); !errors.Is(err, ErrPage) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func TestDecodeGroup(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	big := record(t, rnd, 3*MinPageBytes)
	var pages [][]byte
	b := NewBuilder(MinPageBytes, 5, 9)
	err := b.Add(big, func(_ uint64, page []byte, _ Seal) error {
		pages = append(pages, bytes.Clone(page))
		return nil
	})
	if err != nil || len(pages) != 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	if got, err := DecodeGroup(pages); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for name, bad := range map[string][][]byte{
		"none":       {},
		"cut":        pages[:3],
		"swapped":    {pages[0], pages[2], pages[1], pages[3]},
		"repeated":   {pages[0], pages[1], pages[1], pages[3]},
		"no first":   pages[1:],
		"one more":   {pages[0], pages[1], pages[2], pages[3], pages[3]},
		"no page":    {pages[0], pages[1], nil, pages[3]},
		"other size": {pages[0], pages[1], pages[2], make([]byte, 2*MinPageBytes)},
	} {
		if _, err := DecodeGroup(bad); !errors.Is(err, ErrPage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParsePage(f *testing.F) {
	for i, page := range somePages(f) {
		if i < 12 {
			f.Add(page, false)
		}
	}
	f.Fuzz(func(t *testing.T, page []byte, fix bool) {
		if fix && len(page) >= 4 { // get past the checksum
			page = bytes.Clone(page)
			binary.LittleEndian.PutUint32(page, crc32.Checksum(page[4:], castagnoli))
		}
		h, err := ParsePage(page)
		if err != nil {
			if !errors.Is(err, ErrPage) {
				t.Fatal(err)
			}
			return
		}
		again := bytes.Clone(page)
		h.seal(again)
		if !bytes.Equal(again, page) {
			t.Fatalf("%+v: its header does not give the page back", h)
		}
		if h.Kind == KindRecords {
			if err := checkRecords(h.Records(page), h.Count); err != nil {
				t.Fatal(err)
			}
		}
		if h.Kind == KindGroup {
			_, err = DecodeGroup([][]byte{page})
			if err == nil {
				t.Fatal("a group of one page")
			}
		}
	})
}
