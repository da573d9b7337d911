// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// Readers read what is published while it grows, is written again and synced,
// with fewer files open than there are.
func TestReadersAndWriters(t *testing.T) {
	spans := seal(t, MinPageBytes, mixed(t, 12, 250, MinPageBytes))
	l := openLog(t, noSync, t.TempDir(), testParams(MinPageBytes, 3), Options{MaxOpen: 3})
	var published atomic.Int64 // spans that may be read
	var done atomic.Bool
	var wg sync.WaitGroup
	fail := func(err error) {
		if err != nil {
			t.Error(err)
			done.Store(true)
		}
	}
	for seed := range uint64(3) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 0))
			for !done.Load() {
				if n := published.Load(); n > 0 {
					fail(readSpan(l, spans[:n], rnd.IntN(int(n))))
				} else {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Go(func() {
		for !done.Load() {
			fail(syncAll(l))
		}
	})
	for i := range spans {
		again := max(0, i-2) // as a stage that restarted would
		fail(write(l, spans[again:i+1], spanNodesOf(spans[:again])))
		published.Store(int64(i + 1))
	}
	done.Store(true)
	wg.Wait()
	checkLog(t, l, spans)
}

// readSpan reads one of spans in every way.
func readSpan(l *Log, spans []sealedSpan, i int) error {
	s := &spans[i]
	page, _, _, err := l.FindPage(s.First, pagesOf(spans))
	if err != nil || page != s.Page {
		return fmt.Errorf("event %d: page %d, want %d, %w", s.First, page, s.Page, err)
	}
	ref, err := l.Page(s.Page)
	if err != nil {
		return err
	}
	defer ref.Release()
	if !bytes.Equal(ref.Bytes, s.pages[:len(ref.Bytes)]) {
		return fmt.Errorf("page %d: other bytes", s.Page)
	}
	if nodes, err := l.TreeNodes(s.Page); err != nil || len(nodes) != len(s.tree) {
		return fmt.Errorf("page %d: %d nodes, want %d, %w", s.Page, len(nodes), len(s.tree), err)
	}
	if n := spanNodesOf(spans[:i]); len(s.spans) > 0 {
		if h, err := l.SpanNode(n); err != nil || h != s.spans[0] {
			return fmt.Errorf("span %d: %s, %w", n, h, err)
		}
	}
	return nil
}

// Many logs at once.
func TestManyLogs(t *testing.T) {
	s := NewStore(noSync, t.TempDir(), Options{MaxOpen: 8})
	spans := seal(t, MinPageBytes, mixed(t, 13, 60, MinPageBytes))
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			p := testParams(MinPageBytes, 4)
			p.Log = digest.Sum([]byte{byte(i)})
			l, err := s.Log(p)
			if err == nil {
				err = errors.Join(write(l, spans, 0), syncAll(l))
			}
			if err != nil {
				t.Error(err)
				return
			}
			checkLog(t, l, spans)
		})
	}
	wg.Wait()
	if n := len(s.cache.items); n > 8 {
		t.Errorf("%d files open, want at most 8", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// open counts descriptors and maps of files below dir.
func open(t *testing.T, dir string) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip("no /proc here")
	}
	n = strings.Count(string(maps), dir)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, dir) {
			n++
		}
	}
	return n
}

// Files and maps are bounded while the store is open and gone when it is
// closed; a page that is in use stays readable until it is released.
func TestNothingIsLeftOpen(t *testing.T) {
	dir := t.TempDir()
	spans := seal(t, MinPageBytes, mixed(t, 14, 300, MinPageBytes))
	s := NewStore(noSync, dir, Options{MaxOpen: 4})
	l, err := s.Log(testParams(MinPageBytes, 2))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
	if n := open(t, dir); n == 0 || n > 8 { // a .seg may be mapped and open for writing
		t.Errorf("%d files and maps open, want at most 8", n)
	}
	ref, err := l.Page(spans[3].Page)
	if err != nil {
		t.Fatal(err)
	}
	if err := recoverTo(l, pagesOf(spans)); !errors.Is(err, ErrBusy) {
		t.Errorf("recover with a page in use: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrBusy) {
		t.Errorf("close with a page in use: %v", err)
	}
	if !bytes.Equal(ref.Bytes, spans[3].pages[:MinPageBytes]) {
		t.Error("the page changed")
	}
	ref.Release()
	ref.Release() // does no harm
	if n := open(t, dir); n != 0 {
		t.Errorf("%d files and maps left open", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestLogClose(t *testing.T) {
	dir := t.TempDir()
	spans := seal(t, MinPageBytes, mixed(t, 15, 50, MinPageBytes))
	l := openLog(t, noSync, dir, testParams(MinPageBytes, 2), Options{})
	if err := errors.Join(write(l, spans, 0), l.Close()); err != nil {
		t.Fatal(err)
	}
	if n := open(t, dir); n != 0 {
		t.Errorf("%d files and maps left open", n)
	}
	again, err := l.s.Log(l.p)
	if err != nil || again == l {
		t.Fatalf("the closed log again, %v", err)
	}
	checkLog(t, again, spans)
}

// Pages are read while some of them are erased, again and again: each event is
// as it was, or as it is to be.
func TestReadWhileErasing(t *testing.T) {
	p := testParams(MinPageBytes, 3)
	e := newErasedLog(t, 41, 120, p)
	l := openLog(t, noSync, t.TempDir(), p, Options{MaxOpen: 2})
	if err := errors.Join(write(l, e.spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	pages := pagesOf(e.spans)
	list := e.decide(rand.New(rand.NewPCG(4, 1)), len(e.spans), 50)
	done := make(chan error, 1)
	go func() {
		for i := range list {
			if err := l.Erase(pages, list[i:i+1]); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(r), 1))
			for range 400 {
				seq := rnd.Uint64N(uint64(len(e.fates)))
				page, first, _, err := l.FindPage(seq, pages)
				if err != nil {
					t.Error(err)
					return
				}
				h, items, err := l.Items(page)
				if err != nil || h.First != first || items[len(items)-1].End() != h.End() {
					t.Errorf("page %d: %+v, %v", page, h, err)
					return
				}
			}
		})
	}
	readers.Wait()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	e.check(t, l, len(e.spans))
}
