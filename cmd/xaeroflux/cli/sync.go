// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) syncCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "sync ADDRESS",
		Short: "Connect to a peer, sync until both agree, print what moved",
		Long: `Connects to a peer and returns when both sides hold the same events of every
topic they share, each verified. ADDRESS is what "xaeroflux run" printed at the
peer, or an invite made while it was running.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPeer(args[0]); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error { return a.sync(cmd.Context(), b, args[0]) })
		},
	}
}

func (a *app) sync(ctx context.Context, b backend, peer string) error {
	stop := a.watchEvents(ctx, b)
	r, err := b.Sync(ctx, peer)
	stop()
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "in      %d events, %d pages, %s\n", r.EventsIn, r.PagesIn, bytesText(r.BytesIn))
		fmt.Fprintf(w, "out     %d events, %d pages, %s\n", r.EventsOut, r.PagesOut, bytesText(r.BytesOut))
		fmt.Fprintf(w, "took    %.3f s, %d round trips\n", r.Seconds, r.RoundTrips)
	})
}

// watchEvents shows on a terminal how many events there are while a sync goes
// on; the function it returns ends that.
func (a *app) watchEvents(ctx context.Context, b backend) func() {
	if !terminal(a.err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	m := a.meter("events here", -1, false)
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(250 * time.Millisecond):
			}
			if heads, err := b.Heads(ctx, a.topic); err == nil {
				m.set(int64(sizes(heads)), -1)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		m.end()
	}
}

func sizes(heads []nodeapi.Head) (n uint64) {
	for _, h := range heads {
		n += h.Size
	}
	return n
}

// bytesText writes a number of bytes for people.
func bytesText(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
