// SPDX-License-Identifier: MPL-2.0

// Package fuzz runs every fuzz target of the module for many executions. It
// needs the module's source and the go command.
package fuzz

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// A target is a fuzz function.
type target struct{ pkg, name string }

// control is the target that must fail in a build that believes unproven pages.
var control = target{"./syncer", "FuzzTransfer"}

// Run runs each target for cfg.Count executions. A position is a target.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		r.Skipped = "the go command finds no module here"
		return nil
	}
	all, err := targets(root)
	if err != nil {
		return err
	}
	if cfg.Control {
		all = []target{control}
	}
	done := 0
	for at, t := range all {
		if cfg.At >= 0 && at != cfg.At || ctx.Err() != nil {
			continue
		}
		cfg.Logf("%s %s", t.pkg, t.name)
		if what := run(ctx, root, t, cfg); what != "" {
			r.Fail(at, "%s %s: %s", t.pkg, t.name, what)
		}
		done++
	}
	r.Count = done * cfg.Count
	r.Note = fmt.Sprintf("%d targets, %d executions each", done, cfg.Count)
	return ctx.Err()
}

var function = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]+)\(f \*testing\.F\)`)

// targets are the fuzz functions of the module, in order.
func targets(root string) (all []target, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // another module
			}
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range function.FindAllSubmatch(b, -1) {
			all = append(all, target{"./" + filepath.ToSlash(dir), string(m[1])})
		}
		return err
	})
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.pkg+a.name, b.pkg+b.name) })
	return all, err
}

const tries = 3

// run returns what a target found, or nothing. The go command fails a run whose
// workers it could not stop in time; that is no finding, and it is run again.
func run(ctx context.Context, root string, t target, cfg harness.Config) string {
	args := []string{"test", "-run", "^$", "-fuzz", "^" + t.name + "$", "-fuzztime", fmt.Sprintf("%dx", cfg.Count)}
	if cfg.Control {
		args = append(args, "-tags", "broken")
	}
	var out []byte
	for range tries {
		cmd := exec.CommandContext(ctx, "go", append(args, t.pkg)...)
		cmd.Dir = root
		var err error
		if out, err = cmd.CombinedOutput(); err == nil || ctx.Err() != nil {
			return ""
		}
		if bytes.Contains(out, []byte("Failing input")) || !bytes.Contains(out, []byte("context deadline exceeded")) {
			break
		}
	}
	return strings.TrimSpace(string(out[:min(len(out), 4000)]))
}
