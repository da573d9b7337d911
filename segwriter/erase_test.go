// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/merkleindex"
)

// An erasedLog is a log with all that was ever in it, and what became of it.
type erasedLog struct {
	p       Params
	records [][]byte
	spans   []sealedSpan
	fates   []erasing // of each sealed event
}

func newErasedLog(t testing.TB, seed uint64, n int, p Params) *erasedLog {
	t.Helper()
	records := mixed(t, seed, n, p.PageBytes)
	e := &erasedLog{p: p, records: records, spans: seal(t, p.PageBytes, records)}
	e.fates = make([]erasing, e.spans[len(e.spans)-1].end())
	return e
}

// decide lets more events go, those of the first spans.
func (e *erasedLog) decide(rnd *rand.Rand, spans, percent int) (list []Erasure) {
	for end := e.spans[spans-1].end(); len(list) == 0; {
		for seq := uint64(0); seq < end; {
			n := min(seq+1+rnd.Uint64N(12), end)
			if rnd.IntN(100) < percent {
				x := Erasure{First: seq, End: n, Wholly: rnd.IntN(2) == 0}
				list = append(list, x)
				for ; seq < n; seq++ {
					e.fates[seq] = max(e.fates[seq], fateOf(list, seq))
				}
			}
			seq = n
		}
	}
	return list
}

// check reads the first spans of l: what is kept, what is left of the others,
// every node that can be known.
func (e *erasedLog) check(t *testing.T, l *Log, spans int) {
	t.Helper()
	pages := pagesOf(e.spans[:spans])
	var before, ordinal uint64
	for i := range spans {
		s := &e.spans[i]
		e.checkItems(t, l, s)
		for k := range s.Pages {
			ref, err := l.Page(s.Page + uint64(k))
			if err != nil {
				t.Fatal(err)
			}
			h := ref.Header
			if whole := !e.touched(s); whole != bytes.Equal(ref.Bytes, s.pages[k*e.p.PageBytes:][:e.p.PageBytes]) {
				t.Fatalf("page %d: untouched %v, and its bytes say otherwise", s.Page+uint64(k), whole)
			} else if !whole && k > 0 && (h.Kind != KindContinuation || h.Span != k || h.First != s.First || h.Index != s.Page+uint64(k) || len(ref.Bytes) > 0) {
				t.Fatalf("page %d of event %d: %+v", s.Page+uint64(k), s.First, h)
			}
			ref.Release()
			want := Entry{First: s.First, Count: s.Count, NodesBefore: before}
			if k > 0 {
				want = Entry{First: s.end(), NodesBefore: before}
			}
			if got, err := l.TreeEntry(s.Page + uint64(k)); err != nil || got != want {
				t.Fatalf("page %d: entry %+v, want %+v, %v", s.Page+uint64(k), got, want, err)
			}
		}
		for _, seq := range []uint64{s.First, s.end() - 1} {
			if page, first, end, err := l.FindPage(seq, pages); err != nil || page != s.Page || first != s.First || end != s.end() {
				t.Fatalf("event %d: page %d [%d, %d), %v; want page %d", seq, page, first, end, err, s.Page)
			}
		}
		nodes, err := l.TreeNodes(s.Page)
		if err != nil || !slices.Equal(nodes, e.nodes(t, s)) {
			t.Fatalf("page %d: other nodes than are known, %v", s.Page, err)
		}
		for k, want := range s.spans {
			if got, err := l.SpanNode(ordinal + uint64(k)); err != nil || got != want {
				t.Fatalf("span %d: %v", ordinal+uint64(k), err)
			}
		}
		before, ordinal = before+uint64(len(s.tree)), ordinal+uint64(len(s.spans))
	}
	if n, err := l.TreesPresent(pages); err != nil || n != pages {
		t.Fatalf("%d trees, want %d, %v", n, pages, err)
	}
}

func (e *erasedLog) touched(s *sealedSpan) bool {
	return slices.ContainsFunc(e.fates[s.First:s.end()], func(f erasing) bool { return f != keep })
}

// checkItems holds each event of a page against its fate.
func (e *erasedLog) checkItems(t *testing.T, l *Log, s *sealedSpan) {
	t.Helper()
	h, items, err := l.Items(s.Page)
	if err != nil || h.First != s.First || h.Count != s.Count || h.Span != s.Pages || h.Index != s.Page {
		t.Fatalf("page %d: %+v, %v", s.Page, h, err)
	}
	next := s.First
	for _, it := range items {
		rest := it.Records
		for ; next < it.End(); next++ {
			fate := e.fates[next]
			if it.Gone() != (fate == eraseAll) {
				t.Fatalf("event %d of fate %d: gone %v", next, fate, it.Gone())
			}
			if it.Gone() {
				continue
			}
			rec, n, err := event.DecodeRecord(rest)
			if err != nil {
				t.Fatal(err)
			}
			want := e.records[next]
			if fate == eraseData {
				r, _, _ := event.DecodeRecord(want)
				want = r.AppendErased(nil)
			}
			if !bytes.Equal(rest[:n], want) || rec.Erased() != (fate == eraseData) {
				t.Fatalf("event %d of fate %d is another one", next, fate)
			}
			rest = rest[n:]
		}
	}
	if next != s.end() {
		t.Fatalf("page %d: events to %d, want them to %d", s.Page, next, s.end())
	}
}

