// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
)

// FuzzOpenSegment changes a few bytes of the files of a log, opens it and reads
// all of it: what comes without an error is what was written.
func FuzzOpenSegment(f *testing.F) {
	p := testParams(MinPageBytes, 2)
	golden, spans := written(f, p, 20)
	names := []string{logFile(golden, p, "000000.seg"), logFile(golden, p, "000000.tree")}
	var files [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, b)
	}
	f.Add([]byte{0, 0, 0, 0, 0}, uint16(0), uint8(0))
	f.Add([]byte{0, 0x10, 0x40, 0, 1}, uint16(3), uint8(1))
	f.Add([]byte{1, 0, 0, 5, 0x80}, uint16(40000), uint8(3))
	f.Fuzz(func(t *testing.T, changes []byte, cut uint16, which uint8) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(golden)); err != nil {
			t.Fatal(err)
		}
		for i, b := range files {
			b = slices.Clone(b)
			for c := changes; len(c) >= 5; c = c[5:] {
				if int(c[0])%2 == i {
					b[int(binary.BigEndian.Uint32(c)&0xffffff)%len(b)] ^= c[4]
				}
			}
			if which>>i&1 == 1 {
				b = b[:len(b)-int(cut)%len(b)]
			}
			if err := os.WriteFile(logFile(dir, p, []string{"000000.seg", "000000.tree"}[i]), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		readWhatIsLeft(t, dir, p, spans)
	})
}

func readWhatIsLeft(t *testing.T, dir string, p Params, spans []sealedSpan) {
	s := NewStore(noSync, dir, Options{})
	defer s.Close()
	l, err := s.Log(p)
	if err != nil {
		return
	}
	defer l.Close()
	if recoverTo(l, pagesOf(spans)) != nil {
		return
	}
	for _, span := range spans {
		for i := range span.Pages {
			page, err := l.Page(span.Page + uint64(i))
			if err != nil {
				continue
			}
			if want := span.pages[i*p.PageBytes : (i+1)*p.PageBytes]; !bytes.Equal(page.Bytes, want) {
				t.Errorf("page %d is another one than was written", span.Page+uint64(i))
			}
			page.Release()
		}
		if nodes, err := l.TreeNodes(span.Page); err == nil && len(span.tree) > 0 && !slices.Equal(nodes, span.tree) {
			t.Errorf("the tree of page %d is another one than was written", span.Page)
		}
	}
}

// FuzzDecodeGroup gives pages with true checksums whatever content: a record that
// comes out is one, and fills those pages.
func FuzzDecodeGroup(f *testing.F) {
	f.Add(uint16(9000), uint8(3), uint16(0), uint8(1), uint16(0))
	f.Add(uint16(5000), uint8(2), uint16(500), uint8(1), uint16(3))
	f.Add(uint16(0), uint8(0), uint16(0), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, payload uint16, count uint8, used uint16, step uint8, flip uint16) {
		records, err := event.AppendRecord(nil, event.Event{Payload: make([]byte, payload)}, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		records[int(flip>>8)%len(records)] ^= byte(flip)
		const room = MinPageBytes - PageHeaderBytes
		var group [][]byte
		for i := range int(count % 8) {
			page := make([]byte, MinPageBytes)
			h := PageHeader{Kind: KindGroup, Count: 1, Span: int(count % 8), Index: uint64(i)}
			if i > 0 {
				h.Kind, h.Count, h.Span = KindContinuation, 0, i*int(step)
			}
			h.Used = copy(page[PageHeaderBytes:], records)
			h.Used = max(h.Used-int(used), 0)
			h.seal(page)
			records = records[min(h.Used, len(records)):]
			group = append(group, page)
		}
		got, err := DecodeGroup(group)
		if err != nil {
			return
		}
		if n, err := event.RecordLen(got); err != nil || n != len(got) || groupPages(n, room) != len(group) {
			t.Fatalf("%d bytes out of %d pages: a record of %d, %v", len(got), len(group), n, err)
		}
	})
}
