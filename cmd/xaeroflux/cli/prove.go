// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) proveCmd() *cobra.Command {
	var p nodeapi.Prove
	var cosigned int
	cmd := &cobra.Command{
		Use:   "prove SEQ | --consistency SIZE",
		Short: "Print a C2SP tlog-proof of one event, or a consistency proof",
		Long: `Prints a proof that event SEQ (counted from 0) is in a log under its newest signed
head: a C2SP tlog-proof file with the event's leaf data. "xaeroflux verify"
checks it, and so does any tool that knows the format; neither needs the store.
With --cosigned N, asks connected peers to cosign that head, up to ten seconds,
so that the file carries at least N cosignatures; of 0, with those at hand.

With --consistency SIZE, prints a proof that the newest head only appends to the
first SIZE events instead, as a C2SP witness takes it (add-checkpoint), and
"xaeroflux verify --old HEAD" with the signed head of that size.
--json does not change the file.`,
		Example: "  xaeroflux prove 3 > event3.proof\n  xaeroflux verify --vkey \"$(xaeroflux vkey)\" event3.proof",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			p.Grown = cmd.Flags().Changed("consistency")
			if p.Grown == (len(args) == 1) {
				return usage("one of SEQ and --consistency is needed: a proof of what?")
			}
			if !p.Grown {
				if p.Seq, err = strconv.ParseUint(args[0], 10, 64); err != nil {
					return usage("SEQ is %q, want a number from 0", args[0])
				}
			}
			if cmd.Flags().Changed("cosigned") {
				if p.Grown {
					return usage("--cosigned goes with SEQ: a witness cosigns what a consistency proof is for")
				}
				p.Cosigned = &cosigned
			}
			p.Topic = a.topic
			return a.with(cmd.Context(), func(b backend) error {
				file, err := b.Prove(cmd.Context(), p)
				if err != nil {
					return err
				}
				_, err = a.out.Write(file)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&p.Log, "log", "", "log by id or unique beginning of it (default: the own log)")
	cmd.Flags().IntVar(&cosigned, "cosigned", 0, "prove under a head with cosignatures of so many peers")
	cmd.Flags().Uint64Var(&p.Seq, "consistency", 0, "prove that the log only grew since it had `SIZE` events")
	return cmd
}
