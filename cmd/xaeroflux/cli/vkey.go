// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) vkeyCmd() *cobra.Command {
	var witness bool
	cmd := &cobra.Command{
		Use:   "vkey",
		Short: "Print the note verifier key of the own log",
		Long: `Prints the key that checkpoints and proofs of the own log verify with, as
"xaeroflux verify --vkey" and golang.org/x/mod/sumdb/note take it. It is public. With --witness, prints the
key with which this store cosigns heads of others in the topic, as
"xaeroflux verify --witness" takes it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				info, err := b.Info(cmd.Context(), a.topic)
				if err != nil {
					return err
				}
				if witness {
					info.VKey = info.Witness
				}
				v := vkeyLine{info.Log, info.VKey}
				return a.print(v, func(w io.Writer) { fmt.Fprintln(w, info.VKey) })
			})
		},
	}
	cmd.Flags().BoolVar(&witness, "witness", false, "the key of this store as a witness")
	return cmd
}

// A vkeyLine is the key that proofs and heads of a log verify with.
type vkeyLine struct {
	Log  xaeroflux.LogID `json:"log"`
	VKey string          `json:"vkey"` // a note verifier key; with --witness that of the cosignatures
}
