// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/examples/internal/built"
)

// The counter is killed wherever it may be, more events come in between, and in the end
// each was counted once.
func TestEachIsCountedOnce(t *testing.T) {
	ctx, program := context.Background(), built.Program(t)
	dir, file := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "counts")
	want := map[string]int{}
	grow := func(n int) {
		db, err := xaeroflux.Open(dir, &xaeroflux.Options{Kind: xaeroflux.OpenTopic})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			kind := fmt.Sprint("kind ", i%3)
			if _, err := db.Append(ctx, xaeroflux.Event{Type: kind}); err != nil {
				t.Fatal(err)
			}
			want[kind]++
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 12 {
		grow(200)
		run := built.Start(t, program, dir, file)
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond) // wherever it is
		run.Kill()
	}
	last := built.Start(t, program, dir, file)
	built.Await(t, "all counted", func() bool {
		c, err := load(file)
		return err == nil && fmt.Sprint(c.Types) == fmt.Sprint(want)
	})
	time.Sleep(100 * time.Millisecond)
	last.Kill()
	if c, err := load(file); err != nil || fmt.Sprint(c.Types) != fmt.Sprint(want) {
		t.Errorf("%v, want %v, %v", c.Types, want, err)
	}
}
