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

func (a *app) fetchCmd() *cobra.Command {
	var f xaeroflux.Fetch
	var via string
	cmd := &cobra.Command{
		Use:   "fetch LOG",
		Short: "Bring a part of a log from peers: the newest events, or a piece out of it",
		Long: `Brings a part of a log, as far as it is not held, each piece proven under its
author's signature: the newest events before the others, or some out of the
middle. LOG is the id of a log or the key of its author.

With --peer, that peer is asked and nothing else is synced with it; else all
peers that "xaeroflux run" is connected to. What is cut off goes on when the
command is given again. "xaeroflux cat --ranges" prints what was fetched, and
"xaeroflux gaps" what is missing. Once everything in front of it is held too,
it is a part of the log like any other. In JSON, "end" is the event after the
last.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.To > 0 && f.To < f.From {
				return usage("--to is %d, before --from %d", f.To, f.From)
			}
			if err := a.checkPeers(f.Peers); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error {
				r, err := a.fetch(cmd.Context(), b, args[0], f, via)
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { printFetched(w, r) })
			})
		},
	}
	a.quotaFlag(cmd)
	flags := cmd.Flags()
	flags.Uint64Var(&f.From, "from", 0, "first event wanted")
	flags.Uint64Var(&f.To, "to", 0, "the event after the last one wanted (default: the newest there is)")
	flags.Uint64Var(&f.Last, "last", 0, "only so many events, the newest (default: all)")
	flags.BoolVar(&f.Newest, "newest-first", false, "bring the newest events first")
	flags.StringVar(&via, "via", "", "ask the peer that this command's input and output lead to, as with sync --via")
	flags.StringArrayVar(&f.Peers, "peer", nil, "ask this peer, by address or invite, or - for a line of stdin; may be given more than once")
	return cmd
}

// fetch asks the peers that were named, or the one that a command leads to.
func (a *app) fetch(ctx context.Context, b backend, log string, f xaeroflux.Fetch, via string) (r xaeroflux.FetchReport, err error) {
	if via == "" {
		return b.Fetch(ctx, a.topic, log, f)
	}
	err = a.over(via, func(rw io.ReadWriteCloser) (err error) {
		r, err = b.FetchOver(ctx, rw, via, a.topic, log, f)
		return err
	})
	return r, err
}

func printFetched(w io.Writer, r xaeroflux.FetchReport) {
	fmt.Fprintf(w, "log     %s\n", r.Log)
	fmt.Fprintf(w, "wanted  %s of %d\n", partText(r.Part), r.Head.Size)
	fmt.Fprintf(w, "in      %d events from %s\n", r.Events, counted(len(r.From), "peer"))
	for _, g := range r.Gaps {
		fmt.Fprintf(w, "missing %s\n", partText(g))
	}
}

// partText writes a part of a log for people, who count both ends in.
func partText(p xaeroflux.Span) string {
	switch p.End - p.First {
	case 0:
		return "no events"
	case 1:
		return fmt.Sprintf("event %d", p.First)
	}
	return fmt.Sprintf("events %d to %d", p.First, p.End-1)
}

func (a *app) gapsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "gaps [LOG]",
		Short: "Show which parts of logs are held, and which are missing",
		Long: `Shows of a log, or of each log of the topic, which parts are held and which are
missing up to the newest head that is known. "xaeroflux fetch" fills gaps. In
JSON, "end" is the event after the last.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			log := ""
			if len(args) > 0 {
				log = args[0]
			}
			return a.with(cmd.Context(), func(b backend) error {
				all, err := b.Gaps(cmd.Context(), a.topic, log)
				if err != nil {
					return err
				}
				for _, g := range all {
					if err := a.print(g, func(w io.Writer) { printGaps(w, g) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func printGaps(w io.Writer, g nodeapi.Gaps) {
	fmt.Fprintf(w, "log     %s\n", g.Log)
	if len(g.Held)+len(g.Gaps) == 0 {
		fmt.Fprintln(w, "held    no events")
	}
	for _, p := range g.Held {
		fmt.Fprintf(w, "held    %s\n", partText(p))
	}
	for _, p := range g.Gaps {
		fmt.Fprintf(w, "missing %s\n", partText(p))
	}
}
