// SPDX-License-Identifier: MPL-2.0

// Package flips changes one byte of a store, in every kind of file, and wants it
// told, repaired or in unused space: never returned as data, never the end of
// the process. The flips are made in a child, so that such an end is seen.
package flips

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

// Run flips cfg.Count bytes. Under Control the program was built to skip
// checksums (-tags control).
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir, remove, err := harness.MemoryDir(cfg.Dir)
	if err != nil {
		return err
	}
	defer remove()
	if err := makeStore(ctx, filepath.Join(dir, "pristine"), oracle.New(cfg.Seed, logs)); err != nil {
		return err
	}
	from, to := 0, cfg.Count
	if cfg.At >= 0 {
		from, to = cfg.At, cfg.At+1
	}
	verdicts := map[string]int{}
	for from < to && ctx.Err() == nil {
		next, err := batch(ctx, cfg, r, dir, from, to, verdicts)
		if err != nil {
			return err
		}
		from = next
	}
	r.Note = noteOf(verdicts)
	return ctx.Err()
}

// batch lets a child flip bytes until it is done or dead, and returns the
// position after the last one.
func batch(ctx context.Context, cfg harness.Config, r *harness.Result, dir string, from, to int, verdicts map[string]int) (int, error) {
	cmd := exec.CommandContext(ctx, cfg.Self, "child-flips", dir, strconv.FormatUint(cfg.Seed, 10), strconv.Itoa(from), strconv.Itoa(to))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	at, what, done := from-1, "", true
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		number, rest, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(number)
		if err != nil {
			return 0, fmt.Errorf("child said %q", lines.Text())
		}
		at, done = n, word != "at"
		switch word {
		case "at":
			what = rest
		case "bad":
			r.Fail(n, "%s", rest)
			r.Count++
		case "ok":
			verdicts[rest]++
			r.Count++
		}
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case !done:
		r.Fail(at, "%s: the process died: %v: %.400s", what, err, errs.String())
		r.Count++
	case err != nil:
		return 0, fmt.Errorf("child: %w: %.400s", err, errs.String())
	}
	return at + 1, nil
}

// noteOf sums up what became of the flips.
func noteOf(verdicts map[string]int) string {
	sums := map[string]int{}
	for v, n := range verdicts {
		_, verdict, _ := strings.Cut(v, " ")
		sums[verdict] += n
	}
	var all []string
	for v, n := range sums {
		all = append(all, fmt.Sprintf("%d %s", n, v))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
