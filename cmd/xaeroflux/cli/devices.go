// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// ofDevices reports whether cmd is one of those about devices.
func ofDevices(cmd *cobra.Command) bool {
	return cmd.Name() == "devices" || cmd.HasParent() && cmd.Parent().Name() == "devices"
}

func (a *app) removeDeviceCmd() *cobra.Command {
	var mine, everywhere bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "remove DEVICE",
		Short: "End that a device belongs to the topic, as one that was lost or stolen",
		Long: `Removes one device of a member, named by the beginning of its key, at least 4 digits:
nothing counts that it appends after what is here of it, and what others append in a
private topic once they know is sealed from it. Its person's other devices go on. What
it has read, it has.

With --mine it is taken off the list of your own devices, and hears of no further topic.
A device has another key in each topic, and belongs to those until it is removed there.
--everywhere does all of that: it takes a device that "devices --mine" lists off the list
and out of each topic of yours, and prints what became of that. Your other devices hear
of it, and see to what this one cannot do.` + asksText,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usage("--wait is %v, want 0 or more", wait)
			}
			if len(args[0]) < minPrefix {
				return usage("device %q: give at least %d digits of its key", args[0], minPrefix)
			}
			return a.with(cmd.Context(), func(b backend) error {
				if everywhere {
					return a.removeEverywhere(cmd.Context(), b, nodeapi.DeviceChange{Remove: args[0], Wait: wait})
				}
				if mine {
					return a.mine(cmd.Context(), b, nodeapi.DeviceChange{Remove: args[0], Wait: wait})
				}
				return a.ofTopic(cmd.Context(), b, nodeapi.MemberChange{Device: args[0], Wait: wait})
			})
		},
	}
	cmd.Flags().BoolVar(&mine, "mine", false, "of the devices of this store's person")
	cmd.Flags().BoolVar(&everywhere, "everywhere", false, "of the devices of this store's person, and of all topics")
	waitFlag(cmd, &wait)
	return cmd
}

// mine changes which devices this store's person has, and lists them.
func (a *app) mine(ctx context.Context, b backend, c nodeapi.DeviceChange) error {
	all, err := b.Devices(ctx, c)
	if err != nil {
		return err
	}
	return a.ownDevices(all)
}

// ofTopic changes which devices the members of the topic have, and lists them.
func (a *app) ofTopic(ctx context.Context, b backend, c nodeapi.MemberChange) error {
	members, err := b.Members(ctx, a.topic, c)
	if err != nil {
		return err
	}
	return a.devices(devicesOf(members))
}
