// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// erasedFiles makes a closed log of which something is erased.
func erasedFiles(t testing.TB, p Params, seed uint64) (e *erasedLog, dir string) {
	t.Helper()
	e, dir = newErasedLog(t, seed, 60, p), t.TempDir()
	l := openLog(t, noSync, dir, p, Options{})
	list := e.decide(rand.New(rand.NewPCG(seed, 3)), len(e.spans), 40)
	if err := errors.Join(write(l, e.spans, 0), syncAll(l), l.Erase(pagesOf(e.spans), list), recoverTo(l, pagesOf(e.spans)), l.Close()); err != nil {
		t.Fatal(err)
	}
	return e, dir
}

// No flipped bit of a rewritten segment or its tree gets past CheckSegment, and
// none is handed out as data by a log that is opened with it.
func TestFlipsInErasedSegments(t *testing.T) {
	p := testParams(MinPageBytes, 8)
	e, dir := erasedFiles(t, p, 23)
	seg, tree := logFile(dir, p, "000000.seg"), logFile(dir, p, "000000.tree")
	if r, err := CheckSegment(seg, tree); err != nil || r.Erased == 0 || r.Rewrite == 0 || r.Params != p {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, path := range []string{seg, tree} {
		flips(t, p, path, 300, func(off int64, bit int) {
			undo := flip(t, path, off, bit)
			if _, err := CheckSegment(seg, tree); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s offset %d bit %d: %v", path, off, bit, err)
			}
			if off%16 == 0 {
				e.readable(t, dir)
			}
			undo()
		})
	}
}

// readable reads a log that may be damaged: what comes without an error is right.
func (e *erasedLog) readable(t *testing.T, dir string) {
	t.Helper()
	s := NewStore(noSync, dir, Options{})
	defer s.Close()
	l, err := s.Log(e.p)
	if err != nil {
		return
	}
	defer l.Close()
	for i := range e.spans {
		if _, _, err := l.Items(e.spans[i].Page); err == nil {
			e.checkItems(t, l, &e.spans[i])
		}
	}
}

// A tree that is of another rewrite than its segment, as a crash between the two
// leaves it, is found by CheckSegment and not believed when the log is opened.
func TestTreeOfAnotherRewrite(t *testing.T) {
	p := testParams(MinPageBytes, 8)
	e, dir := erasedFiles(t, p, 24)
	name := logFile(dir, p, "000000.tree")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _, h, what := parseTreeHeader(b[:fileHeaderBytes])
	h.rewrite--
	copy(b, p.treeHeader(0, h))
	if err := os.WriteFile(name, b, 0o600); err != nil || what != "" {
		t.Fatal(what, err)
	}
	if _, err := CheckSegment(logFile(dir, p, "000000.seg"), name); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	l := openLog(t, noSync, dir, p, Options{})
	if n, err := l.TreesPresent(pagesOf(e.spans)); err != nil || n != 0 {
		t.Errorf("%d trees, %v", n, err)
	}
	e.rebuildTrees(t, l, len(e.spans))
	e.check(t, l, len(e.spans))
}

// A segment of version 1 is refused with a sentence, by whatever comes first,
// and stays as it is.
func TestVersion1IsRefused(t *testing.T) {
	p := testParams(MinPageBytes, 4)
	dir, spans := written(t, p, 40)
	seg := logFile(dir, p, "000000.seg")
	b, err := os.ReadFile(seg)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[128:fileHeaderBytes])
	b[7], b[8] = 1, 1
	binary.LittleEndian.PutUint32(b[128:], crc32.Checksum(b[:128], castagnoli))
	if err := os.WriteFile(seg, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var f *FormatError
	if _, err := NewStore(noSync, dir, Options{}).Log(p); !errors.As(err, &f) || f.Version != 1 || errors.Is(err, ErrCorrupt) {
		t.Errorf("opened: %v", err)
	}
	if _, err := CheckSegment(seg, ""); !errors.Is(err, ErrFormat) {
		t.Errorf("checked: %v", err)
	}
	l := &Log{s: NewStore(noSync, dir, Options{}), p: p, dir: logFile(dir, p, "")}
	if err := l.WritePages(0, spans[0].pages); !errors.Is(err, ErrFormat) {
		t.Errorf("written: %v", err)
	}
	if after, err := os.ReadFile(seg); err != nil || digest.Sum(after) != digest.Sum(b) {
		t.Errorf("it was changed, %v", err)
	}
}

// Those who mend read images and put pages in their place.
func TestRawOfErased(t *testing.T) {
	p := testParams(MinPageBytes, 8)
	e, dir := erasedFiles(t, p, 25)
	r := OpenRaw(noSync, dir, p)
	if n, err := r.Pages(); err != nil || n < pagesOf(e.spans) {
		t.Fatalf("room for %d pages of %d, %v", n, pagesOf(e.spans), err)
	}
	for i := range e.spans {
		s := &e.spans[i]
		h, _, err := r.Page(s.Page)
		if err != nil || h.First != s.First || (h.Kind == KindErased) != e.touched(s) || !r.HeaderSound(s.Page) {
			t.Fatalf("page %d: %+v, %v", s.Page, h, err)
		}
		if s.Pages > 1 && h.Kind == KindErased {
			if h, b, err := r.Page(s.Page + 1); err != nil || h.Kind != 0 || len(b) > 0 {
				t.Fatalf("page %d: %+v, %v", s.Page+1, h, err)
			}
		}
	}
	for i := range e.spans { // all that was erased comes back
		s := &e.spans[i]
		if err := r.Write(s.Page, s.pages); err != nil {
			t.Fatal(err)
		}
	}
	clear(e.fates)
	l := openLog(t, noSync, dir, p, Options{})
	if err := recoverTo(l, pagesOf(e.spans)); err != nil {
		t.Fatal(err)
	}
	e.rebuildTrees(t, l, len(e.spans))
	e.check(t, l, len(e.spans))
}
