// SPDX-License-Identifier: MPL-2.0

// Package ioerr fails every call that the engine makes on its files, in every
// way a disk fails: once or for good, with EIO, ENOSPC or a short write. The
// calls of the Go side fail behind the file interface; LMDB's own fail at its
// commit, and, if strace is there, at each system call.
package ioerr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/xaeroflux/xaeroflux/actors/pipeline"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
)

const (
	logs     = 2
	opCommit = durable.Op("commit") // of LMDB
	opGrow   = durable.Op("grow")
)

// Run fails cfg.Count calls. Under Control a call that fails says that it was
// done: a disk that lies.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir, remove, err := harness.MemoryDir(cfg.Dir)
	if err != nil {
		return err
	}
	defer remove()
	sites := &sites{hit: map[string]int{}}
	calls, err := count(ctx, cfg, filepath.Join(dir, "count"), sites)
	if err != nil {
		return err
	}
	struck := 0
	err = cfg.Each(ctx, r, func(at int) error {
		p := newPoint(cfg, at, calls, sites)
		err := p.run(ctx, filepath.Join(dir, "store"))
		if err != nil {
			r.Fail(at, "%s: %v", p, err)
		}
		if p.struck.Load() {
			struck++
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d of the points were reached, at %d of %d places in the code", struck, sites.struck(), len(sites.hit))
	return err
}

// sites are the places in the code that call the file interface.
type sites struct {
	mu  sync.Mutex     // guards hit
	hit map[string]int // by place: how often a fault struck there
}

func (s *sites) note(op durable.Op, struck bool) {
	place := string(op) + " " + caller()
	s.mu.Lock()
	defer s.mu.Unlock()
	if struck {
		s.hit[place]++
	} else {
		s.hit[place] += 0
	}
}

func (s *sites) struck() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, hits := range s.hit {
		if hits > 0 {
			n++
		}
	}
	return n
}

// caller is the first line outside of package durable and this one.
func caller() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "internal/durable") && !strings.Contains(f.Function, "reliability/ioerr") {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return "?"
		}
	}
}

// count runs the load undisturbed and returns how many calls it makes.
func count(ctx context.Context, cfg harness.Config, dir string, s *sites) (int, error) {
	p := &point{cfg: cfg, target: -1, sites: s, want: oracle.New(cfg.Seed, logs)}
	if err := p.run(ctx, dir); err != nil {
		return 0, fmt.Errorf("undisturbed: %w", err)
	}
	return int(p.calls.Load()), nil
}

// A point is one call that fails.
type point struct {
	cfg    harness.Config
	target int  // the call, -1 for none
	sticky bool // and all after it, of those that change the disk
	cause  syscall.Errno
	short  bool
	sites  *sites
	want   *oracle.Oracle

	armed  atomic.Bool
	calls  atomic.Int64
	struck atomic.Bool
	op     atomic.Value // durable.Op that was struck
	name   atomic.Value // string
}

func newPoint(cfg harness.Config, at, calls int, s *sites) *point {
	rnd := cfg.Rand(at)
	p := &point{cfg: cfg, target: rnd.IntN(calls), sites: s, want: oracle.New(cfg.Seed, logs)}
	if cfg.At < 0 && cfg.Count >= calls {
		p.target = at % calls // every call before any is struck twice
	}
	p.cause = []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT}[rnd.IntN(3)]
	p.sticky, p.short = rnd.IntN(2) == 0, rnd.IntN(4) == 0
	return p
}

func (p *point) String() string {
	op, _ := p.op.Load().(durable.Op)
	name, _ := p.name.Load().(string)
	return fmt.Sprintf("call %d (%s %s), %v, short %v, for good %v", p.target, op, filepath.Base(name), p.cause, p.short, p.sticky)
}

// hook counts calls and fails those it is to fail.
func (p *point) hook(op durable.Op, name string) error {
	if !p.armed.Load() {
		return nil
	}
	n := int(p.calls.Add(1)) - 1
	strike := p.target >= 0 && (n == p.target || p.sticky && n > p.target && changes(op))
	if p.cfg.Control { // the disk lies about every write of pages from there on, which nobody reads again before they are sealed
		strike = p.target >= 0 && n >= p.target && op == durable.OpWrite && strings.HasSuffix(name, ".seg")
	}
	p.sites.note(op, strike)
	if !strike {
		return nil
	}
	if p.struck.CompareAndSwap(false, true) {
		p.op.Store(op)
		p.name.Store(name)
	}
	err := &os.PathError{Op: string(op), Path: name, Err: p.cause}
	if p.short && op == durable.OpWrite {
		return &durable.ShortWrite{N: 100, Err: err}
	}
	return err
}

func changes(op durable.Op) bool { return op == opCommit || op.Mutates() && op != opGrow }

// fault is the AOF's hook.
func (p *point) fault(event string) error {
	if event == "committed" {
		return nil
	}
	return p.hook(durable.Op(event), "data.mdb")
}

