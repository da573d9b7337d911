// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (d *demo) compareHeads(ctx context.Context) error {
	d.step("Both now hold the same two logs")
	ada, err := (&local{db: d.ada}).Heads(ctx, "")
	if err != nil {
		return err
	}
	ben, err := (&local{db: d.ben}).Heads(ctx, "")
	if err != nil {
		return err
	}
	if len(ada) != 2 || len(ben) != 2 {
		return fmt.Errorf("demo: Ada has %d logs, Ben %d, want 2", len(ada), len(ben))
	}
	d.fact("%-6s  %-10s  %9s  %s", "whose", "log", "events", "root at Ada's / at Ben's")
	for i := range ada {
		if ada[i].Log != ben[i].Log || ada[i].Root != ben[i].Root || ada[i].Size != ben[i].Size {
			return fmt.Errorf("log %.8s: Ada has %d events with root %.8s, Ben %d with %.8s",
				ada[i].Log, ada[i].Size, ada[i].Root, ben[i].Size, ben[i].Root)
		}
		whose := map[bool]string{true: "Ada's", false: "Ben's"}[ada[i].Own]
		d.fact("%-6s  %-10.8s  %9s  %.16s = %.16s", whose, ada[i].Log, count(ada[i].Size), ada[i].Root, ben[i].Root)
	}
	d.sum.SameHeads = true
	return nil
}

func (d *demo) checkBoth(ctx context.Context) error {
	d.step("Both stores are checked, every byte")
	for _, n := range []struct {
		name string
		db   *xaeroflux.DB
	}{{"Ada", d.ada}, {"Ben", d.ben}} {
		start := time.Now()
		r, err := n.db.Check(ctx, nil)
		if err != nil {
			return err
		}
		if len(r.Findings) > 0 {
			f := r.Findings[0]
			return kinded(nodeapi.Corrupt, "%s's store: %s: %s", n.name, f.Where, f.What)
		}
		d.fact("%s's: clean; %d logs, %s events, %d pages in %s", n.name, r.Logs, count(r.Events), r.Pages, ms(time.Since(start)))
	}
	d.sum.Clean = true
	return nil
}
