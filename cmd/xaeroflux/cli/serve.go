// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) serveCmd() *cobra.Command {
	var stdio bool
	cmd := &cobra.Command{
		Use:   "serve --stdio [DIR]",
		Short: "Serve one peer on standard input and output, as for sync --via",
		Long: `Serves one session on standard input and output and ends when the peer has left.
It is the other end of

  xaeroflux sync --via "ssh host xaeroflux serve --stdio --dir notes"

Talk goes to stderr. The peer has to prove that it knows a topic of this store;
otherwise it is told nothing of it. Where "xaeroflux run" is running on the same
directory, the session is that node's.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !stdio {
				return hint(usage("serve knows --stdio only"), "xaeroflux serve --stdio, or xaeroflux run to listen on the network")
			}
			a.dirFrom(args)
			return a.with(cmd.Context(), func(b backend) error {
				return b.ServeOver(cmd.Context(), a.stdio(), "stdio")
			})
		},
	}
	a.quotaFlag(cmd)
	cmd.Flags().BoolVar(&stdio, "stdio", false, "serve on standard input and output")
	return cmd
}

// stdio is standard input and output as a pair of pipes.
func (a *app) stdio() io.ReadWriteCloser { return &stdio{a.in, a.stdout} }

type stdio struct {
	io.Reader
	io.Writer
}

// Close closes what can be closed: the peer sees the end.
func (s *stdio) Close() error {
	var errs []error
	for _, v := range []any{s.Reader, s.Writer} {
		if c, ok := v.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
