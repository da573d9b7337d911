// SPDX-License-Identifier: MPL-2.0

//go:build unix

package aof

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

func TestLatch(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	put(t, s, "k", "1")
	s.faults = func(string) error { return syscall.EIO }
	err := s.Commit(func(tx *Txn) error { return tx.Put(Meta, []byte("k"), []byte("2")) })
	if !errors.Is(err, ErrLatched) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("failed sync: %v", err)
	}
	s.faults = nil
	ran := false
	again := s.Commit(func(tx *Txn) error { ran = true; return nil })
	if ran || !errors.Is(again, ErrLatched) || !errors.Is(again, syscall.EIO) || s.Latched() != again {
		t.Fatalf("commit after it: %v (ran %v), latched %v", again, ran, s.Latched())
	}
	if got := get(t, s, "k"); got != "1" {
		t.Fatalf("read %q after the latch, want 1", got)
	}
	mustClose(t, s)
	s = mustOpen(t, dir, Options{})
	if got := get(t, s, "k"); got != "1" || s.Latched() != nil {
		t.Fatalf("reopened: %q, latched %v", got, s.Latched())
	}
	put(t, s, "k", "3")
}

// A map that cannot grow latches the store and keeps what is there readable.
// A map that cannot grow for want of address space refuses what does not fit,
// and takes it once there is some.
func TestMapThatCannotGrow(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{MapBytes: minMapBytes})
	put(t, s, "k", "1")
	lost, none := false, true
	s.faults = func(op string) error {
		if op != "grow" || !none {
			return nil
		}
		if lost { // nor is there any for the old map
			s.mapBytes = 1 << 60
		}
		return syscall.ENOMEM
	}
	huge := func() error { return s.Commit(func(tx *Txn) error { return appendSized(tx, 0, 2<<20) }) }
	for _, lost = range []bool{false, true} {
		small := s.mapBytes
		if err := huge(); errors.Is(err, ErrLatched) || !errors.Is(err, syscall.ENOMEM) {
			t.Fatalf("got %v", err)
		}
		if s.Latched() != nil {
			t.Fatalf("it is read-only: %v", s.Latched())
		}
		if err := s.View(func(*View) error { return nil }); (err != nil) != lost || lost && !errors.Is(err, syscall.ENOMEM) {
			t.Fatalf("a view with lost=%v: %v", lost, err)
		}
		s.mapBytes = small
		put(t, s, "k", "2")
		if got := get(t, s, "k"); got != "2" {
			t.Fatalf("read %q", got)
		}
	}
	none = false
	if err := huge(); err != nil {
		t.Fatalf("once there is address space: %v", err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir, Options{})
	if got := get(t, s, "k"); got != "2" {
		t.Fatalf("read %q after reopening", got)
	}
}

func TestErrorsOfTheFunctionDoNotLatch(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	mine := errors.New("mine")
	if err := s.Commit(func(tx *Txn) error { return mine }); err != mine {
		t.Fatalf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Commit(func(tx *Txn) error { panic("mine") })
	}()
	err := s.Commit(func(tx *Txn) error {
		_ = tx.AppendEvents(1, 0, []byte("no record at all"), 1) // half done, and its error dropped
		return nil
	})
	if !errors.Is(err, ErrInvalid) || s.Latched() != nil {
		t.Fatalf("got %v, latched %v", err, s.Latched())
	}
	put(t, s, "k", "1")
}

// TestFullDisk lets a real write of LMDB fail: a file size limit stands for a
// full disk.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for _, line := range runChild(t, "limit", dir) {
		if _, err := fmt.Sscanf(line, "acked %d", &acked); err != nil {
			t.Fatalf("child said %q", line)
		}
	}
	if acked == 0 {
		t.Fatal("nothing was acknowledged before the limit")
	}
	s := mustOpen(t, dir, Options{})
	for i := range acked {
		if got := get(t, s, fmt.Sprint(i)); len(got) != 100<<10 {
			t.Fatalf("row %d of %d acknowledged: %d bytes", i, acked, len(got))
		}
	}
	put(t, s, "more", "1")
}

func init() { roles["limit"] = commitUntilFull }

// commitUntilFull commits until a write fails, and then wants the latch.
func commitUntilFull(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // the write then fails with EFBIG, or is short, which LMDB calls EIO
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 2 << 20, Max: 2 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for i := 0; ; i++ {
		err := s.Commit(func(t *Txn) error { return t.Put(Meta, fmt.Append(nil, i), make([]byte, 100<<10)) })
		if err == nil {
			fmt.Println("acked", i+1)
			continue
		}
		if !errors.Is(err, ErrLatched) || !errors.Is(err, syscall.EFBIG) && !errors.Is(err, syscall.EIO) {
			return err
		}
		break
	}
	small := s.Commit(func(t *Txn) error { return t.Put(Meta, []byte("small"), nil) })
	if !errors.Is(small, ErrLatched) {
		return fmt.Errorf("commit after the failure: %w", small)
	}
	err = s.View(func(v *View) error {
		if b, ok, err := v.Get(Meta, []byte("0")); err != nil || !ok || len(b) != 100<<10 {
			return fmt.Errorf("read after the failure: %d bytes, %v, %w", len(b), ok, err)
		}
		return nil
	})
	return errors.Join(err, s.Close())
}

// TestFullFilesystem does the same on a real full file system, if the tests
// may mount one.
func TestFullFilesystem(t *testing.T) {
	dir := t.TempDir()
	if err := mountTmpfs(dir, 3<<20); err != nil {
		t.Skipf("no small file system to fill: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	s := mustOpen(t, dir+"/aof", Options{})
	acked := 0
	var err error
	for ; err == nil && acked < 1000; acked++ {
		err = s.Commit(func(tx *Txn) error { return tx.Put(Meta, fmt.Append(nil, acked), make([]byte, 100<<10)) })
	}
	acked--
	if !errors.Is(err, ErrLatched) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("after %d commits: %v", acked, err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir+"/aof", Options{})
	for i := range acked {
		if got := get(t, s, fmt.Sprint(i)); len(got) != 100<<10 {
			t.Fatalf("row %d of %d acknowledged: %d bytes", i, acked, len(got))
		}
	}
	mustClose(t, s)
	if err := os.RemoveAll(dir + "/aof"); err != nil {
		t.Fatal(err)
	}
}
