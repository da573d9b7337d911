// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// Copies copies a store, closed or while it appends; both go on and meet a third
// one in a random order. Under Control the copy is told to be the same device.
func Copies(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	refused := 0
	err := cfg.Each(ctx, r, func(at int) error {
		dir := filepath.Join(cfg.Dir, "copies")
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		c := &copying{w: newWorld(), dir: dir, rnd: cfg.Rand(at), control: cfg.Control}
		ok, err := c.try(ctx)
		if !ok {
			refused++
		}
		if err != nil {
			r.Fail(at, "%s: %v", c.how, err)
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d copies refused with a reason", refused)
	return err
}

type copying struct {
	w       *world
	dir     string
	rnd     *rand.Rand
	control bool
	how     string
	dbs     []*xaeroflux.DB // first, hub, copy
}

func (c *copying) path(name string) string { return filepath.Join(c.dir, name) }

func (c *copying) try(ctx context.Context) (ok bool, err error) {
	defer func() {
		for _, db := range c.dbs {
			err = errors.Join(err, db.Close())
		}
	}()
	for _, name := range []string{"first", "hub"} {
		db, err := c.w.create(c.path(name), name)
		if err != nil {
			return true, err
		}
		c.dbs = append(c.dbs, db)
	}
	if err := c.w.say(ctx, c.dbs[0], c.rnd, 1+c.rnd.IntN(200)); err != nil {
		return true, err
	}
	if c.rnd.IntN(2) == 0 {
		if err := c.w.sync(ctx, c.dbs[0], c.dbs[1]); err != nil {
			return true, err
		}
	}
	copied, err := c.copy(ctx)
	if err != nil {
		if told(err) {
			return false, nil
		}
		return true, err
	}
	c.dbs = append(c.dbs, copied)
	return true, c.goOn(ctx)
}

// copy makes the copy in one of several ways and opens it.
func (c *copying) copy(ctx context.Context) (*xaeroflux.DB, error) {
	from, to := c.path("first"), c.path("copy")
	switch c.rnd.IntN(3) {
	case 0:
		c.how = "copied while closed"
		if err := c.dbs[0].Close(); err != nil {
			return nil, err
		}
		if err := harness.CopyDir(from, to); err != nil {
			return nil, err
		}
		db, err := c.w.open(from, "first")
		if err != nil {
			return nil, fmt.Errorf("the first, opened again: %w", err)
		}
		c.dbs[0] = db
	case 1:
		c.how = "copied while idle"
		if err := harness.CopyDir(from, to); err != nil {
			return nil, err
		}
	default:
		c.how = "copied while it appends"
		done := make(chan error, 1)
		go func() { done <- c.w.say(ctx, c.dbs[0], c.rnd, 400) }()
		err := harness.CopyDir(from, to)
		if err := errors.Join(err, <-done); err != nil {
			return nil, err
		}
	}
	if c.control {
		return c.w.open(to, "first")
	}
	return c.w.open(to, "copy")
}

// goOn lets both append and everybody meet. All that a torn copy lacks of the first
// comes back to it from there.
func (c *copying) goOn(ctx context.Context) error {
	first, hub, copied := c.dbs[0], c.dbs[1], c.dbs[2]
	for range 2 + c.rnd.IntN(3) {
		for _, db := range []*xaeroflux.DB{first, copied} {
			if err := c.w.say(ctx, db, c.rnd, c.rnd.IntN(40)); err != nil {
				return err
			}
			if c.rnd.IntN(2) == 0 {
				if err := c.w.sync(ctx, db, hub); err != nil {
					return err
				}
			}
		}
	}
	for _, db := range []*xaeroflux.DB{first, copied, first, copied} {
		if err := c.w.sync(ctx, db, hub); err != nil {
			return err
		}
	}
	for i, db := range c.dbs {
		if err := c.w.whole(ctx, db); err != nil {
			return fmt.Errorf("%s: %w", []string{"first", "hub", "copy"}[i], err)
		}
	}
	return nil
}
