// SPDX-License-Identifier: MPL-2.0

// Package simulated runs package simulation as a harness: a position is a seed,
// with 3 to 64 peers.
package simulated

import (
	"context"

	"github.com/xaeroflux/xaeroflux/tests/reliability/harness"
	"github.com/xaeroflux/xaeroflux/tests/simulation"
)

// Run simulates cfg.Count seeds. Under Control one peer of few is broken, in one
// of the ways there are.
func Run(ctx context.Context, cfg harness.Config, r *harness.Result) error {
	var all simulation.Stats
	err := cfg.Each(ctx, r, func(at int) error {
		opt := simulation.Options{Seed: cfg.Seed + uint64(at), Faults: simulation.AllFaults}
		if cfg.Control {
			opt.Peers, opt.Control = 6, simulation.Controls[at%len(simulation.Controls)]
		}
		o := simulation.Simulate(opt)
		all.Add(o.Stats)
		if o.Wrong != "" {
			r.Fail(at, "%s\n  all steps: %s", o.Wrong, simulation.Replay(opt))
		}
		if at%100 == 99 {
			cfg.Logf("%d seeds, %d failed", at+1, r.Failed)
		}
		return nil
	})
	r.Note = all.String()
	return err
}
