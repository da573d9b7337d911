// SPDX-License-Identifier: MPL-2.0

// Command run simulates many peers (see package simulation): one seed, told
// step by step, or as many as one likes.
//
//	go run ./tests/simulation/run -seed 7 -peers 8
//	go run ./tests/simulation/run -seeds 10000
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/xaeroflux/xaeroflux/tests/simulation"
)

func main() {
	var opt simulation.Options
	var control string
	flag.Uint64Var(&opt.Seed, "seed", 1, "of all that happens; the first one of -seeds")
	seeds := flag.Int("seeds", 1, "`how many` seeds to try, from -seed on")
	flag.IntVar(&opt.Peers, "peers", 0, "how many; 0 draws 3 to 64 from the seed")
	flag.IntVar(&opt.Topics, "topics", 0, "how many; 0 draws them from the seed")
	faults := flag.String("faults", simulation.AllFaults.String(), "`kinds` of faults")
	flag.StringVar(&control, "control", "", fmt.Sprintf("break one peer: one of %q", simulation.Controls))
	shrink := flag.Bool("shrink", true, "look for the fewest kinds of faults with which a seed still fails")
	watch := flag.Bool("watch", false, "tell every step")
	flag.Parse()
	set, ok := simulation.ParseFaults(*faults)
	if !ok {
		fmt.Fprintf(os.Stderr, "run: -faults takes some of %s\n", simulation.AllFaults)
		os.Exit(2)
	}
	opt.Faults, opt.Control = set, simulation.Control(control)
	if *watch {
		opt.Watch = os.Stdout
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if failed := campaign(ctx, opt, *seeds, *shrink, os.Stdout); failed > 0 {
		os.Exit(1)
	}
}

// campaign tries seeds and tells of those that fail.
func campaign(ctx context.Context, opt simulation.Options, seeds int, shrink bool, w io.Writer) (failed int) {
	var all simulation.Stats
	tried := 0
	for ; tried < seeds && ctx.Err() == nil; tried++ {
		o := simulation.Simulate(opt)
		all.Add(o.Stats)
		if o.Wrong != "" {
			failed++
			if seeds == 1 && opt.Watch == nil {
				fmt.Fprintln(w, strings.Join(o.Trace, "\n"))
			}
			fmt.Fprintf(w, "seed %d: %s\n", opt.Seed, o.Wrong)
			small := opt
			if shrink {
				small = simulation.Shrink(opt)
				fmt.Fprintf(w, "  the faults it takes: %s\n", small.Faults)
			}
			fmt.Fprintf(w, "  again: %s\n", simulation.Replay(small))
		}
		opt.Seed++
	}
	fmt.Fprintf(w, "%d seeds, %d failed: %s\n", tried, failed, all)
	return failed
}
