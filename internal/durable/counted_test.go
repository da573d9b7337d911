// SPDX-License-Identifier: MPL-2.0

package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// walked is the length of all files below dir, the slow way.
func walked(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// Whatever is done, in whatever order and also if it fails, the count is what a
// walk finds.
func TestCountedIsWhatAWalkFinds(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	for _, d := range []string{"apart", "a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "0"), make([]byte, 77), 0o600); err != nil {
		t.Fatal(err)
	}
	fails := false
	faulty := NewFaulty(OS, func(op Op, _ string) error {
		if fails && op.Mutates() && r.IntN(2) == 0 {
			return &ShortWrite{N: r.IntN(40), Err: errors.New("injected")}
		}
		return nil
	})
	c := NewCounted(faulty, dir, "apart")
	if err := c.Walk(); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		return filepath.Join(dir, []string{"a", "b", "apart", filepath.Join("a", "deep")}[r.IntN(4)], fmt.Sprint(r.IntN(3)))
	}
	for i := range 3000 {
		fails = r.IntN(3) == 0
		op, n := r.IntN(8), name()
		switch op {
		case 0:
			_ = c.WriteFileAtomic(n, make([]byte, r.IntN(100)), 0o600)
		case 1:
			_ = c.Remove(n)
		case 2:
			_ = c.Rename(n, name())
		case 3:
			_ = c.RemoveAll(filepath.Join(dir, "a", "deep"))
		case 4:
			_ = c.MkdirAll(filepath.Join(dir, "a", "deep"), 0o700)
		default:
			f, err := c.Open(n, os.O_RDWR|os.O_CREATE|[]int{0, os.O_TRUNC}[r.IntN(2)], 0o600)
			if err != nil {
				continue
			}
			for range r.IntN(5) {
				switch r.IntN(3) {
				case 0:
					_, _ = f.WriteAt(make([]byte, r.IntN(50)), r.Int64N(200))
				case 1:
					_ = f.Truncate(r.Int64N(200))
				case 2:
					_ = f.Preallocate(r.Int64N(200))
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		fails = false
		have, err := c.Bytes()
		if want := walked(t, dir); err != nil || have != want {
			t.Fatalf("seed %d, step %d, operation %d of %s: counted %d (%v), a walk finds %d", seed, i, op, n, have, err, want)
		}
	}
}
