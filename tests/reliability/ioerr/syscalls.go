// SPDX-License-Identifier: MPL-2.0

package ioerr

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/tests/reliability/child"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
)

// enough is how many acknowledgements show that a node is well.
const enough = 150

// Syscalls fails the system calls that LMDB makes on its data file, with strace
// around a node. Under Control the node acknowledges too early.
func Syscalls(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	if _, err := exec.LookPath("strace"); err != nil {
		r.Skipped = "needs strace"
		return nil
	}
	if why := traceable(ctx); why != "" {
		r.Skipped = why
		return nil
	}
	struck := map[string]int{}
	err := cfg.Each(ctx, r, func(at int) error {
		p := sysPoint{cfg: cfg, rnd: cfg.Rand(at), dir: filepath.Join(cfg.Dir, "sys"), seed: cfg.Seed + uint64(at)}
		p.choose(at)
		if err := p.run(ctx); err != nil {
			r.Fail(at, "%s: %v", p.inject, err)
		}
		if p.injected() {
			struck[p.call]++
		}
		return nil
	})
	r.Note = fmt.Sprintf("struck: %v", struck)
	return err
}

// traceable returns why processes cannot be traced here, if so.
func traceable(ctx context.Context) string {
	if out, err := exec.CommandContext(ctx, "strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		return "strace cannot trace here: " + strings.TrimSpace(string(out))
	}
	return ""
}

// A sysPoint is a system call of a node that fails.
type sysPoint struct {
	cfg    harness.Config
	rnd    *rand.Rand
	dir    string
	seed   uint64
	call   string
	inject string
}

// choose picks the call, the error, and the count of calls after which it
// strikes, which each thread counts by itself.
func (p *sysPoint) choose(at int) {
	p.call = []string{"fdatasync", "pwrite64", "pwritev", "mmap"}[at%4]
	what := "error=" + []string{"EIO", "ENOSPC"}[p.rnd.IntN(2)]
	most := 25
	switch {
	case p.call == "mmap":
		what, most = "error=ENOMEM", 6
	case p.call != "fdatasync" && p.rnd.IntN(3) == 0:
		what = "retval=512" // a short write
	}
	when := strconv.Itoa(1 + p.rnd.IntN(most))
	if p.rnd.IntN(3) == 0 {
		when += "+"
	}
	p.inject = fmt.Sprintf("%s:%s:when=%s", p.call, what, when)
}

func (p *sysPoint) trace() string { return filepath.Join(p.dir, "trace") }

func (p *sysPoint) injected() bool {
	b, err := os.ReadFile(p.trace())
	return err == nil && strings.Contains(string(b), "(INJECTED)")
}

// run lets a node live twice: once well, once with the fault.
func (p *sysPoint) run(ctx context.Context) error {
	if err := os.RemoveAll(p.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	store := filepath.Join(p.dir, "store")
	story := &child.Story{Want: oracle.New(p.seed, child.Logs)}
	args := []string{p.cfg.Self, "child-load", store, strconv.FormatUint(p.seed, 10)}
	if p.cfg.Control {
		args = append(args, "early")
	}
	if ended, err := p.life(ctx, story, args); err != nil || ended {
		return fmt.Errorf("the node ended by itself while all was well: %w", err)
	}
	strace := []string{"strace", "-f", "-qq", "-o", p.trace(), "-P", filepath.Join(store, "aof", "data.mdb"),
		"-e", "trace=" + p.call, "-e", "inject=" + p.inject}
	ended, err := p.life(ctx, story, append(strace, args...))
	if err != nil {
		return err
	}
	if !ended && p.injected() {
		return errors.New("the node goes on as if nothing had failed")
	}
	return story.Want.CheckDir(ctx, store)
}

// life runs a node until it ends by itself or has acknowledged enough.
func (p *sysPoint) life(ctx context.Context, story *child.Story, args []string) (ended bool, err error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	own(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	var killed atomic.Bool
	kill := func() {
		killed.Store(true)
		killGroup(cmd)
	}
	guard := time.AfterFunc(30*time.Second, kill)
	defer guard.Stop()
	heard := story.Hear(bufio.NewScanner(out), func(acks int) {
		if acks == enough {
			grace := time.Duration(0)
			if p.injected() {
				grace = time.Second // it may just have happened
			}
			time.AfterFunc(grace, kill)
		}
	})
	_ = cmd.Wait()
	return !killed.Load(), heard
}
