// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) inviteCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "invite",
		Short: "Print the invite to a topic",
		Long: `Prints the invite that "xaeroflux join" takes. It holds the topic's secret key:
whoever has it can read the topic and append to it. While "xaeroflux run" is
running, it also holds the address of this node. A default topic that is empty gives
way to one that is joined later until its invite was printed by this command.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				if _, err := b.Topics(cmd.Context(), nodeapi.TopicChange{Topic: a.topic, Invite: true}); err != nil {
					return err
				}
				info, err := b.Info(cmd.Context(), a.topic)
				if err != nil {
					return err
				}
				if inv, err := identity.ParseInvite(info.Invite); err == nil && len(inv.Peers) == 0 {
					a.say("this invite names no address to find us at; one made while `xaeroflux run` is running does")
				}
				v := inviteLine{info.Topic, info.Invite}
				return a.print(v, func(w io.Writer) { fmt.Fprintln(w, info.Invite) })
			})
		},
	}
}

// An inviteLine is an invite, and to which topic it is.
type inviteLine struct {
	Topic  xaeroflux.TopicID `json:"topic"`
	Invite string            `json:"invite"` // a key: whoever has it reads the topic and appends to it
}
