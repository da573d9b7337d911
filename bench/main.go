// SPDX-License-Identifier: MPL-2.0

// Command bench runs Xaeroflux and comparable stores on the same work, in
// turn, and prints medians, ranges and ratios. It is a module of its own, so
// that what it compares with is no dependency of Xaeroflux. `make bench` in
// the folder above starts it; docs/benchmarks.md is what it wrote.
//
// main.go and run.go make the runs, package figures is what is measured,
// package peers who takes part, package report what comes out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/report"
)

func main() {
	err := start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func start() error {
	if order := os.Getenv(runEnv); order != "" {
		os.Unsetenv(runEnv)
		return beChild(order)
	}
	if role := os.Getenv(figures.RoleEnv); role != "" {
		return figures.Play(role)
	}
	return run()
}

func run() error {
	var (
		scale     = flag.Float64("scale", 1, "share of the full work: 0.02 is a quick look")
		rounds    = flag.Int("n", 5, "runs of each contender")
		only      = flag.String("only", "", "regexp of the figures to run; the rest of the results is kept")
		list      = flag.Bool("list", false, "list the figures")
		dir       = flag.String("dir", "", "where to make stores; default the system's place for temporary files")
		out       = flag.String("out", "", "folder to write benchmarks.md, bench.json and img into; figures there that are not run now are kept")
		again     = flag.Bool("again", false, "run nothing, and write benchmarks.md and img again from the bench.json of -out")
		asJSON    = flag.Bool("json", false, "print the results as JSON")
		node      = flag.String("node", "../bin/xaeroflux", "the node's binary")
		hypercore = flag.String("hypercore", "hypercore", "folder of the script for Hypercore, with its modules installed")
		idle      = flag.Float64("idle", 0, "seconds to watch a node at rest; default 30, scaled, at least 3")
	)
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if *list {
		for _, f := range chosen {
			fmt.Printf("%-12s %s\n", f.ID, f.Title)
		}
		return nil
	}
	if *scale <= 0 || *rounds < 1 {
		return errors.New("-scale and -n must be above 0")
	}
	if err := report.Prepare(*out); err != nil {
		return err
	}
	if *again {
		return report.Rewrite(*out)
	}
	if *idle == 0 {
		*idle = max(30**scale, 3)
	}
	b := &bench{scale: *scale, rounds: *rounds, idle: *idle, talk: os.Stderr}
	if err := b.look(*node, *hypercore); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(*dir, "xaeroflux-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.machine, b.commit = measure.ThisMachine(b.dir), measure.Commit("..")
	results, err := b.all(chosen)
	return errors.Join(err, results.Show(os.Stdout, *asJSON), results.Write(*out))
}

func choose(only string) ([]*figures.Figure, error) {
	want, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	var chosen []*figures.Figure
	for _, f := range figures.All {
		if want.MatchString(f.ID) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no figure matches %q; -list names them", only)
	}
	return chosen, nil
}

// look finds what is needed besides this program, and notes what is missing.
func (b *bench) look(node, hypercore string) error {
	b.missing = map[string]string{}
	var err error
	if b.node, err = filepath.Abs(node); err != nil {
		return err
	}
	if _, err := os.Stat(b.node); err != nil {
		b.missing["node"] = "no binary of the node: make build"
	}
	if b.hypercore, err = filepath.Abs(hypercore); err != nil {
		return err
	}
	if _, err := exec.LookPath("node"); err != nil {
		b.missing[figures.Hypercore] = "no node.js here"
	} else if _, err := os.Stat(filepath.Join(b.hypercore, "node_modules", "hypercore")); err != nil {
		b.missing[figures.Hypercore] = "its modules are not installed: npm install in bench/hypercore"
	}
	return nil
}

// all runs the figures, until it is interrupted.
func (b *bench) all(chosen []*figures.Figure) (*report.Results, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	res := &report.Results{}
	for _, f := range chosen {
		figure := b.figure(ctx, f)
		if ctx.Err() != nil {
			return res, fmt.Errorf("interrupted in %s, which is left out", f.ID)
		}
		res.Figures = append(res.Figures, figure)
	}
	return res, res.Err()
}
