// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// checkLog reads everything in spans back from l.
func checkLog(t *testing.T, l *Log, spans []sealedSpan) {
	t.Helper()
	pages := pagesOf(spans)
	var before, ordinal uint64
	for i := range spans {
		s := &spans[i]
		for k := range s.Pages {
			ref, err := l.Page(s.Page + uint64(k))
			if err != nil {
				t.Fatal(err)
			}
			if want := s.pages[k*l.p.PageBytes : (k+1)*l.p.PageBytes]; !bytes.Equal(ref.Bytes, want) {
				t.Fatalf("page %d: other bytes", s.Page+uint64(k))
			}
			if h, err := ParsePage(ref.Bytes); err != nil || h != ref.Header {
				t.Fatalf("page %d: header %+v, want %+v, %v", s.Page, ref.Header, h, err)
			}
			ref.Release()
			want := Entry{First: s.First, Count: s.Count, NodesBefore: before}
			if k > 0 {
				want = Entry{First: s.end(), NodesBefore: before}
			}
			if got, err := l.TreeEntry(s.Page + uint64(k)); err != nil || got != want {
				t.Fatalf("page %d: entry %+v, want %+v, %v", s.Page, got, want, err)
			}
		}
		for _, seq := range []uint64{s.First, s.end() - 1} {
			if page, first, end, err := l.FindPage(seq, pages); err != nil || page != s.Page || first != s.First || end != s.end() {
				t.Fatalf("event %d: page %d [%d, %d), %v; want page %d", seq, page, first, end, err, s.Page)
			}
		}
		checkNodes(t, l, s, ordinal)
		before += uint64(len(s.tree))
		ordinal += uint64(len(s.spans))
	}
	last := spans[len(spans)-1].end()
	if _, _, _, err := l.FindPage(last, pages); !errors.Is(err, ErrNoPage) {
		t.Fatalf("event %d of %d: %v", last, last, err)
	}
	if n, err := l.TreesPresent(pages); err != nil || n != pages {
		t.Fatalf("%d trees, want %d, %v", n, pages, err)
	}
	if n, err := l.SpanNodes(); err != nil || n != ordinal {
		t.Fatalf("%d spans, want %d, %v", n, ordinal, err)
	}
	if n, err := l.SpansPresent(); err != nil || n != ordinal {
		t.Fatalf("%d spans present, want %d, %v", n, ordinal, err)
	}
}

func checkNodes(t *testing.T, l *Log, s *sealedSpan, ordinal uint64) {
	t.Helper()
	nodes, err := l.TreeNodes(s.Page)
	if err != nil || len(nodes) != len(s.tree) || len(nodes) > 0 && !reflect.DeepEqual(nodes, s.tree) {
		t.Fatalf("page %d: %d nodes, want %d, %v", s.Page, len(nodes), len(s.tree), err)
	}
	places, at := make([]int, len(s.tree)), make([]digest.Hash, len(s.tree))
	for k := range places {
		places[k] = k
	}
	if err := l.TreeNodesAt(s.Page, places, at); err != nil || len(nodes) > 0 && !reflect.DeepEqual(at, s.tree) {
		t.Fatalf("page %d: nodes at their places: %v", s.Page, err)
	}
	if err := l.TreeNodesAt(s.Page, []int{len(s.tree)}, make([]digest.Hash, 1)); !errors.Is(err, ErrParams) {
		t.Fatalf("page %d node %d: %v", s.Page, len(s.tree), err)
	}
	for k, want := range s.spans {
		if got, err := l.SpanNode(ordinal + uint64(k)); err != nil || got != want {
			t.Fatalf("span %d: %s, want %s, %v", ordinal+uint64(k), got, want, err)
		}
	}
}

