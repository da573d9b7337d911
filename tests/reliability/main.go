// SPDX-License-Identifier: MPL-2.0

// Command reliability hurts the engine in every way that a machine can be hurt,
// and prints what came of it (docs/reliability.md).
//
//	go run ./tests/reliability -scale 0.02
//	go run ./tests/reliability -only torn -seed 7 -at 1234
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// options of a run.
type options struct {
	scale   float64
	only    string
	seed    uint64
	at      int
	count   int
	counts  counts
	control bool
	write   string
	dir     string
}

// counts is how many positions some harnesses try.
type counts map[string]int

func (c *counts) String() string { return "" }

// Set reads "name=count,name=count".
func (c *counts) Set(text string) error {
	*c = counts{}
	for _, part := range strings.Split(text, ",") {
		name, count, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || whatIs(name) == "" {
			return fmt.Errorf("%q is no harness and count", part)
		}
		(*c)[name] = n
	}
	return nil
}

func main() {
	runChild()
	var o options
	flag.Float64Var(&o.scale, "scale", 1, "`factor` of all counts")
	flag.StringVar(&o.only, "only", "", "run this `harness` only")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of all that is random")
	flag.IntVar(&o.at, "at", -1, "try this `position` only")
	flag.IntVar(&o.count, "count", 0, "positions of each harness, whatever the scale")
	flag.Var(&o.counts, "counts", "positions of some harnesses, whatever the scale, as `soak=60,fuzz=100000`")
	flag.BoolVar(&o.control, "control", false, "break what is tested: the harness must see it")
	flag.StringVar(&o.write, "write", "", "put the table into this `file`, between its markers")
	flag.StringVar(&o.dir, "dir", "", "for files; it should be on a disk (default: a temporary directory)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// run runs the harnesses and returns how many positions failed.
func run(ctx context.Context, o options) (failed int, err error) {
	var results []*harness.Result
	for _, e := range entries {
		if o.only != "" && o.only != e.name {
			continue
		}
		var r *harness.Result
		if r, err = runOne(ctx, o, e); err != nil {
			err = fmt.Errorf("%s: %w", e.name, err)
			break
		}
		results = append(results, r)
		failed += r.Failed
	}
	if len(results) == 0 {
		return 0, errors.Join(err, fmt.Errorf("no harness %q was run to its end", o.only))
	}
	table := table(results)
	fmt.Print(table)
	if o.write != "" && err == nil {
		err = writeTable(o.write, table)
	}
	return failed, err
}

func runOne(ctx context.Context, o options, e entry) (*harness.Result, error) {
	dir, err := os.MkdirTemp(o.dir, "xf-"+e.name+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &harness.Result{Name: e.name, Seed: o.seed, Stopped: func() bool { return ctx.Err() != nil }}
	cfg := harness.Config{
		Seed: o.seed, Count: e.scaled(o), At: o.at, Dir: dir, Self: self, Control: o.control,
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, e.name+": "+format+"\n", args...) },
	}
	begin := time.Now()
	cfg.Logf("%d positions, seed %d", cfg.Count, o.seed)
	err = e.run(ctx, cfg, r)
	r.Took = time.Since(begin)
	for _, f := range r.Failures {
		cfg.Logf("position %d: %s", f.At, f.What)
		cfg.Logf("  again: go run ./tests/reliability -only %s -seed %d -at %d -count %d", e.name, o.seed, f.At, cfg.Count)
	}
	return r, err
}