// run makes a store, loads it with the fault armed, and checks it afterwards on
// a disk that is well.
func (p *point) run(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := p.prepare(ctx, dir); err != nil {
		return err
	}
	if err := p.hurt(ctx, dir); err != nil {
		return err
	}
	if err := p.want.CheckDir(ctx, dir); err != nil {
		return fmt.Errorf("reopened: %w", err)
	}
	return p.useOn(ctx, dir)
}

// prepare is a first, healthy life.
func (p *point) prepare(ctx context.Context, dir string) error {
	if err := rig.Create(dir, rig.Options{}); err != nil {
		return err
	}
	node, err := rig.Open(dir, p.want, rig.Options{})
	if err != nil {
		return err
	}
	return errors.Join(node.Append(ctx, 0, 60), node.Append(ctx, 1, 40), node.Close())
}

// hurt is the life in which a call fails.
func (p *point) hurt(ctx context.Context, dir string) error {
	var fsys durable.FS = durable.NewFaulty(durable.OS, p.hook)
	if p.cfg.Control {
		fsys = liar{fsys}
	}
	p.armed.Store(true)
	defer p.armed.Store(false)
	node, err := rig.Open(dir, p.want, rig.Options{FS: fsys, Fault: p.fault})
	if err != nil {
		if !p.struck.Load() {
			return fmt.Errorf("opening fails, but no call did: %w", err)
		}
		return nil // it said so
	}
	loadErr := p.load(ctx, node)
	readErr := p.read(node.Store)
	if err := node.Close(); err != nil && !p.struck.Load() {
		return fmt.Errorf("closing fails, but no call did: %w", err)
	}
	return errors.Join(loadErr, readErr)
}

// load appends, and wants of a failed write that nothing is acknowledged after
// it.
func (p *point) load(ctx context.Context, node *rig.Rig) error {
	for i := range 24 {
		err := node.Append(ctx, i%logs, 1+i%13)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("append %d hangs", i)
		case err == nil && node.Node.Broken() != nil && p.stillBroken(ctx, node) != nil:
			return p.stillBroken(ctx, node)
		case err != nil && !p.struck.Load():
			return fmt.Errorf("append %d fails, but no call did: %w", i, err)
		case errors.As(err, new(*store.UnreadError)): // a log is loaded when it is first asked for
		case err != nil && !errors.Is(err, pipeline.ErrReadOnly) && !isCorrupt(err):
			return fmt.Errorf("append %d fails in a way that tells nothing: %w", i, err)
		}
		if i == 12 && p.target%5 == 0 {
			time.Sleep(520 * time.Millisecond) // the checkpointer
		}
	}
	return p.latched(node)
}

// latched wants the store read-only if a call failed that was to change it.
func (p *point) latched(node *rig.Rig) error {
	op, _ := p.op.Load().(durable.Op)
	name, _ := p.name.Load().(string)
	if !p.struck.Load() || !slices.Contains([]durable.Op{durable.OpSync, durable.OpSyncDir, durable.OpWrite, durable.OpPreallocate, opCommit, opGrow}, op) {
		return nil
	}
	if node.Node.Broken() == nil && !p.cfg.Control {
		return fmt.Errorf("%s of %s failed, and the store goes on writing", op, filepath.Base(name))
	}
	return nil
}

// stillBroken wants that a read-only store acknowledges nothing.
func (p *point) stillBroken(ctx context.Context, node *rig.Rig) error {
	if err := node.Append(ctx, 0, 1); err == nil {
		return errors.New("a store that is read-only acknowledged an append")
	}
	return nil
}

// read wants that reading goes on after a failed write: all that was
// acknowledged, or an error that says why not.
func (p *point) read(st *store.Store) error {
	for n := range logs {
		l, err := oracle.Find(st, n)
		if err != nil {
			return err
		}
		size := l.State().Size
		if size < p.want.Acked(n) {
			return fmt.Errorf("log %d shows %d events, %d were acknowledged", n, size, p.want.Acked(n))
		}
		if err := p.want.CheckEvents(st, n, l, size); err != nil && !p.struck.Load() {
			return fmt.Errorf("reading log %d: %w", n, err)
		} else if err != nil && !errors.Is(err, p.cause) && !isCorrupt(err) {
			return fmt.Errorf("reading log %d gives something else: %w", n, err)
		}
	}
	return nil
}

func isCorrupt(err error) bool { return errors.Is(err, store.ErrCorrupt) }

// useOn appends to the store on a disk that is well.
func (p *point) useOn(ctx context.Context, dir string) error {
	node, err := rig.Open(dir, p.want, rig.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(node.Append(ctx, 0, 7), node.Append(ctx, 1, 30), node.Close()); err != nil {
		return fmt.Errorf("used on: %w", err)
	}
	return p.want.CheckDir(ctx, dir)
}
