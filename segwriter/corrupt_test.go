// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// written makes a closed log of a few full segments.
func written(t testing.TB, p Params, records int) (dir string, spans []sealedSpan) {
	t.Helper()
	dir, spans = t.TempDir(), seal(t, p.PageBytes, mixed(t, 11, records, p.PageBytes))
	l := openLog(t, noSync, dir, p, Options{})
	if err := errors.Join(write(l, spans, 0), syncAll(l), recoverTo(l, pagesOf(spans)), l.Close()); err != nil {
		t.Fatal(err)
	}
	return dir, spans
}

func logFile(dir string, p Params, name string) string {
	return filepath.Join(dir, "logs", p.Log.String(), name)
}

// flip changes a bit of a file and changes it back when undo is called.
func flip(t testing.TB, path string, off int64, bit int) (undo func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << bit
	if _, err := f.WriteAt(b[:], off); err != nil {
		t.Fatal(err)
	}
	return func() { flip(t, path, off, bit) }
}

// flips calls fn with random places in a file, and with all of its first bytes
// and of its table.
func flips(t testing.TB, p Params, path string, n int, fn func(off int64, bit int)) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	for off := int64(0); off < 150; off++ {
		fn(off, rnd.IntN(8))
	}
	for off := int64(treeHeaderBytes); off < nearNodesOffset+500; off++ {
		fn(off, rnd.IntN(8))
	}
	for off := int64(fileHeaderBytes); off < p.nodesOffset(); off++ {
		fn(off, rnd.IntN(8))
	}
	for range n {
		fn(rnd.Int64N(info.Size()), rnd.IntN(8))
	}
}

// No flipped bit of a .seg or .tree file gets past CheckSegment, wherever it is.
func TestCheckSegmentFindsFlips(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	dir, _ := written(t, p, 100)
	for _, n := range []string{"000000", "000001", "000004"} {
		seg, tree := logFile(dir, p, n+".seg"), logFile(dir, p, n+".tree")
		if r, err := CheckSegment(seg, tree); err != nil || r.Pages == 0 || r.Trees != r.Pages || r.Nodes == 0 && n == "000000" {
			t.Fatalf("%+v, %v", r, err)
		}
		for _, path := range []string{seg, tree} {
			flips(t, p, path, 300, func(off int64, bit int) {
				undo := flip(t, path, off, bit)
				_, err := CheckSegment(seg, tree)
				var c *CorruptError
				if !errors.As(err, &c) || !strings.HasPrefix(filepath.Base(c.File), n) {
					t.Fatalf("%s offset %d bit %d: %v", path, off, bit, err)
				}
				undo()
			})
		}
		if _, err := CheckSegment(seg, tree); err != nil {
			t.Fatal(err)
		}
	}
}