// nodes is what can be known of a page's nodes: all but those whose leaves are
// all gone, unless they are of the compact range of a run of such leaves.
func (e *erasedLog) nodes(t *testing.T, s *sealedSpan) []digest.Hash {
	nodes := slices.Clone(s.tree)
	for i := s.First; i < s.end(); {
		n := i
		for n < s.end() && e.fates[n] == eraseAll {
			n++
		}
		for _, top := range merkleindex.RangeNodes(i, n) {
			for level := uint(1); level < uint(top.Level); level++ {
				for index := top.Begin() >> level; index < top.End()>>level; index++ {
					off, ok := merkleindex.NodeOffset(s.First, s.end(), level, index)
					if !ok {
						t.Fatalf("node %d of level %d is not in page %d", index, level, s.Page)
					}
					nodes[off] = digest.Hash{}
				}
			}
		}
		i = max(n, i+1)
	}
	return nodes
}

// forgotten looks for what was erased in every file.
func (e *erasedLog) forgotten(t *testing.T, dir string) {
	t.Helper()
	all := files(t, dir)
	for seq, fate := range e.fates {
		rec, _, _ := event.DecodeRecord(e.records[seq])
		if fate == keep || len(rec.Payload) < 24 {
			continue
		}
		for name, b := range all {
			if bytes.Contains(b, rec.Payload[:24]) {
				t.Fatalf("the payload of event %d is in %s still", seq, name)
			}
		}
	}
}

// rebuildTrees writes the trees of the first spans from their pages.
func (e *erasedLog) rebuildTrees(t *testing.T, l *Log, spans int) {
	t.Helper()
	for i := range spans {
		s := &e.spans[i]
		h, items, err := l.Items(s.Page)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := sparse(h.First, items)
		if err != nil {
			t.Fatal(err)
		}
		trees := []Tree{{First: h.First, Count: h.Count, Nodes: tree.Nodes(nil)}}
		for range h.Span - 1 {
			trees = append(trees, Tree{First: h.End()})
		}
		if err := l.WriteTrees(s.Page, trees); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErase(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 8))
			p := testParams(MinPageBytes, []int{1, 2, 3, 7, 64}[rnd.IntN(5)])
			e, dir := newErasedLog(t, seed, 30+rnd.IntN(120), p), t.TempDir()
			l := openLog(t, noSync, dir, p, Options{MaxOpen: 1 + rnd.IntN(4)})
			most := 1 + rnd.IntN(len(e.spans))
			if err := errors.Join(write(l, e.spans[:most], 0), syncAll(l)); err != nil {
				t.Fatal(err)
			}
			before := dirBytes(t, dir)
			for range 3 { // again and again, of fewer pages than are there
				sealed := 1 + rnd.IntN(most)
				list := e.decide(rnd, sealed, 10+rnd.IntN(80))
				for range 2 { // the second time nothing changes
					if err := l.Erase(pagesOf(e.spans[:sealed]), list); err != nil {
						t.Fatal(err)
					}
				}
				e.check(t, l, most)
				e.forgotten(t, dir)
			}
			checkSegments(t, dir)
			if after := dirBytes(t, dir); p.SegmentPages == 64 && after > before+4096 {
				t.Errorf("%d bytes before, %d after", before, after)
			}
			if err := errors.Join(write(l, e.spans[most:], spanNodesOf(e.spans[:most])), syncAll(l)); err != nil {
				t.Fatal(err)
			}
			e.check(t, l, len(e.spans))
			if err := errors.Join(recoverTo(l, pagesOf(e.spans)), l.Close()); err != nil {
				t.Fatal(err)
			}
			if got := checkSegments(t, dir); got != int(pagesOf(e.spans)) {
				t.Fatalf("%d pages, want %d", got, pagesOf(e.spans))
			}
			e.reopened(t, dir)
		})
	}
}

