// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) repairCmd() *cobra.Command {
	var o xaeroflux.RepairOptions
	cmd := &cobra.Command{
		Use:   "repair [DIR]",
		Short: "Mend a damaged store, from peers",
		Long: `Mends what "xaeroflux check" finds, while nobody has the store open. Trees and
other derived files are made again. Damaged and missing pages, and events, are
fetched from the peers that --from names and from those that the store
remembers, up to four, from all at once, and proven under their author's signature before they are
written. With --offline only those are asked that are named. A lost aof/ is made again from the pages and
from what can still be read of it; the topic keys that were in it are taken from
--invite.

Without a peer, what can be proven is kept: the log of another is cut back to
there. This store's own log is never cut, since a second event in the place of
one that was signed would be a fork; with --accept-loss the store goes on under a
new identity instead, with a new log, and what is left of the old one stays
readable.

Nothing is deleted: what is replaced is moved to damaged/<time>/ in the store's
directory. The exit code is 1 where something is still damaged or missing.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.dirFrom(args)
			if err := errors.Join(a.checkPeers(o.From), a.secrets(o.Invites)); err != nil {
				return err
			}
			o.Passphrase = a.passphrase
			r, err := xaeroflux.Repair(cmd.Context(), a.dir, o)
			if err != nil {
				return err
			}
			commandsFor(r.Found)
			commandsFor(r.Left)
			remediesFor(r.Done)
			remediesFor(r.Missing)
			if err := a.print(r, func(w io.Writer) { a.printRepair(w, r) }); err != nil {
				return err
			}
			return unrepaired(r)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.From, "from", nil, "address or invite of a peer to fetch from, or - for a line of stdin; may be given again")
	f.StringArrayVar(&o.Invites, "invite", nil, "invite to a topic whose key was lost, or - for a line of stdin; may be given again")
	f.BoolVar(&o.Offline, "offline", false, "do not ask the peers that the store remembers")
	f.BoolVar(&o.AcceptLoss, "accept-loss", false, "give up events of the own log that nobody has, and go on with a new one")
	f.BoolVar(&o.CosignAgain, "cosign-again", false, "cosign heads again, as a witness that holds of each log the history that it cosigned before")
	return cmd
}

// remediesFor puts commands into what a repair did and could not do.
func remediesFor(steps []xaeroflux.RepairStep) {
	for i, s := range steps {
		steps[i].Do = cmp.Or(remedies[s.Remedy], s.Do)
	}
}

// unrepaired is the error for what is left to do.
func unrepaired(r xaeroflux.RepairReport) error {
	if r.Clean() {
		return nil
	}
	do := ""
	for _, s := range r.Missing {
		if do == "" {
			do = s.Do
		}
	}
	if do == "" && len(r.Left) > 0 {
		do = r.Left[0].Do
	}
	if do == "" {
		do = "xaeroflux sync ADDRESS, with a peer that may have what is missing"
	}
	return hint(fmt.Errorf("not all could be repaired: %d not fetched or found, %d still damaged", len(r.Missing), len(r.Left)), "%s", do)
}

func (a *app) printRepair(w io.Writer, r xaeroflux.RepairReport) {
	for _, f := range r.Found {
		fmt.Fprintf(w, "found   %s\n        %s\n", f.Where, f.What)
	}
	for _, peer := range r.Asked {
		fmt.Fprintf(w, "asked   %s\n", peer)
	}
	a.printSteps(w, "done", r.Done)
	a.printSteps(w, "missing", r.Missing)
	for _, f := range r.Left {
		fmt.Fprintf(w, "left    %s\n        %s\n", f.Where, f.What)
	}
	if r.Aside != "" {
		fmt.Fprintf(w, "aside   %s\n", r.Aside)
	}
	if r.Copy != "" {
		fmt.Fprintln(w, a.typed(copyFound(r.Copy)))
	}
	fmt.Fprintln(w, verdict(r))
}

func verdict(r xaeroflux.RepairReport) string {
	switch {
	case len(r.Found) == 0:
		return "clean: nothing to repair"
	case r.Clean():
		return "clean: all is repaired"
	case len(r.Left) == 0:
		return "sound, but not whole: something is missing"
	}
	return "still damaged"
}

func (a *app) printSteps(w io.Writer, word string, steps []xaeroflux.RepairStep) {
	for _, s := range steps {
		where := ""
		if s.Log != "" {
			where = "log " + s.Log + ": "
		}
		fmt.Fprintf(w, "%-7s %s%s\n", word, where, s.What)
		if s.Do != "" {
			fmt.Fprintf(w, "        to do: %s\n", a.typed(s.Do))
		}
	}
}
