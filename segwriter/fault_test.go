// SPDX-License-Identifier: MPL-2.0

//go:build unix

package segwriter

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// faulting maps nothing that can be read. Files give their bytes, until one that was
// mapped is to fail.
func faulting(dead *atomic.Bool) durable.FS {
	return durable.NewFaulty(noSync, func(op durable.Op, name string) error {
		if op == durable.OpFault || op == durable.OpRead && dead.Load() {
			return &fs.PathError{Op: "read", Path: name, Err: syscall.EIO}
		}
		return nil
	})
}

// Bytes that fault in a map and can be read from its file are read: whatever is asked for
// comes out as ever.
func TestMapFaultsAndFileReads(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	dir, spans := written(t, p, 400)
	l := openLog(t, faulting(new(atomic.Bool)), dir, p, Options{})
	checkLog(t, l, spans)
	checkLog(t, l, spans) // now from pages that were checked before
}

// So is what is rewritten.
func TestEraseOverFaultingMaps(t *testing.T) {
	p := testParams(MinPageBytes, 8)
	e := newErasedLog(t, 21, 200, p)
	l := openLog(t, faulting(new(atomic.Bool)), t.TempDir(), p, Options{})
	if err := errors.Join(write(l, e.spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	list := e.decide(rand.New(rand.NewPCG(21, 2)), len(e.spans), 30)
	if err := l.Erase(pagesOf(e.spans), list); err != nil {
		t.Fatal(err)
	}
	e.check(t, l, len(e.spans))
}

// A disk that cannot read what is mapped is its own error, by its own name, and none
// of the bytes.
func TestMapFaultsAndFileFails(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	dir, _ := written(t, p, 400)
	page := func(l *Log) error {
		ref, err := l.Page(0)
		ref.Release()
		return err
	}
	for name, read := range map[string]func(*Log) error{
		"page":       page,
		"page again": func(l *Log) error { return l.Recheck(0) },
		"tree":       func(l *Log) error { _, err := l.TreeNodes(0); return err },
		"mountains":  func(l *Log) error { _, err := l.SpanNode(0); return err },
	} {
		var dead atomic.Bool
		l := openLog(t, faulting(&dead), dir, p, Options{})
		if err := read(l); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		dead.Store(true)
		if err := read(l); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		dead.Store(false)
		if err := read(l); err != nil {
			t.Errorf("%s, when the disk is back: %v", name, err)
		}
	}
}

// A file that was replaced under its name is not read instead of the one that
// is mapped.
func TestMapFaultsAndNameMoved(t *testing.T) {
	p := testParams(MinPageBytes, 6)
	dir, spans := written(t, p, 400)
	l := openLog(t, faulting(new(atomic.Bool)), dir, p, Options{})
	if err := l.Recheck(0); err != nil {
		t.Fatal(err)
	}
	seg := logFile(dir, p, "000000.seg")
	b, err := durable.OS.ReadFile(seg)
	if err != nil {
		t.Fatal(err)
	}
	if err := durable.OS.WriteFileAtomic(seg, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Recheck(0); !errors.Is(err, durable.ErrChanged) {
		t.Errorf("of %d pages: %v", pagesOf(spans), err)
	}
}

// A disk that cannot read leaves no erasure half done: a crash came between the two
// segments of a group, and what stands for its pages cannot be looked at.
func TestErasureIsFinishedOrSaid(t *testing.T) {
	p := testParams(MinPageBytes, 3)
	e, dir := newErasedLog(t, 21, 200, p), t.TempDir()
	l := openLog(t, noSync, dir, p, Options{})
	if err := errors.Join(write(l, e.spans, 0), syncAll(l)); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(e.spans, func(s sealedSpan) bool { return s.Page/3 != (s.Page+uint64(s.Pages)-1)/3 })
	s := &e.spans[i]
	first, second := l.segPath(s.Page/3), l.segPath(s.Page/3+1)
	before := files(t, dir)
	if err := errors.Join(l.Erase(pagesOf(e.spans), []Erasure{{First: s.First, End: s.end(), Wholly: true}}), l.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{second, l.treePath(s.Page/3 + 1)} {
		rel, err := filepath.Rel(dir, name)
		if err == nil {
			err = durable.OS.WriteFileAtomic(name, before[rel], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var dead atomic.Bool
	l = openLog(t, durable.NewFaulty(noSync, func(op durable.Op, name string) error {
		if op == durable.OpMap && name == first && dead.Load() {
			return &fs.PathError{Op: "mmap", Path: name, Err: syscall.EIO}
		}
		return nil
	}), dir, p, Options{})
	dead.Store(true)
	if err := recoverTo(l, pagesOf(e.spans)); !errors.Is(err, syscall.EIO) {
		t.Fatalf("over a disk that cannot read: %v", err)
	}
	dead.Store(false)
	if err := recoverTo(l, pagesOf(e.spans)); err != nil {
		t.Fatal(err)
	}
	ref, err := l.Page(s.Page/3*3 + 3)
	defer ref.Release()
	if err != nil || len(ref.Bytes) > 0 {
		t.Errorf("%d bytes of what is erased are left, %v", len(ref.Bytes), err)
	}
}
