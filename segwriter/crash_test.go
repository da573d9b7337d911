// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A lossy file system forgets what was not synced when the power is cut: each
// sector written since the last sync may hold the old bytes or the new, the
// size may be either, and a name in a directory that was not synced may be gone.
// It never waits for a disk.
type lossy struct {
	durable.FS
	mu     sync.Mutex        // guards the maps
	synced map[string][]byte // content at the last sync of files written since
	names  map[string]bool   // new, their directory not synced
	before map[string][]byte // what files held whose name another one took, the directory not synced
}

type lossyFile struct {
	durable.File
	fs *lossy
}

func newLossy() *lossy {
	return &lossy{FS: durable.OS, synced: map[string][]byte{}, names: map[string]bool{}, before: map[string][]byte{}}
}

func (l *lossy) Rename(from, to string) error {
	old, statErr := os.ReadFile(to)
	if err := l.FS.Rename(from, to); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.before[to]; statErr == nil && !ok {
		l.before[to] = old
	}
	return nil
}

func (l *lossy) Open(name string, flag int, perm fs.FileMode) (durable.File, error) {
	_, statErr := os.Stat(name)
	f, err := l.FS.Open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if statErr != nil {
		l.names[name] = true
	}
	return &lossyFile{f, l}, nil
}

func (l *lossy) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }

func (l *lossy) SyncDir(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for path := range l.names {
		if filepath.Dir(path) == name {
			delete(l.names, path)
		}
	}
	for path := range l.before {
		if filepath.Dir(path) == name {
			delete(l.before, path)
		}
	}
	return nil
}

func (f *lossyFile) touch() {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, ok := f.fs.synced[f.Name()]; !ok {
		f.fs.synced[f.Name()], _ = os.ReadFile(f.Name())
	}
}

func (f *lossyFile) WriteAt(b []byte, off int64) (int, error) {
	f.touch()
	return f.File.WriteAt(b, off)
}

func (f *lossyFile) Truncate(size int64) error {
	f.touch()
	return f.File.Truncate(size)
}

func (f *lossyFile) Preallocate(size int64) error {
	f.touch()
	return f.File.Preallocate(size)
}

func (f *lossyFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	delete(f.fs.synced, f.Name())
	return nil
}

// cut loses what a power cut may lose.
func (l *lossy) cut(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	for name, old := range l.synced {
		now, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, mix(rnd, old, now), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, old := range l.before {
		if rnd.IntN(2) == 0 {
			if err := os.WriteFile(name, old, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range l.names {
		if rnd.IntN(2) == 0 {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
}

func mix(rnd *rand.Rand, old, now []byte) []byte {
	size := len(now)
	if rnd.IntN(2) == 0 {
		size = len(old)
	}
	out := make([]byte, size)
	for at := 0; at < size; at += 512 {
		from := now
		if rnd.IntN(2) == 0 {
			from = old
		}
		if at < len(from) {
			copy(out[at:min(at+512, size)], from[at:])
		}
	}
	return out
}

// run writes spans in groups, each synced, and returns how many are sealed.
func run(l *Log, spans []sealedSpan, from, group int) (sealed int, err error) {
	for sealed = from; sealed < len(spans); {
		next := min(sealed+group, len(spans))
		if err := errors.Join(write(l, spans[sealed:next], spanNodesOf(spans[:sealed])), syncAll(l)); err != nil {
			return sealed, err
		}
		sealed = next
	}
	return sealed, nil
}

// files reads all files below dir.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		out[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameFiles(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			t.Fatalf("%s: %d bytes that differ from the %d of an undisturbed run", name, len(got[name]), len(b))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d files, want %d", len(got), len(want))
	}
}

// A crash at every step, with and without the loss of what was not synced:
// what was sealed is there, and going on gives the files of an undisturbed run.
func TestCrashAtEveryWrite(t *testing.T) {
	spans := seal(t, MinPageBytes, mixed(t, 5, 24, MinPageBytes))
	p := testParams(MinPageBytes, 2)
	undisturbed := t.TempDir()
	l := openLog(t, noSync, undisturbed, p, Options{})
	if _, err := run(l, spans, 0, 3); err != nil {
		t.Fatal(err)
	}
	want := files(t, undisturbed)
	for step, done := 0, false; !done; step++ {
		rnd := rand.New(rand.NewPCG(uint64(step), 1))
		dir := t.TempDir()
		disk := newLossy()
		crash := durable.CrashAt(step, 3000*rnd.IntN(2))
		crashed := openLog(t, durable.NewFaulty(disk, crash), dir, p, Options{MaxOpen: 2})
		sealed, err := run(crashed, spans, 0, 3)
		if done = err == nil; !done && !errors.Is(err, durable.ErrCrashed) {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := crashed.s.Close(); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(3) > 0 { // otherwise the process died, not the machine
			disk.cut(t, rnd)
		}
		recovered(t, dir, p, spans, sealed, sealed > 0 || rnd.IntN(2) == 0)
		sameFiles(t, files(t, dir), want)
	}
}

// recovered opens the log again, checks what is sealed and writes the rest.
func recovered(t *testing.T, dir string, p Params, spans []sealedSpan, sealed int, cutBack bool) {
	t.Helper()
	l := openLog(t, newLossy(), dir, p, Options{})
	pages := pagesOf(spans[:sealed])
	if cutBack {
		if err := recoverTo(l, pages); err != nil {
			t.Fatal(err)
		}
		if got := checkSegments(t, dir); got != int(pages) {
			t.Fatalf("%d pages after the crash, %d sealed", got, pages)
		}
	}
	if sealed > 0 {
		checkLog(t, l, spans[:sealed])
	}
	if _, err := run(l, spans, sealed, 3); err != nil {
		t.Fatal(err)
	}
	checkLog(t, l, spans)
	if err := l.s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Recover run again and again, crashing at each of its steps, gets there.
func TestCrashInRecover(t *testing.T) {
	spans := seal(t, MinPageBytes, mixed(t, 6, 90, MinPageBytes))
	p := testParams(MinPageBytes, 5)
	sealed := len(spans) / 2
	for step, done := 0, false; !done; step++ {
		dir := t.TempDir()
		l := openLog(t, newLossy(), dir, p, Options{})
		if err := errors.Join(write(l, spans, 0), syncAll(l), l.Close()); err != nil {
			t.Fatal(err)
		}
		crashed := openLog(t, durable.NewFaulty(durable.OS, durable.CrashAt(step, 100)), dir, p, Options{})
		err := recoverTo(crashed, pagesOf(spans[:sealed]))
		if done = err == nil; !done && !errors.Is(err, durable.ErrCrashed) {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := crashed.Close(); err != nil {
			t.Fatal(err)
		}
		recovered(t, dir, p, spans, sealed, true)
	}
}
