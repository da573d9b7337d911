// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// A mover does something to the names of an open store in dir/store, and gives
// them back later. undo is nil if nothing can be given back: the data was deleted.
type mover struct {
	name string
	do   func(d *driver, dir string) error
	undo func(dir string) error
}

func moves(from, to string) mover {
	return mover{
		name: "rename " + from,
		do:   func(_ *driver, dir string) error { return os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)) },
		undo: func(dir string) error { return swap(filepath.Join(dir, from), filepath.Join(dir, to)) },
	}
}

// swap puts what was moved away back. Whatever was made under the name since is
// in the way, and lost.
func swap(name, kept string) error {
	return firstOf(os.RemoveAll(name), os.Rename(kept, name))
}

func deletes(names ...string) mover {
	return mover{name: fmt.Sprint("delete ", names), do: func(_ *driver, dir string) error {
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	}}
}

// replaces puts an empty directory in place of one that is moved away.
func replaces(name string) mover {
	m := moves(name, "kept")
	rename := m.do
	m.name = "replace " + name
	m.do = func(d *driver, dir string) error {
		return firstOf(rename(d, dir), os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	return m
}

var movers = []mover{
	{name: "chdir", do: func(d *driver, dir string) error { return d.do("chdir %s", filepath.Join(dir, "elsewhere")) }, undo: func(string) error { return nil }},
	moves("store", "renamed"),
	replaces("store"),
	moves("store/logs", "kept"),
	replaces("store/logs"),
	moves("store/mmr", "kept"),
	moves("store/aof", "kept"),
	moves("store/aof/data.mdb", "kept"),
	moves("store/FORMAT", "kept"),
	moves("store/identity.key", "kept"),
	moves("store/LOCK", "kept"),
	deletes("store/LOCK"),
	deletes("store/aof/lock.mdb"),
	deletes("store/logs"),
	deletes("store/mmr"),
}

// Names moves, replaces and deletes names under an open store that was opened by
// a relative path, goes on appending, and gives the names back. Under Control the
// ledger takes every append as acknowledged.
func Names(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	noticed := 0
	err := cfg.Each(ctx, r, func(at int) error {
		dir := filepath.Join(cfg.Dir, "names")
		if err := firstOf(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "elsewhere"), 0o700)); err != nil {
			return err
		}
		m := movers[at%len(movers)]
		saw, err := m.try(ctx, cfg, dir, cfg.Rand(at))
		if saw {
			noticed++
		}
		if err != nil {
			r.Fail(at, "%s: %v", m.name, err)
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d stores noticed while they were open", noticed)
	return err
}

func (m mover) try(ctx context.Context, cfg harness.Config, dir string, rnd *rand.Rand) (noticed bool, err error) {
	d, err := startDriver(ctx, cfg.Self, dir)
	if err != nil {
		return false, err
	}
	l := newLedger(2)
	err = firstOf(d.do("open store %s", place), d.do("topics 2"))
	for range 10 + rnd.IntN(30) {
		if err == nil {
			err = l.say(d, rnd, 20, 300)
		}
	}
	if err != nil {
		return false, errors.Join(err, d.end(true))
	}
	if err := m.do(d, dir); err != nil {
		return false, errors.Join(fmt.Errorf("cannot do it: %w", err), d.end(true))
	}
	for range 10 + rnd.IntN(60) {
		if err = l.say(d, rnd, 20, 300); err != nil {
			break
		}
	}
	if cfg.Control {
		l.acked[said{0, 1 << 20}] = true
	}
	noticed = err != nil
	if kind := kindOf(err); kind == "gone" || kind == "damage" {
		return noticed, errors.Join(err, d.end(true))
	}
	d.end(rnd.IntN(2) == 0) // what closing says of what was done to it is not judged
	return noticed, m.after(ctx, l, dir)
}

// after gives the names back and judges. Of a store whose data was deleted it
// wants a word of what is missing, or everything.
func (m mover) after(ctx context.Context, l *ledger, dir string) error {
	if m.undo != nil {
		if err := m.undo(dir); err != nil {
			return fmt.Errorf("give it back: %w", err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "elsewhere", "*")); len(left) > 0 {
			return fmt.Errorf("it wrote to another directory: %s", left)
		}
		return l.check(ctx, filepath.Join(dir, "store"))
	}
	err := l.check(ctx, filepath.Join(dir, "store"))
	if err != nil && !told(err) {
		return err
	}
	return nil
}
