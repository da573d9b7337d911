// SPDX-License-Identifier: MPL-2.0

// Package frames lets hostile peers send a store frames, true and spoiled, by
// tests/evilpeer/campaign.
package frames

import (
	"context"
	"fmt"

	"github.com/xaeroflux/xaeroflux/tests/evilpeer/campaign"
	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
)

const atOnce = 1_000_000 // frames that one store is sent

// Run sends cfg.Count frames.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	var refused, sessions, grew uint64
	for at := 0; r.Count < cfg.Count && ctx.Err() == nil; at++ {
		if cfg.At >= 0 && at != cfg.At {
			if at > cfg.At {
				break
			}
			continue
		}
		res, err := campaign.Run(min(atOnce, cfg.Count-r.Count), cfg.Seed+uint64(at))
		if err != nil {
			r.Fail(at, "%v", err)
		}
		for _, n := range res.Refusals {
			refused += n
		}
		sessions += res.Sessions
		grew = max(grew, res.HeapGrowth)
		r.Count += min(atOnce, cfg.Count-r.Count)
	}
	r.Note = fmt.Sprintf("in %d sessions, %d of them refused; the heap grew by at most %.1f MiB", sessions, refused, float64(grew)/(1<<20))
	return ctx.Err()
}
