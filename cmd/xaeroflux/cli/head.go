// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) headCmd() *cobra.Command {
	var log string
	var note bool
	var cosigned int
	cmd := &cobra.Command{
		Use:   "head",
		Short: "Show log, author, size and root of each log of the topic",
		Long: `Shows each log of the topic: its id, its author's key, how many events of it are
here, and the RFC 6962 root over them. With --note, prints the newest signed
head of the own log, or of --log, as a C2SP checkpoint, with --json or without.
With --cosigned N, asks connected peers to cosign that head, up to ten seconds,
and prints it with at least N cosignatures; of 0, with those at hand.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				var text []byte
				var err error
				switch {
				case cmd.Flags().Changed("cosigned"):
					text, err = b.Cosigned(cmd.Context(), a.topic, log, cosigned)
				case note:
					text, err = b.Note(cmd.Context(), a.topic, log)
				default:
					return a.heads(cmd, b, log)
				}
				if err != nil {
					return err
				}
				_, err = a.out.Write(text)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&log, "log", "", `only this log: id, unique beginning of it, or "own"`)
	cmd.Flags().IntVar(&cosigned, "cosigned", 0, "print the signed checkpoint with cosignatures of so many peers")
	cmd.Flags().BoolVar(&note, "note", false, "print the signed checkpoint")
	return cmd
}

func (a *app) heads(cmd *cobra.Command, b backend, log string) error {
	heads, err := b.Heads(cmd.Context(), a.topic)
	if err != nil {
		return err
	}
	shown := 0
	for _, h := range heads {
		if !names(log, h) {
			continue
		}
		err := a.print(h, func(w io.Writer) {
			if shown > 0 {
				fmt.Fprintln(w)
			}
			printHead(w, h)
		})
		if err != nil {
			return err
		}
		shown++
	}
	if shown == 0 {
		return kinded(nodeapi.Unknown, "no log %q in this topic", log)
	}
	return nil
}

// names reports whether the text of --log means h.
func names(log string, h nodeapi.Head) bool {
	switch {
	case log == "":
		return true
	case log == "own":
		return h.Own
	}
	return hasPrefix(h.Log, log)
}

func printHead(w io.Writer, h nodeapi.Head) {
	own, coming := "", ""
	if h.Frozen {
		coming = "  (frozen: its author signed two histories; see xaeroflux forks)"
	}
	if h.Own {
		own = "  (own)"
	}
	if h.HeadSize > h.Size && !h.Frozen {
		coming = fmt.Sprintf("  (of %d that its author signed)", h.HeadSize)
	}
	fmt.Fprintf(w, "log     %s%s\nauthor  %s\nsize    %d%s\nroot    %s\n", h.Log, own, h.Author, h.Size, coming, h.Root)
}
