// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/bench/figures"
	"github.com/xaeroflux/xaeroflux/bench/measure"
	"github.com/xaeroflux/xaeroflux/bench/report"
)

// runEnv tells a process of this program which run to make.
const runEnv = "XAEROFLUX_BENCH_RUN"

// A bench makes all runs of the figures it is given.
type bench struct {
	dir       string // where stores are made; ours to remove
	scale     float64
	rounds    int
	node      string
	hypercore string // or why not
	missing   map[string]string
	idle      float64
	machine   measure.Machine
	commit    string
	talk      io.Writer
}

// figure makes all runs of a figure: every contender once, then every one
// again, so that what the machine does meanwhile meets them all alike.
func (b *bench) figure(ctx context.Context, f *figures.Figure) report.Figure {
	res := report.New(f, report.Run{Scale: b.scale, Rounds: b.rounds, Commit: b.commit, Machine: b.machine})
	for _, who := range f.Who {
		if why := b.missing[who]; why != "" {
			res.Skip(who, why)
		}
	}
	if why := b.missing["node"]; why != "" && slices.Contains([]string{"memory", "idle"}, f.ID) {
		res.Skip(f.Who[0], why)
	}
	for _, who := range f.Who {
		if f.Prepare != nil && !res.Skipped(who) {
			if err := b.prepare(ctx, f, who); err != nil {
				b.failed(&res, who, err)
			}
		}
	}
	xs := f.Xs
	if len(xs) == 0 {
		xs = []float64{0}
	}
	for round := range b.rounds {
		for _, x := range xs {
			for _, who := range turn(f.Who, round) {
				if res.Skipped(who) || ctx.Err() != nil {
					continue
				}
				points, err := b.run(ctx, f, who, x, round)
				if err != nil {
					b.failed(&res, who, err)
					continue
				}
				res.Add(who, points)
			}
		}
		fmt.Fprintf(b.talk, "%s: round %d of %d\n", f.ID, round+1, b.rounds)
	}
	return res
}

// turn begins each round with the next contender.
func turn(who []string, round int) []string {
	n := round % len(who)
	return append(slices.Clone(who[n:]), who[:n]...)
}

func (b *bench) failed(res *report.Figure, who string, err error) {
	fmt.Fprintf(b.talk, "%s: %s: %v\n", res.ID, who, err)
	res.Fail(who, err)
}

// shared is where prepare leaves what the runs of a contender start from.
func (b *bench) shared(f *figures.Figure, who string) string {
	return filepath.Join(b.dir, "shared", f.Shared, strings.Map(plain, who))
}

func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return '-'
}

func (b *bench) prepare(ctx context.Context, f *figures.Figure, who string) error {
	done := b.shared(f, who) + ".ready"
	if _, err := os.Stat(done); err == nil {
		return nil // another figure needed it too
	}
	fmt.Fprintf(b.talk, "%s: %s is being prepared\n", f.ID, who)
	r := b.newRun(f, who)
	r.Prepare = true
	if _, err := b.child(ctx, r); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o600)
}

func (b *bench) newRun(f *figures.Figure, who string) *figures.Run {
	return &figures.Run{
		Figure: f.ID, Contender: who, Shared: b.shared(f, who), Dir: filepath.Join(b.dir, "run"),
		Scale: b.scale, Node: b.node, Hypercore: b.hypercore, Idle: b.idle,
	}
}

func (b *bench) run(ctx context.Context, f *figures.Figure, who string, x float64, round int) ([]figures.Point, error) {
	r := b.newRun(f, who)
	r.X, r.Round = x, round
	points, err := b.child(ctx, r)
	for i := range points {
		if points[i].X == 0 {
			points[i].X = x
		}
	}
	return points, err
}

// most is how long a run may take before it is ended.
const most = 15 * time.Minute

// child makes a run in a process of its own, in an empty directory.
func (b *bench) child(ctx context.Context, r *figures.Run) (points []figures.Point, err error) {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(r.Shared), 0o700); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.Dir)) }()
	order, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(limit, self)
	cmd.Env = append(os.Environ(), runEnv+"="+string(order))
	// Its own group, so that what it started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, lastLines(talk.String(), 3))
	}
	if err := json.Unmarshal(out.Bytes(), &points); err != nil {
		return nil, fmt.Errorf("the run printed %q: %w", out.String(), err)
	}
	return points, nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "; ")
}

// beChild makes the run that the environment tells, and prints its points.
func beChild(order string) error {
	var r figures.Run
	if err := json.Unmarshal([]byte(order), &r); err != nil {
		return err
	}
	// Whatever a contender prints is not a result.
	result := os.Stdout
	os.Stdout = os.Stderr
	points, err := figures.Make(&r)
	if err != nil {
		return err
	}
	return json.NewEncoder(result).Encode(points)
}
