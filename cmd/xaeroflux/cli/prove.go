// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strconv"

	"github.com/spf13/cobra"
)

func (a *app) proveCmd() *cobra.Command {
	var log string
	cmd := &cobra.Command{
		Use:   "prove SEQ",
		Short: "Print a C2SP tlog-proof of one event",
		Long: `Prints a proof that event SEQ (counted from 0) is in a log under its newest signed
head: a C2SP tlog-proof file with the event's leaf data. "xaeroflux verify"
checks it, and so does any tool that knows the format; neither needs the store.
--json does not change the file.`,
		Example: "  xaeroflux prove 3 > event3.proof\n  xaeroflux verify --vkey \"$(xaeroflux vkey)\" event3.proof",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			seq, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil {
				return usage("SEQ is %q, want a number from 0", args[0])
			}
			return a.with(cmd.Context(), func(b backend) error {
				file, err := b.Prove(cmd.Context(), a.topic, log, seq)
				if err != nil {
					return err
				}
				_, err = a.out.Write(file)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&log, "log", "", "log by id or unique beginning of it (default: the own log)")
	return cmd
}
