// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// plan shows what opening the store would do, and does nothing. A node that has it
// open has done it.
func (a *app) plan(ctx context.Context) error {
	p, show := xaeroflux.Plan{}, a.printPlan
	err := a.reach(ctx, func(c *nodeapi.Client) error {
		show = func(w io.Writer, _ *xaeroflux.Plan) { fmt.Fprintln(w, "a node has it open, as it is") }
		_, err := c.Info(ctx, "") // it answers
		return errors.Join(err, c.Close())
	}, func() (err error) {
		p, err = xaeroflux.PlanOf(a.dir, &xaeroflux.CheckOptions{Passphrase: a.passphrase})
		return err
	})
	if err != nil {
		return err
	}
	for i, d := range p.Refused {
		p.Refused[i].Do = toDo(xaeroflux.Flaw(d.Kind), d.Do)
	}
	if err := a.print(p, func(w io.Writer) { show(w, &p) }); err != nil {
		return err
	}
	if n := len(p.Refused); n > 0 {
		return hint(kinded(nodeapi.Corrupt, "the store would not be opened: %d found that disagree", n), "%s", p.Refused[0].Do)
	}
	return nil
}

func (a *app) printPlan(w io.Writer, p *xaeroflux.Plan) {
	for _, d := range p.Refused {
		where := "the store"
		if d.Log != "" {
			where = "log " + d.Log
		}
		fmt.Fprintf(w, "refuse: %s\n  %s\n  to do: %s\n", where, d.What, a.typed(d.Do))
	}
	for _, s := range p.Steps {
		fmt.Fprintf(w, "%s: %s\n  %s\n", s.Action, s.File, s.Why)
	}
	if p.Copy != "" {
		fmt.Fprintln(w, a.typed(copyFound(p.Copy)))
	}
	switch {
	case len(p.Refused) > 0:
		fmt.Fprintln(w, "nothing would be changed")
	case len(p.Steps) == 0 && p.Copy == "":
		fmt.Fprintln(w, "it would be opened as it is; trees and mountains are looked at when a log is used, and made again if they are missing (xaeroflux check looks at all)")
	}
}
