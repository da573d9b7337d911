// SPDX-License-Identifier: MPL-2.0

// Package harness is what the reliability harnesses have in common: how each is
// told what to do, and what each answers.
package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Config tells a harness what to do.
type Config struct {
	Seed    uint64 // of all that is random
	Count   int    // positions to try
	At      int    // the one position to try; -1 for all
	Dir     string // for its files; emptied by whoever made it
	Self    string // the program, to be started again as a child
	Control bool   // break the thing that is tested; the harness must see it
	Log     func(format string, args ...any)
}

// A Failure is a promise that did not hold.
type Failure struct {
	At   int
	What string
}

// maxFailures bounds the list in a Result; the rest is only counted.
const maxFailures = 20

// A Result is what a harness found.
type Result struct {
	mu       sync.Mutex // held by Fail, which guards Failed and Failures
	Name     string
	Seed     uint64
	Count    int // positions tried
	Failed   int // of them
	Failures []Failure
	Skipped  string // why nothing was tried
	Note     string // figures beside the count
	Took     time.Duration

	// Stopped reports whether the run was told to stop, which makes whatever is
	// under way fail.
	Stopped func() bool
}

// Fail notes a failure.
func (r *Result) Fail(at int, format string, args ...any) {
	if r.Stopped != nil && r.Stopped() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Failed++
	if len(r.Failures) < maxFailures {
		r.Failures = append(r.Failures, Failure{at, fmt.Sprintf(format, args...)})
	}
}

// A Harness runs cfg.Count positions. The error is for what kept it from
// looking; what it found is in the Result.
type Harness func(ctx context.Context, cfg Config, r *Result) error

// Rand returns the random source of one position.
func (c Config) Rand(at int) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, uint64(at))) }

// Each calls fn for the positions to try, until ctx ends.
func (c Config) Each(ctx context.Context, r *Result, fn func(at int) error) error {
	from, to := 0, c.Count
	if c.At >= 0 {
		return c.again(ctx, r, fn)
	}
	for at := from; at < to && ctx.Err() == nil; at++ {
		if err := fn(at); err != nil {
			return fmt.Errorf("position %d: %w", at, err)
		}
		r.Count++
	}
	return ctx.Err()
}

// tries is how often one position is tried: which thread comes first is the
// system's to decide.
const tries = 20

// again tries the one position until it fails.
func (c Config) again(ctx context.Context, r *Result, fn func(at int) error) error {
	for r.Count < tries && r.Failed == 0 && ctx.Err() == nil {
		if err := fn(c.At); err != nil {
			return fmt.Errorf("position %d: %w", c.At, err)
		}
		r.Count++
	}
	return ctx.Err()
}

// Logf tells how far the harness is.
func (c Config) Logf(format string, args ...any) {
	if c.Log != nil {
		c.Log(format, args...)
	}
}

// MemoryDir makes a directory in memory if the system has one, so that a
// million syncs wear out no disk; those tests model the disk by themselves.
func MemoryDir(fallback string) (dir string, remove func(), err error) {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = fallback
	}
	dir, err = os.MkdirTemp(parent, "xf-reliability-")
	return dir, func() { os.RemoveAll(dir) }, err
}

// CopyDir copies a directory of small files.
func CopyDir(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
}
