// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) actorsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "actors",
		Short: "Show the node's actors",
		Long: `Shows the actors of the node: their state, how far they are, how many messages wait
and were handled, how often they were restarted, and their last error. LAG counts the
events that an actor of an application has still before it; it is 0 of all others.

CURSOR is in the actor's own terms. That of a stage of storage counts the events that
it let through since the store was opened: appended ones pass all of them, a peer's
full pages not the first. That of an actor of an application counts those it was given.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				s, err := b.Status(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(s, func(w io.Writer) { printActors(w, s) })
			})
		},
	}
}

func printActors(w io.Writer, s nodeapi.Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACTOR\tSTATE\tCURSOR\tLAG\tQUEUE\tHANDLED\tRESTARTS\tLAST ERROR")
	for _, x := range s.Actors {
		if s.ReadOnly != "" && x.LastError == s.ReadOnly {
			x.LastError = "read-only, see below"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", x.Name, x.Phase, x.Cursor, x.Lag, x.Queue, x.Handled, x.Restarts, x.LastError)
	}
	t.Flush()
	if s.ReadOnly != "" {
		fmt.Fprintf(w, "\nread-only: %s\n", s.ReadOnly)
	}
}
