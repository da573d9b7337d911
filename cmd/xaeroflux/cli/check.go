// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) checkCmd() *cobra.Command {
	var plan bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify every byte of the store",
		Long: `Reads the whole store and computes everything again: checksums, trees, roots and
signatures. Says what is wrong, where, and what to do; then the exit code is 3. A
sound store whose own log is forked, or that is an older copy of itself, exits 5.
Works on a store that cannot be opened, and on one that a node is running on.

With --plan, says instead what opening the store would do to its files, or why it
would be refused, and reads no more than opening does. A store that a node has
open stays as it is.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if plan {
				return a.plan(cmd.Context())
			}
			m := a.meter("checking", -1, true)
			r, err := a.check(cmd.Context(), m.set)
			m.end()
			if err != nil {
				return err
			}
			commandsFor(r.Findings)
			if err := a.print(r, func(w io.Writer) { a.printReport(w, r) }); err != nil {
				return err
			}
			if n := r.Found(); n > 0 {
				return hint(kinded(nodeapi.Corrupt, "the store is damaged: %d found", n), "%s", firstStep(r))
			}
			return ownError(r.Own)
		},
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "show what opening the store would do, and do nothing")
	return cmd
}

// firstStep is what to do about the first flaw, or about a copy with flaws: it may be
// torn, and is mended best by another one.
func firstStep(r xaeroflux.CheckReport) string {
	if r.Copy != "" {
		return anotherCopy + ". If it was moved and no other is left: " + r.Findings[0].Do
	}
	return r.Findings[0].Do
}

// anotherCopy is what to do instead of using a copy that is torn.
const anotherCopy = "`xaeroflux backup DIR` in the store that this is a copy of, which may be running; then `xaeroflux restore DIR NEW`"

// check asks the node, or else looks at the files itself.
func (a *app) check(ctx context.Context, progress func(done, total int64)) (r xaeroflux.CheckReport, err error) {
	err = a.reach(ctx, func(c *nodeapi.Client) (err error) {
		defer c.Close()
		r, err = c.Check(ctx, progress)
		return err
	}, func() (err error) {
		r, err = xaeroflux.Check(ctx, a.dir, &xaeroflux.CheckOptions{Progress: progress, Passphrase: a.passphrase})
		return err
	})
	return r, err
}

func (a *app) printReport(w io.Writer, r xaeroflux.CheckReport) {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s\n  %s\n  to do: %s\n", f.Where, f.What, a.typed(f.Do))
	}
	if r.Copy != "" && len(r.Findings) > 0 {
		fmt.Fprintf(w, "copy    the store is a copy, or was moved (%s)\n", r.Copy)
	} else if r.Copy != "" {
		fmt.Fprintln(w, a.typed(copyFound(r.Copy)))
	}
	for _, o := range r.Own {
		fmt.Fprintln(w, "own     "+ownText(o))
	}
	verdict := "clean"
	if len(r.Findings) > 0 {
		verdict = fmt.Sprintf("%d found", r.Found())
	}
	fmt.Fprintf(w, "%s: %d logs, %d events, %d pages, %s of events\n", verdict, r.Logs, r.Events, r.Pages, bytesText(uint64(r.Bytes)))
}
