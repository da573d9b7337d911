// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) nameCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "name ACCOUNT NAME",
		Short: "Call a member what you like, on your devices",
		Long: `Gives a member a name, which is shown in place of what that person claims to be. It
is told to your own devices, which "xaeroflux devices --mine" lists, and to nobody
else. An empty one, '', takes it back.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.members(cmd, nodeapi.MemberChange{Account: args[0], Petname: &args[1]})
		},
	}
}

func (a *app) claimCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "claim NAME",
		Short: "Say what you want to be called in the topic",
		Long: `Tells all members what you want to be called. They see that you claim it, as anybody
may claim any name, and may give you another one on their devices. In a private topic
it is sealed for the members. An empty one, '', takes it back.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.members(cmd, nodeapi.MemberChange{Claim: &args[0]})
		},
	}
}