// checkSegments runs CheckSegment over all segments in dir.
func checkSegments(t testing.TB, dir string) (pages int) {
	t.Helper()
	segs, err := filepath.Glob(filepath.Join(dir, "logs", "*", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, seg := range segs {
		r, err := CheckSegment(seg, seg[:len(seg)-3]+"tree")
		if err != nil {
			t.Fatal(err)
		}
		if r.Trees != r.Pages {
			t.Fatalf("%s: %d trees of %d pages", seg, r.Trees, r.Pages)
		}
		pages += r.Pages
	}
	return pages
}

func TestLogWriteRead(t *testing.T) {
	for _, c := range []struct{ pageBytes, segmentPages, records, maxOpen int }{
		{4096, 2, 150, 4}, {4096, 7, 300, 1}, {4096, 1, 60, 2}, {16384, 64, 2000, 0}, {65536, 1024, 300, 0},
	} {
		t.Run(fmt.Sprint(c.pageBytes, "x", c.segmentPages), func(t *testing.T) {
			dir := t.TempDir()
			p, o := testParams(c.pageBytes, c.segmentPages), Options{MaxOpen: c.maxOpen}
			spans := seal(t, c.pageBytes, mixed(t, 1, c.records, c.pageBytes))
			fs := durable.FS(noSync)
			if c.maxOpen == 0 {
				fs = durable.OS
			}
			l := openLog(t, fs, dir, p, o)
			if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
				t.Fatal(err)
			}
			checkLog(t, l, spans)
			if err := l.s.Close(); err != nil {
				t.Fatal(err)
			}
			if got := checkSegments(t, dir); got != int(pagesOf(spans)) {
				t.Fatalf("%d pages in the files, want %d", got, pagesOf(spans))
			}
			again := openLog(t, fs, dir, p, o)
			if err := recoverTo(again, pagesOf(spans)); err != nil {
				t.Fatal(err)
			}
			checkLog(t, again, spans)
		})
	}
}

// A log of events each of many 4 KiB pages, in segments of two.
func TestLargeEvents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	dir := t.TempDir()
	records := [][]byte{record(t, rnd, 10), record(t, rnd, 300_000), record(t, rnd, 10), record(t, rnd, 4064), record(t, rnd, 60_000), record(t, rnd, 5000), record(t, rnd, 1)}
	spans := seal(t, MinPageBytes, records)
	l := openLog(t, noSync, dir, testParams(MinPageBytes, 2), Options{MaxOpen: 3})
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
	checkSegments(t, dir)
	var group [][]byte
	for i := range spans[1].Pages {
		ref, err := l.Page(spans[1].Page + uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		defer ref.Release()
		group = append(group, ref.Bytes)
	}
	if got, err := DecodeGroup(group); err != nil || !bytes.Equal(got, records[1]) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// Small logs take little room, and the .seg file grows with them.
func TestAllocation(t *testing.T) {
	p := testParams(MinPageBytes, 100)
	for n, want := range map[int]int{0: 1, 1: 1, 4: 4, 16: 16, 17: 18, 31: 32, 33: 36, 64: 64, 65: 72, 98: 100, 100: 100} {
		if got := p.allocBytes(n); got != p.pageOffset(want) && !wholeSegments {
			t.Errorf("%d pages: %d bytes, want %d pages", n, got, want)
		}
	}
}

func TestLogKeepsItsSegmentPages(t *testing.T) {
	dir := t.TempDir()
	spans := seal(t, MinPageBytes, mixed(t, 2, 100, MinPageBytes))
	l := openLog(t, durable.OS, dir, testParams(MinPageBytes, 3), Options{})
	if err := errors.Join(write(l, spans, 0), l.Close()); err != nil {
		t.Fatal(err)
	}
	other := openLog(t, durable.OS, dir, testParams(MinPageBytes, 0), Options{})
	if other.SegmentPages() != 3 {
		t.Fatalf("%d pages a segment, the files have 3", other.SegmentPages())
	}
	checkLog(t, other, spans)
}

func TestStoreLog(t *testing.T) {
	s := NewStore(durable.OS, t.TempDir(), Options{})
	p := testParams(MinPageBytes, 2)
	l, err := s.Log(p)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := s.Log(p); err != nil || same != l {
		t.Fatalf("another log, %v", err)
	}
	other := p
	other.Topic = digest.Hash{}
	if _, err := s.Log(other); !errors.Is(err, ErrParams) {
		t.Fatalf("other topic: %v", err)
	}
	for _, bad := range []Params{testParams(1000, 2), testParams(4096, -1), testParams(4096, MaxSegmentPages+1)} {
		bad.Log = digest.Empty
		if _, err := s.Log(bad); !errors.Is(err, ErrParams) {
			t.Fatalf("%+v: %v", bad, err)
		}
	}
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 0 {
		t.Fatalf("%v created before the first page, %v", entries, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Page(0); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := l.WritePages(0, make([]byte, MinPageBytes)); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestMissing(t *testing.T) {
	l := openLog(t, durable.OS, t.TempDir(), testParams(MinPageBytes, 2), Options{})
	for name, err := range map[string]error{
		"page":    func() error { _, err := l.Page(0); return err }(),
		"far":     func() error { _, err := l.Page(1 << 60); return err }(),
		"entry":   func() error { _, err := l.TreeEntry(3); return err }(),
		"node":    l.TreeNodesAt(0, []int{0}, make([]digest.Hash, 1)),
		"nodes":   func() error { _, err := l.TreeNodes(0); return err }(),
		"span":    func() error { _, err := l.SpanNode(0); return err }(),
		"find":    func() error { _, _, _, err := l.FindPage(0, 5); return err }(),
		"recover": recoverTo(l, 1),
		"write":   l.WritePages(3, make([]byte, MinPageBytes)),
	} {
		var c *CorruptError
		if !errors.As(err, &c) || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := l.SpanNodes(); n != 0 || err != nil {
		t.Errorf("%d spans, %v", n, err)
	}
	if n, err := l.TreesPresent(5); n != 0 || err != nil {
		t.Errorf("%d trees, %v", n, err)
	}
	if _, err := l.ReadHead(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, _, _, err := l.FindPage(0, 0); !errors.Is(err, ErrNoPage) {
		t.Error(err)
	}
	if err := recoverTo(l, 0); err != nil {
		t.Error(err)
	}
}

func TestWritesThatDoNotFit(t *testing.T) {
	spans := seal(t, MinPageBytes, mixed(t, 3, 200, MinPageBytes))
	l := openLog(t, durable.OS, t.TempDir(), testParams(MinPageBytes, 4), Options{})
	if err := write(l, spans[:5], 0); err != nil {
		t.Fatal(err)
	}
	pages, s := pagesOf(spans[:5]), &spans[5]
	for name, err := range map[string]error{
		"half a page":   l.WritePages(pages, make([]byte, 100)),
		"tree too far":  l.WriteTree(pages+1, s.First, s.Count, s.tree),
		"tree far":      l.WriteTree(pages+100, s.First, s.Count, s.tree),
		"other first":   l.WriteTree(pages, s.First+1, s.Count, s.tree),
		"fewer nodes":   l.WriteTree(pages, s.First, s.Count+4, s.tree),
		"negative":      l.WriteTree(pages, s.First, -1, nil),
		"log begins":    l.WriteTree(0, 1, 1, nil),
		"spans too far": l.WriteSpans(spanNodesOf(spans[:5])+1, make([]digest.Hash, 1)),
		"large head":    l.WriteHead(make([]byte, maxHeadBytes+1)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := write(l, spans[5:], spanNodesOf(spans[:5])); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
}

func TestHead(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"one\n", "two\nthree\n", ""} {
		l := openLog(t, durable.OS, dir, testParams(MinPageBytes, 2), Options{})
		if err := errors.Join(os.MkdirAll(l.dir, 0o700), l.WriteHead([]byte(text))); err != nil {
			t.Fatal(err)
		}
		if got, err := l.ReadHead(); err != nil || string(got) != text {
			t.Fatalf("%q, %v; want %q", got, err, text)
		}
	}
}

// An error of the file system comes back as it is, and a failed sync stays.
func TestFileSystemErrors(t *testing.T) {
	spans := seal(t, MinPageBytes, mixed(t, 4, 50, MinPageBytes))
	for _, op := range []durable.Op{durable.OpCreate, durable.OpPreallocate, durable.OpWrite, durable.OpSync, durable.OpMkdir, durable.OpSyncDir} {
		fail := true
		fs := durable.NewFaulty(durable.OS, func(o durable.Op, name string) error {
			if fail && o == op {
				return &os.PathError{Op: string(o), Path: name, Err: syscall.ENOSPC}
			}
			return nil
		})
		dir := t.TempDir()
		if op == durable.OpSync || op == durable.OpSyncDir {
			fail = false
		}
		l := openLog(t, fs, dir, testParams(MinPageBytes, 2), Options{})
		err := write(l, spans, 0)
		if op == durable.OpSync || op == durable.OpSyncDir {
			fail = true
			err = l.SyncPages()
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%s: %v", op, err)
		}
		fail = false
		if op == durable.OpSync || op == durable.OpSyncDir {
			for _, err := range []error{l.SyncPages(), l.SyncTrees(), write(l, spans, 0)} {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("after a failed sync: %v", err)
				}
			}
			continue
		}
		if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
			t.Fatalf("%s: once there is room: %v", op, err)
		}
		checkLog(t, l, spans)
	}
}
