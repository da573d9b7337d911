// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// plan shows what opening the store would do, and does nothing.
func (a *app) plan() error {
	p, err := xaeroflux.PlanOf(a.dir)
	if err != nil {
		return err
	}
	if err := a.print(p, func(w io.Writer) { a.printPlan(w, &p) }); err != nil {
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
	switch {
	case len(p.Refused) > 0:
		fmt.Fprintln(w, "nothing would be changed")
	case len(p.Steps) == 0:
		fmt.Fprintln(w, "it would be opened as it is")
	}
}
