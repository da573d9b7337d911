// SPDX-License-Identifier: MPL-2.0

package edges

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

// Limits takes descriptors or file size from a process while it appends to many
// topics, gives them back, and opens again without any limit. Under Control
// the ledger takes every append as acknowledged.
func Limits(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	refused := 0
	err := cfg.Each(ctx, r, func(at int) error {
		dir := filepath.Join(cfg.Dir, "limits")
		if err := firstOf(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return err
		}
		c := &cramped{cfg: cfg, rnd: cfg.Rand(at), dir: dir, name: []string{"descriptors", "file"}[at%2]}
		err := c.try(ctx)
		refused += c.refused
		if err != nil {
			r.Fail(at, "limit of %s to %d: %v", c.name, c.limit, err)
		}
		return nil
	})
	r.Note = fmt.Sprintf("%d appends refused at a limit", refused)
	return err
}

// cramped is one store in a process with a limit.
type cramped struct {
	cfg     harness.Config
	rnd     *rand.Rand
	dir     string
	name    string
	limit   int
	refused int
	l       *ledger
}

// roomy is a limit that is none.
const roomy = 1 << 40

func (c *cramped) try(ctx context.Context) error {
	topics := 5 + c.rnd.IntN(60)
	c.l = newLedger(topics)
	d, err := startDriver(ctx, c.cfg.Self, c.dir)
	if err != nil {
		return err
	}
	err = firstOf(d.do("open store %s", place), d.do("topics %d", topics))
	if err == nil {
		err = c.load(d, c.rnd.IntN(60), false)
	}
	if c.limit = 32 + c.rnd.IntN(170); c.name == "file" {
		c.limit = 64<<10 + c.rnd.IntN(2<<20)
	}
	if err == nil {
		err = d.do("limit %s %d", c.name, c.limit)
	}
	if err == nil {
		err = c.load(d, 100, true)
	}
	if err == nil {
		err = d.do("limit %s %d", c.name, roomy)
	}
	if err == nil && c.name == "descriptors" { // which it gets back without being opened again
		err = c.load(d, 20, false)
	}
	if err = firstOf(err, d.end(c.rnd.IntN(2) == 0)); err != nil {
		return err
	}
	if c.cfg.Control {
		c.l.acked[said{0, 1 << 20}] = true
	}
	return c.l.check(ctx, filepath.Join(c.dir, "store"))
}

// load appends n batches. Within a limit one may be refused, for what the limit
// is and nothing else.
func (c *cramped) load(d *driver, n int, limited bool) error {
	for range n {
		err := c.l.say(d, c.rnd, 30, 800)
		kind := kindOf(err)
		if kind == "ok" {
			continue
		}
		c.refused++
		if !limited || c.name == "descriptors" || kind != "trouble" && kind != "readonly" {
			return fmt.Errorf("an append: %w", err)
		}
	}
	return nil
}
