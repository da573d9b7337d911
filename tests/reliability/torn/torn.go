// SPDX-License-Identifier: MPL-2.0

// Package torn cuts the power between and inside any two writes. It records all
// that a store does to its files and to LMDB's, over several lives of the
// process, and builds images of what a disk may hold after a cut: everything
// that was synced, and of what was not any sectors in any order.
package torn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/internal/store"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/reliability/oracle"
	"github.com/xaeroflux/xaeroflux/tests/reliability/rig"
)

const (
	logs      = 2
	perRecord = 200 // images of one recording
)

// Run builds cfg.Count images and opens each. Under Control no sync reaches the
// disk.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir, remove, err := harness.MemoryDir(cfg.Dir)
	if err != nil {
		return err
	}
	defer remove()
	var rec *recording
	cuts := 0
	err = cfg.Each(ctx, r, func(at int) error {
		if rec == nil || rec.number != at/perRecord || cfg.At >= 0 {
			if rec, err = record(ctx, cfg, at/perRecord, filepath.Join(dir, "live")); err != nil {
				return err
			}
			cuts += len(rec.disk.ops)
		}
		if err := rec.image(ctx, cfg, at, filepath.Join(dir, "image")); err != nil {
			r.Fail(at, "%v", err)
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d writes, syncs and names in %d recordings", cuts, (r.Count+perRecord-1)/perRecord)
	return err
}

// A recording is some lives of a store.
type recording struct {
	number int
	disk   *disk
	want   *oracle.Oracle
}

// record runs a store a few times; all lives but the last end with a kill, or
// with a close now and then.
func record(ctx context.Context, cfg harness.Config, number int, dir string) (*recording, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	rnd := cfg.Rand(number << 32)
	rec := &recording{number: number, disk: newDisk(dir), want: oracle.New(cfg.Seed+uint64(number), logs)}
	for life := range 1 + rnd.IntN(3) {
		if err := rec.live(ctx, dir, life, rnd); err != nil {
			return nil, fmt.Errorf("recording %d, life %d: %w", number, life, err)
		}
	}
	return rec, nil
}

// live is one life of the process. It is killed after a number of calls, which
// may be more than it makes, or after the first new name from there on, which is
// where another life may trust a name that no directory was synced for.
func (rec *recording) live(ctx context.Context, dir string, life int, rnd *rand.Rand) error {
	d := rec.disk
	d.mu.Lock()
	from, fuse := len(d.ops), 20+rnd.IntN(1200)
	if rnd.IntN(2) == 0 {
		fuse = rnd.IntN(60)
	}
	atName, dead := rnd.IntN(2) == 0, false
	d.dead = func() bool {
		dead = dead || len(d.ops)-from >= fuse && (!atName || d.named())
		return dead
	}
	d.mu.Unlock()
	o := rig.Options{FS: d, Fault: d.fault}
	if !store.Exists(dir) {
		if err := rig.Create(dir, o); err != nil {
			return rec.killed(err)
		}
	}
	node, err := rig.Open(dir, rec.want, o)
	if err != nil {
		return rec.killed(err)
	}
	err = rec.load(ctx, node, rnd)
	if err := rec.killed(errors.Join(err, node.Close())); err != nil {
		return err
	}
	return nil
}

// killed is nil for errors of a process that is dead.
func (rec *recording) killed(err error) error {
	rec.disk.mu.Lock()
	defer rec.disk.mu.Unlock()
	if rec.disk.dead() {
		return nil
	}
	return err
}

func (rec *recording) load(ctx context.Context, node *rig.Rig, rnd *rand.Rand) error {
	batches := 10 + rnd.IntN(40)
	for i := range batches {
		n := rnd.IntN(logs)
		if err := node.Append(ctx, n, 1+rnd.IntN(20)); err != nil {
			return err
		}
		rec.disk.ack(n, rec.want.Acked(n))
		if i == batches/2 && rnd.IntN(3) == 0 {
			time.Sleep(550 * time.Millisecond) // for the checkpointer
		}
	}
	return nil
}

// image cuts the power at one place and checks what is left.
func (rec *recording) image(ctx context.Context, cfg harness.Config, at int, dir string) error {
	rnd := cfg.Rand(at)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	ops := rec.disk.ops
	cut := rnd.IntN(len(ops) + 1)
	if rnd.IntN(3) == 0 {
		cut = nearCommit(ops, cut)
	}
	lost := func(op) bool { return cfg.Control }
	m := newImage(lost)
	acked := make([][]uint64, logs)
	open := -1 // the commit that is being written
	for i, o := range ops[:cut] {
		m.apply(o)
		switch o.kind {
		case opAck:
			acked[o.log] = append(acked[o.log], o.acked)
		case opCommitBegin:
			open = i
		case opCommitEnd:
			open = -1
		}
	}
	if open >= 0 {
		for _, o := range ops[cut:] {
			if o.kind == opCommitBegin {
				break // it was never written
			}
			if o.kind == opCommitEnd {
				m.under(o, rnd)
				break
			}
		}
	}
	if err := m.write(dir, rnd); err != nil {
		return err
	}
	if err := rec.check(ctx, dir, rec.want.Clone(acked), at); err != nil {
		return fmt.Errorf("cut at %d of %d: %w", cut, len(ops), err)
	}
	return nil
}

// nearCommit moves a cut into the commit after it, if there is one.
func nearCommit(ops []op, cut int) int {
	for i := cut; i < len(ops); i++ {
		if ops[i].kind == opCommitBegin {
			return i + 1
		}
	}
	return cut
}

// check opens what is left. A store whose creation was cut is created anew; now
// and then the store is used on.
func (rec *recording) check(ctx context.Context, dir string, want *oracle.Oracle, at int) error {
	nothing := want.Acked(0) == 0 && want.Acked(1) == 0
	if !store.Exists(dir) && nothing {
		if err := rig.Create(dir, rig.Options{}); err != nil {
			return err
		}
	}
	if err := want.CheckDir(ctx, dir); err != nil {
		return err
	}
	if at%8 != 0 {
		return nil
	}
	return useOn(ctx, dir, want)
}

// useOn appends to a store that was cut, and checks it again.
func useOn(ctx context.Context, dir string, want *oracle.Oracle) error {
	node, err := rig.Open(dir, want, rig.Options{})
	if err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	for i := range 4 {
		if err := node.Append(ctx, i%logs, 9); err != nil {
			return errors.Join(fmt.Errorf("appending on: %w", err), node.Close())
		}
	}
	if err := node.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
		return fmt.Errorf("closing: %w", err)
	}
	if err := want.CheckDir(ctx, dir); err != nil {
		return fmt.Errorf("after appending on: %w", err)
	}
	return nil
}