// A flaw is named with its page and place.
func TestCheckSegmentSaysWhere(t *testing.T) {
	p := testParams(MinPageBytes, 64)
	dir, _ := written(t, p, 100)
	seg, tree := logFile(dir, p, "000000.seg"), logFile(dir, p, "000000.tree")
	undo := flip(t, seg, p.pageOffset(3)+100, 0)
	if r, err := CheckSegment(seg, ""); err == nil || r.Flaws[0].Page != 3 || r.Flaws[0].Offset != p.pageOffset(3) || r.Trees != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	undo()
	undo = flip(t, tree, nearNodesOffset+5, 0)
	r, err := CheckSegment(seg, tree)
	if err == nil || len(r.Flaws) != 2 || r.Flaws[0].Page != 0 || r.Flaws[1].Offset != nearNodesOffset {
		t.Errorf("%+v, %v", r, err)
	}
	undo()
	if _, err := CheckSegment(seg, logFile(dir, p, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := CheckSegment(tree, seg); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

// Cutting, extending and exchanging files is found.
func TestCheckSegmentFindsOtherFiles(t *testing.T) {
	p := testParams(MinPageBytes, 4)
	dir, spans := written(t, p, 100)
	seg, tree := logFile(dir, p, "000001.seg"), logFile(dir, p, "000001.tree")
	q := p
	q.Log = digest.Empty
	other := openLog(t, noSync, dir, q, Options{})
	if err := errors.Join(write(other, spans, 0), other.Close()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"tree of another segment": {seg, logFile(dir, p, "000000.tree")},
		"tree of another log":     {seg, logFile(dir, q, "000001.tree")},
		"cut page":                {cut(t, seg, -100), tree},
		"cut to the header":       {cut(t, seg, 4096), tree},
		"cut header":              {cut(t, seg, 100), tree},
		"empty":                   {cut(t, seg, 0), tree},
		"cut tree":                {seg, cut(t, tree, -1)},
		"cut table":               {seg, cut(t, tree, 4100)},
		"longer":                  {cut(t, seg, 1<<20), tree},
		"longer tree":             {seg, cut(t, tree, 1<<20)},
		"pages exchanged":         {exchanged(t, seg, p), tree},
		"an id of something else": {logFile(dir, q, "000001.seg"), logFile(dir, q, "000001.tree")},
	} {
		if r, err := CheckSegment(c[0], c[1]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// cut copies a file and cuts, or extends, the copy; a size below zero counts
// from its end.
func cut(t *testing.T, path string, size int64) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if size < 0 {
		size += int64(len(b))
	}
	name := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := errors.Join(os.WriteFile(name, b, 0o600), os.Truncate(name, size)); err != nil {
		t.Fatal(err)
	}
	return name
}

func exchanged(t *testing.T, path string, p Params) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, second := p.pageOffset(0), p.pageOffset(1)
	page := bytes.Clone(b[first:second])
	copy(b[first:second], b[second:p.pageOffset(2)])
	copy(b[second:], page)
	name := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Whatever bit is flipped in whatever file, an open log returns what was
// written or a *CorruptError.
func TestFlipsAreNeverData(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	dir, spans := written(t, p, 60)
	for _, path := range []string{logFile(dir, p, "000000.seg"), logFile(dir, p, "000001.tree"), filepath.Join(dir, "mmr", p.Log.String())} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(4, 4))
		for range 100 {
			off, bit := rnd.Int64N(info.Size()), rnd.IntN(8)
			undo := flip(t, path, off, bit)
			s := NewStore(noSync, dir, Options{})
			l, err := s.Log(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := readAll(l, spans); err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s offset %d bit %d: %v", path, off, bit, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			undo()
		}
	}
}

// readAll reads all there is of spans. Content that is wrong without an error is not
// a *CorruptError.
func readAll(l *Log, spans []sealedSpan) error {
	var errs []error
	note := func(what string, ok bool, err error) {
		if err == nil && !ok {
			err = errors.New("wrong " + what)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) {
			errs = append(errs, err)
		}
	}
	var ordinal uint64
	for i := range spans {
		s := &spans[i]
		ref, err := l.Page(s.Page)
		note("page", err != nil || bytes.Equal(ref.Bytes, s.pages[:len(ref.Bytes)]), err)
		ref.Release()
		page, first, end, err := l.FindPage(s.First, pagesOf(spans))
		note("place", page == s.Page && first == s.First && end == s.end(), err)
		nodes, err := l.TreeNodes(s.Page)
		note("nodes", len(nodes) == len(s.tree) && (len(nodes) == 0 || reflect.DeepEqual(nodes, s.tree)), err)
		e, err := l.TreeEntry(s.Page)
		note("entry", e.First == s.First && e.Count == s.Count, err)
		for k, want := range s.tree {
			var h [1]digest.Hash
			err := l.TreeNodesAt(s.Page, []int{k}, h[:])
			note("node", h[0] == want, err)
		}
		for k, want := range s.spans {
			h, err := l.SpanNode(ordinal + uint64(k))
			note("span", h == want, err)
		}
		ordinal += uint64(len(s.spans))
	}
	return errors.Join(errs...)
}

// A file that somebody cuts while it is mapped is an error, not a crash.
func TestCutWhileMapped(t *testing.T) {
	p := testParams(DefaultPageBytes, 64)
	dir, spans := written(t, p, 1000)
	l := openLog(t, noSync, dir, p, Options{})
	ref, err := l.Page(0)
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Release()
	if err := os.Truncate(logFile(dir, p, "000000.seg"), p.pageOffset(2)); err != nil {
		t.Fatal(err)
	}
	if err := l.Recheck(0); err != nil {
		t.Fatal(err)
	}
	var c *CorruptError
	if _, err := l.Page(5); !errors.As(err, &c) || c.Page != 5 {
		t.Fatalf("%v, %d pages", err, pagesOf(spans))
	}
}

// Recover says what is wrong with files that should be whole.
func TestRecoverFindsDamage(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	for name, damage := range map[string]func(dir string) error{
		"missing":     func(dir string) error { return os.Remove(logFile(dir, p, "000001.seg")) },
		"short":       func(dir string) error { return os.Truncate(logFile(dir, p, "000001.seg"), p.pageOffset(3)) },
		"empty":       func(dir string) error { return os.Truncate(logFile(dir, p, "000000.seg"), 0) },
		"header":      func(dir string) error { flip(t, logFile(dir, p, "000000.seg"), 40, 1); return nil },
		"other":       func(dir string) error { return os.Rename(logFile(dir, p, "000000.seg"), logFile(dir, p, "000001.seg")) },
		"whole log":   func(dir string) error { return os.RemoveAll(filepath.Join(dir, "logs")) },
		"last sealed": func(dir string) error { flip(t, logFile(dir, p, "000001.seg"), p.pageOffset(4)+50, 1); return nil },
	} {
		dir, _ := written(t, p, 100)
		l := openLog(t, noSync, dir, p, Options{})
		if err := recoverTo(l, 11); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Close(), damage(dir)); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, noSync, dir, p, Options{})
		if err := recoverTo(l, 11); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Trees and spans that are missing or damaged are counted as such, and
// written again they are the same files.
func TestTreesAndSpansAreDerived(t *testing.T) {
	p := testParams(MinPageBytes, 4)
	dir, spans := written(t, p, 150)
	want, pages := files(t, dir), pagesOf(spans)
	mmr := filepath.Join(dir, "mmr", p.Log.String())
	for name, c := range map[string]struct {
		damage       func() error
		trees, spans uint64
	}{
		"no tree":       {func() error { return os.Remove(logFile(dir, p, "000002.tree")) }, 8, spanNodesOf(spans)},
		"no trees":      {func() error { return os.Remove(logFile(dir, p, "000000.tree")) }, 0, spanNodesOf(spans)},
		"no spans":      {func() error { return os.Remove(mmr) }, pages, 0},
		"tree header":   {func() error { flip(t, logFile(dir, p, "000001.tree"), 70, 3); return nil }, 4, spanNodesOf(spans)},
		"tree entry":    {func() error { flip(t, logFile(dir, p, "000001.tree"), p.entryOffset(1), 0); return nil }, 5, spanNodesOf(spans)},
		"tree node":     {func() error { flip(t, logFile(dir, p, "000000.tree"), nearNodesOffset, 0); return nil }, 0, spanNodesOf(spans)},
		"tree cut":      {func() error { return os.Truncate(logFile(dir, p, "000000.tree"), p.entryOffset(0)) }, 0, spanNodesOf(spans)},
		"tree emptied":  {func() error { return os.Truncate(logFile(dir, p, "000000.tree"), 0) }, 0, spanNodesOf(spans)},
		"span":          {func() error { flip(t, mmr, spanOffset(3)+7, 0); return nil }, pages, 3},
		"span header":   {func() error { flip(t, mmr, 20, 0); return nil }, pages, 0},
		"spans cut":     {func() error { return os.Truncate(mmr, spanOffset(2)+1) }, pages, 2},
		"spans emptied": {func() error { return os.Truncate(mmr, 0) }, pages, 0},
	} {
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		l := openLog(t, noSync, dir, p, Options{})
		if err := recoverTo(l, pages); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n, err := l.TreesPresent(pages); err != nil || n != c.trees {
			t.Errorf("%s: %d trees, want %d, %v", name, n, c.trees, err)
		}
		if n, err := l.SpanNodes(); err != nil || n != c.spans {
			t.Errorf("%s: %d spans, want %d, %v", name, n, c.spans, err)
		}
		for _, s := range spans { // found in the pages meanwhile
			if page, _, _, err := l.FindPage(s.First, pages); err != nil || page != s.Page {
				t.Fatalf("%s: event %d in page %d, want %d, %v", name, s.First, page, s.Page, err)
			}
		}
		if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkLog(t, l, spans)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		sameFiles(t, files(t, dir), want)
	}
}

func FuzzCheckSegment(f *testing.F) {
	p := testParams(MinPageBytes, 2)
	dir, _ := written(f, p, 60)
	for _, n := range []string{"000000", "000001"} {
		seg, err1 := os.ReadFile(logFile(dir, p, n+".seg"))
		tree, err2 := os.ReadFile(logFile(dir, p, n+".tree"))
		if err := errors.Join(err1, err2); err != nil {
			f.Fatal(err)
		}
		f.Add(seg[:200], seg[fileHeaderBytes:], tree[:100], tree[fileHeaderBytes:])
	}
	// The parts before the padding of the two headers, and what follows it. The
	// headers' checksums are made right.
	f.Fuzz(func(t *testing.T, segHead, pages, treeHead, rest []byte) {
		seg, tree := make([]byte, fileHeaderBytes), make([]byte, fileHeaderBytes)
		copy(seg[:132], segHead)
		copy(tree[:84], treeHead)
		c := &checker{path: "seg", file: memory(append(sealHeader(seg, 128), pages...))}
		c.tree = &treeChecker{c: c, path: "tree", file: memory(append(sealHeader(tree, 80), rest...))}
		if err := c.run(); errors.Is(err, ErrFormat) {
			return // a header of version 1: left as it is
		} else if err != nil {
			t.Fatal(err)
		}
		if r := &c.report; len(r.Flaws) == 0 && len(pages) < r.Pages*r.PageBytes {
			t.Fatalf("%d bytes hold %d whole pages", len(pages), r.Pages)
		}
	})
}

// memoryFile is a file that is only read.
type memoryFile struct {
	durable.File
	r *bytes.Reader
}

func memory(b []byte) durable.File { return memoryFile{r: bytes.NewReader(b)} }

func (m memoryFile) ReadAt(p []byte, off int64) (int, error) { return m.r.ReadAt(p, off) }
func (m memoryFile) Size() (int64, error)                    { return m.r.Size(), nil }

// A page that was damaged is written again, with a copy from elsewhere, while
// the log is open.
func TestRepairPage(t *testing.T) {
	p := testParams(MinPageBytes, 64)
	dir, spans := written(t, p, 60)
	l := openLog(t, noSync, dir, p, Options{})
	checkLog(t, l, spans)
	page := spans[4].Page
	flip(t, logFile(dir, p, "000000.seg"), p.pageOffset(int(page))+500, 2)
	if err := l.Recheck(page); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if _, err := l.Page(page); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	if err := l.WritePages(page, spans[4].pages); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
}
