// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// few is a file system with a limited number of descriptors.
type few struct {
	durable.FS
	mu          sync.Mutex // guards all but limit
	limit       int        // 0 is none
	open, most  int
	failing     string            // what is below it cannot be synced
	synced      map[string]int    // by name, how often
	denied      func(string) bool // names that nothing is opened for
	deniedCalls int
}

func newFew(limit int) *few { return &few{FS: noSync, limit: limit, synced: map[string]int{}} }

func (f *few) take(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied != nil && f.denied(name) || f.limit > 0 && f.open >= f.limit {
		f.deniedCalls++
		return &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	f.open++
	f.most = max(f.most, f.open)
	return nil
}

func (f *few) give() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

func (f *few) Open(name string, flag int, perm fs.FileMode) (durable.File, error) {
	if err := f.take(name); err != nil {
		return nil, err
	}
	file, err := f.FS.Open(name, flag, perm)
	if err != nil {
		f.give()
		return nil, err
	}
	return &fewFile{file, f}, nil
}

func (f *few) SyncDir(name string) error {
	if err := f.take(name); err != nil {
		return err
	}
	defer f.give()
	return f.FS.SyncDir(name)
}

type fewFile struct {
	durable.File
	f *few
}

func (f *fewFile) Sync() error {
	f.f.mu.Lock()
	defer f.f.mu.Unlock()
	f.f.synced[f.Name()]++
	if f.f.failing != "" && strings.HasPrefix(f.Name(), f.f.failing) {
		return syscall.EIO
	}
	return nil
}

func (f *fewFile) Close() error {
	f.f.give()
	return f.File.Close()
}

// A file that waits for a sync counts too: the oldest is synced and closed for the next.
func TestUnsyncedFilesAreBounded(t *testing.T) {
	for _, limit := range []int{0, 6} { // with the system's leave, and against its limit
		files := newFew(limit)
		o := Options{MaxOpen: 4}
		if limit > 0 {
			o.MaxOpen = 1000
		}
		s := NewStore(files, t.TempDir(), o)
		spans := seal(t, MinPageBytes, mixed(t, 13, 60, MinPageBytes))
		var logs []*Log
		for i := range 20 {
			p := testParams(MinPageBytes, 4)
			p.Log = digest.Sum([]byte{byte(i)})
			l, err := s.Log(p)
			if err == nil {
				err = write(l, spans, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			logs = append(logs, l)
		}
		if files.most > 6 {
			t.Errorf("limit %d: %d files open at once, want at most 6", limit, files.most)
		}
		for _, l := range logs {
			if err := syncAll(l); err != nil {
				t.Fatal(err)
			}
			checkLog(t, l, spans)
			for segment := range (pagesOf(spans) + 3) / 4 {
				if files.synced[l.segPath(segment)] == 0 || files.synced[l.treePath(segment)] == 0 {
					t.Fatalf("limit %d: segment %d of log %s was never synced", limit, segment, l.p.Log)
				}
			}
		}
		if err := s.Close(); err != nil || files.open != 0 {
			t.Fatalf("%v, %d files left open", err, files.open)
		}
	}
}

// An event of 16 MiB in segments of two pages is written, synced and read with a
// few files.
func TestHugeEventInSmallSegments(t *testing.T) {
	files, bytes := newFew(12), 16<<20-100
	if testing.Short() {
		bytes = 2 << 20
	}
	l := openLog(t, files, t.TempDir(), testParams(MinPageBytes, 2), Options{})
	rnd := rand.New(rand.NewPCG(9, 9))
	spans := seal(t, MinPageBytes, [][]byte{record(t, rnd, 10), record(t, rnd, bytes), record(t, rnd, 5000), record(t, rnd, 10)})
	if err := errors.Join(write(l, spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
	if err := recoverTo(l, pagesOf(spans)); err != nil {
		t.Fatal(err)
	}
	if n, err := l.TreesPresent(pagesOf(spans)); err != nil || n != pagesOf(spans) {
		t.Fatalf("%d trees of %d pages, %v", n, pagesOf(spans), err)
	}
}

// The sync of a file that makes room for another log's is a sync of its log: if
// it fails, that log takes nothing more, and the other one goes on.
func TestFailedSyncForRoom(t *testing.T) {
	files := newFew(0)
	s := NewStore(files, t.TempDir(), Options{MaxOpen: 2})
	defer s.Close()
	spans := seal(t, MinPageBytes, mixed(t, 14, 60, MinPageBytes))
	var logs [2]*Log
	for i := range logs {
		p := testParams(MinPageBytes, 64)
		p.Log = digest.Sum([]byte{byte(i)})
		var err error
		if logs[i], err = s.Log(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := logs[0].WritePages(0, spans[0].pages); err != nil {
		t.Fatal(err)
	}
	files.failing = logs[0].dir
	for range 3 { // takes the place of what was written
		if err := logs[1].WritePages(0, spans[0].pages); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(logs[1].WriteTrees(0, spans[0].trees()), logs[1].WriteSpans(0, []digest.Hash{{1}})); err != nil {
			t.Fatal(err)
		}
	}
	files.failing = ""
	if err := logs[0].SyncPages(); !errors.Is(err, syscall.EIO) {
		t.Errorf("pages that could not be synced count as synced: %v", err)
	}
	if err := logs[0].WritePages(0, spans[0].pages); !errors.Is(err, syscall.EIO) {
		t.Errorf("a log whose sync failed takes pages: %v", err)
	}
	if err := logs[1].SyncPages(); err != nil {
		t.Errorf("the other log: %v", err)
	}
}

// Having no descriptor for a moment is no failed write.
func TestNoDescriptorForAMoment(t *testing.T) {
	files := newFew(0)
	l := openLog(t, files, t.TempDir(), testParams(MinPageBytes, 4), Options{})
	spans := seal(t, MinPageBytes, mixed(t, 15, 60, MinPageBytes))
	files.denied = func(string) bool { return true }
	if err := write(l, spans, 0); durable.TroubleOf(err) != durable.Exhausted {
		t.Fatalf("%v, want what the system said", err)
	}
	files.denied = nil
	if err := write(l, spans, 0); err != nil {
		t.Fatal(err)
	}
	files.denied = func(name string) bool { return strings.HasSuffix(name, l.p.Log.String()) } // its directory
	if err := l.SyncPages(); durable.TroubleOf(err) != durable.Exhausted {
		t.Fatalf("%v, want what the system said", err)
	}
	files.denied = nil
	if err := syncAll(l); err != nil {
		t.Fatalf("once there are descriptors again: %v", err)
	}
	checkLog(t, l, spans)
}