// reopened deletes the trees: the events are found without them, and they are
// made again as they were.
func (e *erasedLog) reopened(t *testing.T, dir string) {
	t.Helper()
	want := files(t, dir)
	for name := range want {
		if strings.HasSuffix(name, ".tree") {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	l := openLog(t, noSync, dir, e.p, Options{MaxOpen: 2})
	if err := recoverTo(l, pagesOf(e.spans)); err != nil {
		t.Fatal(err)
	}
	for seq := range e.fates {
		_, first, end, err := l.FindPage(uint64(seq), pagesOf(e.spans))
		if err != nil || uint64(seq) < first || uint64(seq) >= end {
			t.Fatalf("event %d in [%d, %d), %v", seq, first, end, err)
		}
	}
	e.rebuildTrees(t, l, len(e.spans))
	e.check(t, l, len(e.spans))
	if err := errors.Join(l.SyncTrees(), l.Close()); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, files(t, dir), want)
}

// dirBytes is how many bytes the segments below dir have.
func dirBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".seg" {
			info, err := d.Info()
			n += info.Size()
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A crash at every step of an erasure, with and without the loss of what was
// not synced: each event is there as it was or as it is to be, and repeating the
// erasure gives what an undisturbed one does.
func TestCrashInErase(t *testing.T) {
	p := testParams(MinPageBytes, 3)
	for step, done := 0, false; !done; step++ {
		rnd := rand.New(rand.NewPCG(uint64(step), 9))
		e, dir := newErasedLog(t, 17, 40, p), t.TempDir()
		l := openLog(t, noSync, dir, p, Options{})
		if err := errors.Join(write(l, e.spans, 0), syncAll(l), l.Close()); err != nil {
			t.Fatal(err)
		}
		list := e.decide(rand.New(rand.NewPCG(5, 5)), len(e.spans), 40)
		disk := newLossy()
		crashed := openLog(t, durable.NewFaulty(disk, durable.CrashAt(step, 3000*rnd.IntN(2))), dir, p, Options{MaxOpen: 2})
		err := crashed.Erase(pagesOf(e.spans), list)
		if done = err == nil; !done && !errors.Is(err, durable.ErrCrashed) {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := crashed.s.Close(); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(3) > 0 {
			disk.cut(t, rnd)
		}
		e.crashed(t, dir, list)
	}
}

// crashed opens the log again, which has to be whole, and erases once more.
func (e *erasedLog) crashed(t *testing.T, dir string, list []Erasure) {
	t.Helper()
	pages := pagesOf(e.spans)
	l := openLog(t, newLossy(), dir, e.p, Options{})
	if err := recoverTo(l, pages); err != nil {
		t.Fatal(err)
	}
	if n, err := l.TreesPresent(pages); err != nil {
		t.Fatal(err)
	} else if n < pages {
		e.rebuildTrees(t, l, len(e.spans))
	}
	if got := checkSegments(t, dir); got != int(pages) {
		t.Fatalf("%d pages after the crash, want %d", got, pages)
	}
	whole := &erasedLog{p: e.p, records: e.records, spans: e.spans, fates: make([]erasing, len(e.fates))}
	for i := range e.spans {
		s := &e.spans[i]
		h, _, err := l.Items(s.Page)
		if err != nil {
			t.Fatal(err)
		}
		if h.Kind == KindErased {
			e.checkItems(t, l, s)
		} else {
			whole.checkItems(t, l, s)
		}
	}
	if err := l.Erase(pages, list); err != nil {
		t.Fatal(err)
	}
	e.check(t, l, len(e.spans))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	e.forgotten(t, dir)
	for name := range maps.Keys(files(t, dir)) {
		if strings.HasSuffix(name, newSuffix) {
			t.Fatalf("%s is left", name)
		}
	}
}

// stored returns pages as they go over the wire.
func stored(t testing.TB, l *Log, page, count uint64) (pages [][]byte) {
	t.Helper()
	for ; count > 0; page, count = page+1, count-1 {
		ref, err := l.Page(page)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, slices.Clone(ref.Bytes))
		ref.Release()
	}
	return pages
}

// Images and pages that come from another store give the same log, and what was
// not committed of them is cut back.
func TestWriteStored(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 10))
		p := testParams(MinPageBytes, 2+rnd.IntN(5))
		e := newErasedLog(t, seed+50, 80, p)
		from := openLog(t, noSync, t.TempDir(), p, Options{})
		if err := errors.Join(write(from, e.spans, 0), syncAll(from)); err != nil {
			t.Fatal(err)
		}
		if err := from.Erase(pagesOf(e.spans), e.decide(rnd, len(e.spans), 30)); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		to := openLog(t, noSync, dir, p, Options{MaxOpen: 1})
		for at := 0; at < len(e.spans); {
			n := min(at+1+rnd.IntN(6), len(e.spans))
			page := e.spans[at].Page
			if err := to.WriteStored(page, stored(t, from, page, pagesOf(e.spans[at:n]))); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(3) == 0 { // not committed
				if err := recoverTo(to, page); err != nil {
					t.Fatal(err)
				}
				continue
			}
			e.rebuildTrees(t, to, n)
			at = n
		}
		ordinal := uint64(0)
		for i := range e.spans {
			if err := to.WriteSpans(ordinal, e.spans[i].spans); err != nil {
				t.Fatal(err)
			}
			ordinal += uint64(len(e.spans[i].spans))
		}
		e.check(t, to, len(e.spans))
		last := &e.spans[len(e.spans)-1]
		clear(e.fates[last.First:last.end()])
		if err := to.WritePages(last.Page, last.pages); err != nil { // packed or not, it is written
			t.Fatal(err)
		}
		e.checkItems(t, to, last)
		if err := to.WriteStored(last.Page, [][]byte{last.pages[:100]}); !errors.Is(err, ErrParams) {
			t.Fatalf("a piece of a page: %v", err)
		}
		if err := errors.Join(syncAll(to), to.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// sparse returns the tree of items.
func sparse(first uint64, items []Item) (*merkleindex.Sparse, error) {
	t := merkleindex.NewSparse(first)
	for _, it := range items {
		if err := addItem(t, it); err != nil {
			return nil, err
		}
	}
	return t, nil
}
