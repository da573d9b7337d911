// SPDX-License-Identifier: MPL-2.0

// Package played runs package families as a harness: a position is a seed. Most of a
// family's time is waiting, so that many are played at once.
package played

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/xaeroflux/xaeroflux/tests/families"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// atOnce is how many families are played at a time.
const atOnce = 8

// Run plays cfg.Count families. Under Control a store of each meets nobody in the end.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	dir, remove, err := harness.MemoryDir(cfg.Dir)
	if err != nil {
		return err
	}
	defer remove()
	c := campaign{cfg: cfg, r: r, dir: dir, slots: make(chan struct{}, atOnce)}
	if cfg.At >= 0 {
		c.slots = make(chan struct{}, 1)
	}
	err = cfg.Each(ctx, r, c.begin)
	c.playing.Wait()
	r.Note = fmt.Sprintf("%+v", c.all)
	return err
}

// A campaign is families that are played.
type campaign struct {
	cfg     harness.Config
	r       *harness.Result
	dir     string
	slots   chan struct{}
	playing sync.WaitGroup

	mu  sync.Mutex // guards all
	all families.Stats
}

// begin plays a position once there is room, and waits for it if it is the only one.
func (c *campaign) begin(at int) error {
	c.slots <- struct{}{}
	c.playing.Go(func() {
		defer func() { <-c.slots }()
		c.play(at)
	})
	if c.cfg.At >= 0 {
		c.playing.Wait()
	}
	return nil
}

func (c *campaign) play(at int) {
	dir, err := os.MkdirTemp(c.dir, "family")
	if err != nil {
		c.r.Fail(at, "%v", err)
		return
	}
	defer os.RemoveAll(dir)
	seed := c.cfg.Seed + uint64(at)
	o := families.Play(families.Options{Seed: seed, Dir: dir, Control: c.cfg.Control})
	if len(o.Wrong) > 0 {
		c.r.Fail(at, "%s\n  all steps: go run ./tests/families/run -seed %d", strings.Join(o.Wrong, "\n  "), seed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all.Add(o.Stats); c.all.Runs%100 == 0 {
		c.cfg.Logf("%d families", c.all.Runs)
	}
}
