// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) getCmd() *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use:   "get SEQ",
		Short: "Print the payload of one event, byte for byte",
		Long: `Prints the payload of event SEQ (counted from 0) of the own log, or of --log, and
nothing else: no newline is added, and a payload that is no text comes out as it
went in. Only a terminal gets control characters as \x1b, and bytes that are no
text as \xff. With --json, the object that "xaeroflux cat --json" prints.`,
		Example: "  xaeroflux get 3 > beach.jpg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return usage("SEQ is %q, want a number from 0", args[0])
			}
			q := nodeapi.Query{Topic: a.topic, Log: log, From: seq, Limit: 1, Ranges: true, Engine: true, Leaves: a.json, Names: a.json}
			return a.with(cmd.Context(), func(b backend) error { return a.get(cmd, b, q) })
		},
	}
	cmd.Flags().StringVar(&log, "log", "own", "log by id or unique beginning of it")
	return cmd
}

// get prints the event that a query begins with.
func (a *app) get(cmd *cobra.Command, b backend, q nodeapi.Query) error {
	found := false
	err := b.Events(cmd.Context(), q, func(r *nodeapi.Record) (err error) {
		if found = r.Seq == q.From; !found {
			return nil
		}
		if a.json {
			return a.print(r, nil)
		}
		if r.Sealed != "" {
			return kinded(nodeapi.Sealed, "event %d of log %s cannot be read (sealed: %s)", r.Seq, r.Log.Short(), r.Sealed)
		}
		_, err = a.out.Write(r.Payload)
		return err
	})
	if err == nil && !found {
		err = a.notThere(cmd, b, q)
	}
	return err
}

// notThere says why an event could not be printed.
func (a *app) notThere(cmd *cobra.Command, b backend, q nodeapi.Query) error {
	all, err := b.Gaps(cmd.Context(), q.Topic, q.Log)
	if err != nil {
		return err
	}
	log := all[0]
	if q.From < log.HeadSize {
		return kinded(nodeapi.NotHeld, "event %d of log %.8s is not here", q.From, log.Log)
	}
	return kinded(nodeapi.Range, "log %.8s has %s, counted from 0; there is no event %d", log.Log, counted(int(log.HeadSize), "event"), q.From)
}
