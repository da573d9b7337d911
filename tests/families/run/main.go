// SPDX-License-Identifier: MPL-2.0

// Command run plays families (see package families): one seed, told step by step, or as
// many as one likes.
//
//	go run ./tests/families/run -seed 7
//	go run ./tests/families/run -seeds 2000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/families"
)

func main() {
	var o families.Options
	flag.Uint64Var(&o.Seed, "seed", 1, "of what happens; the first one of -seeds")
	seeds := flag.Int("seeds", 1, "`how many` seeds to try, from -seed on")
	flag.IntVar(&o.Steps, "steps", 30, "`how many` things happen before all have to agree")
	flag.BoolVar(&o.Relay, "relays", false, "one store of each family withholds what others wrote, and not of each fourth only")
	parallel := flag.Int("parallel", 8, "`how many` at once")
	dir := flag.String("dir", os.TempDir(), "`where` the stores lie while they are played; a file system in memory is fast")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(campaign(ctx, o, *seeds, *parallel, *dir))
}

// campaign plays seeds, some at once, as most of a run is waiting, and tells of those that
// fail.
func campaign(ctx context.Context, o families.Options, seeds, parallel int, dir string) (code int) {
	begin, next := time.Now(), make(chan uint64)
	done := make(chan families.Outcome)
	for range parallel {
		go func() {
			for seed := range next {
				done <- play(o, seed, dir)
			}
		}()
	}
	go func() {
		defer close(next)
		for i := range seeds {
			select {
			case next <- o.Seed + uint64(i):
			case <-ctx.Done():
				return
			}
		}
	}()
	var all families.Stats
	failed := 0
	for all.Runs < seeds && ctx.Err() == nil {
		out := <-done
		all.Add(out.Stats)
		if len(out.Wrong) > 0 {
			failed++
			fmt.Printf("seed %d:\n  %s\n", out.Seed, strings.Join(out.Wrong, "\n  "))
		}
		if seeds == 1 || len(out.Wrong) > 0 { // when things happen is up to the machine: it may not come again
			fmt.Println(strings.Join(out.Trace, "\n"))
		}
	}
	fmt.Printf("%d failed, in %s: %+v\n", failed, time.Since(begin).Round(time.Second), all)
	if failed > 0 {
		return 1
	}
	return 0
}

// play plays one seed in a directory of its own.
func play(o families.Options, seed uint64, dir string) families.Outcome {
	var err error
	if o.Dir, err = os.MkdirTemp(dir, "families"); err != nil {
		return families.Outcome{Seed: seed, Wrong: []string{err.Error()}, Stats: families.Stats{Runs: 1}}
	}
	defer os.RemoveAll(o.Dir)
	o.Seed = seed
	return families.Play(o)
}
