// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// Openers lets several processes at one directory: six that create a store at
// once, and a second and third that open one that is in use, with its lock file
// deleted. Under Control each opener has a directory of its own behind the name.
func Openers(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	return cfg.Each(ctx, r, func(at int) error {
		dir := filepath.Join(cfg.Dir, "openers")
		if err := firstOf(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return err
		}
		o := openers{cfg: cfg, dir: dir, rnd: cfg.Rand(at)}
		try := o.second
		if at%2 == 0 {
			try = o.six
		}
		if err := try(ctx); err != nil {
			r.Fail(at, "%v", err)
		}
		return nil
	})
}

type openers struct {
	cfg harness.Config
	dir string
	rnd *rand.Rand
}

// creators is how many processes create a store at once.
const creators = 6

// six wants one store, and one creator that is told so.
func (o *openers) six(ctx context.Context) error {
	var wg sync.WaitGroup
	var said [creators]error
	for i := range said {
		wg.Go(func() {
			dir := filepath.Join(o.dir, "store")
			if o.cfg.Control {
				dir += fmt.Sprint(i)
			}
			out, err := exec.CommandContext(ctx, o.cfg.Self, "child-node", "init", "--open", "--dir", dir).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			said[i] = err
		})
	}
	wg.Wait()
	made := 0
	for _, err := range said {
		if err == nil {
			made++
		}
	}
	if made != 1 {
		return fmt.Errorf("%d of %d creators made a store: %w", made, creators, errors.Join(said[:]...))
	}
	out, err := exec.CommandContext(ctx, o.cfg.Self, "child-node", "check", "--dir", filepath.Join(o.dir, "store")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("the store of %d creators: %w: %s", creators, err, out)
	}
	return nil
}

// second wants every other opener refused for as long as the first has the store,
// whatever becomes of the lock file.
func (o *openers) second(ctx context.Context) error {
	first, err := startDriver(ctx, o.cfg.Self, o.dir)
	if err != nil {
		return err
	}
	l := newLedger(2)
	err = firstOf(first.do("open store %s", place), first.do("topics 2"))
	for i := range 40 {
		if err == nil {
			err = l.say(first, o.rnd, 20, 400)
		}
		if err == nil && i%10 == 9 {
			err = o.other(ctx)
		}
	}
	if err = firstOf(err, first.end(o.rnd.IntN(2) == 0)); err != nil {
		return err
	}
	return l.check(ctx, filepath.Join(o.dir, "store"))
}

// other opens the store that is in use.
func (o *openers) other(ctx context.Context) error {
	if o.rnd.IntN(2) == 0 {
		for _, name := range []string{"store/LOCK", "store/aof/lock.mdb"} {
			if err := os.RemoveAll(filepath.Join(o.dir, name)); err != nil {
				return err
			}
		}
	}
	d, err := startDriver(ctx, o.cfg.Self, o.dir)
	if err != nil {
		return err
	}
	name := []string{"store", "./store/../store", filepath.Join(o.dir, "store")}[o.rnd.IntN(3)]
	opened := d.do("open %s %s", name, place)
	d.end(true)
	if kind := kindOf(opened); kind != "use" {
		return fmt.Errorf("a second opener was told %s: %v", kind, opened)
	}
	return nil
}
