// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) networkChangedCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "network-changed",
		Short: "Tell the running node that this machine is in another network, or was asleep",
		Long: `Makes the node that runs on the store look after its connections now: what was
dialed from an address that is gone is moved to another one, each peer is asked
whether it is there, and one that does not answer within two seconds, or is not
connected, is dialed. It is for the hooks of a system that knows when that is
(NetworkManager's dispatcher.d, systemd-sleep, a VPN's up script); without it, a
connection that is lost is noticed within half a minute.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := nodeapi.Dial(a.dir)
			if errors.Is(err, nodeapi.ErrNoNode) {
				return hint(kinded(nodeapi.Closed, "no node is running on %s, so there is nobody to tell", a.dir), "xaeroflux run, which looks at the network by itself as it starts")
			}
			if err != nil {
				return err
			}
			return errors.Join(c.NetworkChanged(cmd.Context()), c.Close())
		},
	}
}
