// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// removeEverywhere removes a device of this store's person, and prints what became of that.
func (a *app) removeEverywhere(ctx context.Context, b backend, c nodeapi.DeviceChange) error {
	all, err := b.RemoveEverywhere(ctx, c)
	if err != nil {
		return err
	}
	if err := a.printRemovals(all); err != nil {
		return err
	}
	return notRemoved(all)
}

func (a *app) printRemovals(all []xaeroflux.DeviceRemoval) error {
	return list(a, all, printRemovalRows)
}

func printRemovalRows(w io.Writer, all []xaeroflux.DeviceRemoval) {
	fmt.Fprintln(w, "TOPIC\tDEVICE\tSTATE\tWHY")
	for _, x := range all {
		topic, device := cmp.Or(x.Name, x.Topic.Short()), "-"
		if x.Topic.IsZero() {
			topic = "(the list of your devices)"
		}
		if !x.Device.IsZero() {
			device = x.Device.Short()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", topic, device, x.State, x.Why)
	}
}

// notRemoved is the error of a removal that is not done everywhere.
func notRemoved(all []xaeroflux.DeviceRemoval) error {
	asked, refused := 0, 0
	for _, x := range all {
		switch x.State {
		case xaeroflux.RemovalDone, xaeroflux.RemovalAbsent:
		case xaeroflux.RemovalAsked, xaeroflux.RemovalLater:
			asked++
		default:
			refused++
		}
	}
	switch {
	case refused > 0:
		return hint(kinded(nodeapi.Forbidden, "it was not removed from everywhere"), "%s", "where it writes the roster, xaeroflux takeover --topic TOPIC --words - --yes, where it keeps the list, xaeroflux devices keep --words -; then it is removed by itself; where its key is not known, xaeroflux devices remove DEVICE --topic TOPIC")
	case asked > 0:
		return hint(kinded(nodeapi.Asked, "it is not removed from everywhere yet"), "%s", "xaeroflux run, and leave the node running: what was asked for stands, and is done once the steward of each topic hears of it")
	}
	return nil
}

func (a *app) keepCmd() *cobra.Command {
	var words string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "keep",
		Short: "Have this device keep the list of your devices, which the first one does until then",
		Long: `The device that made the words keeps the list of your devices: it lets others in, and
removes them. This has the one of this store keep it from now on, best one that is
always on. The one that keeps it is asked, and does it as soon as it hears of that; if
it is lost or stolen, the words do it: --words - reads them from standard input.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return usage("--wait is %v, want 0 or more", wait)
			}
			phrase, err := a.phrase(words)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error {
				return a.mine(cmd.Context(), b, nodeapi.DeviceChange{Keep: true, Words: phrase, Wait: wait})
			})
		},
	}
	cmd.Flags().StringVar(&words, "words", "", "-: your words come on standard input, in one line")
	waitFlag(cmd, &wait)
	return cmd
}
