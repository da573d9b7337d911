// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) invitesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "invites",
		Short: "List the open invites of a topic, close one",
		Long: `Lists the invites by which somebody can still join a topic that is private or plain, by
the roster that is here: the id, the role, how many can still join, until when, and
who asked for it. An invite itself is not kept: whoever made it has it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.invites(cmd, nodeapi.InviteChange{}) },
	}
	cmd.AddCommand(a.closeInviteCmd())
	return cmd
}

// ofInvites reports whether cmd is one of those about open invites.
func ofInvites(cmd *cobra.Command) bool {
	return cmd.Name() == "invites" || cmd.HasParent() && cmd.Parent().Name() == "invites"
}

func (a *app) closeInviteCmd() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "close ID",
		Short: "Have nobody join by an invite any more",
		Long: `Closes an open invite: nobody joins by it any more, and what others append in a private
topic once they know is sealed from whoever has it. Who was admitted by it stays. ID
is the beginning of the invite's id, at least 4 digits.` + asksText,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args[0]) < minPrefix {
				return usage("invite %q: give at least %d digits of its id", args[0], minPrefix)
			}
			return a.invites(cmd, nodeapi.InviteChange{Close: args[0], Wait: wait})
		},
	}
	waitFlag(cmd, &wait)
	return cmd
}

// invites closes an invite, and lists those that are open then.
func (a *app) invites(cmd *cobra.Command, c nodeapi.InviteChange) error {
	if c.Wait < 0 {
		return usage("--wait is %v, want 0 or more", c.Wait)
	}
	return a.with(cmd.Context(), func(b backend) error {
		all, err := b.Invites(cmd.Context(), a.topic, c)
		if err != nil {
			return err
		}
		return list(a, all, printInvites)
	})
}

func printInvites(w io.Writer, all []xaeroflux.OpenInvite) {
	fmt.Fprintln(w, "INVITE\tROLE\tUSES\tEXPIRES\tSINCE\tBY")
	for _, v := range all {
		expires := "never"
		if !v.Expires.IsZero() {
			expires = v.Expires.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%v\t%d\t%s\t%s\t%s%s\n", v.ID.Short(), v.Role, v.Uses, expires, v.Since.Format(time.DateOnly), v.By.Short(), mark(v.Self, "you"))
	}
}

func (a *app) asksCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "asks",
		Short: "List what this store asked the steward of a topic for, and what became of it",
		Long: `Lists what this store asked the steward of a topic for, oldest first, and what became of
it by the roster that is here. An ask is waiting, done, refused, stale, which is that
what it is about changed since, or void, if a record was to carry it out that does not
count. A steward gives no reasons: what is said is what the rules say.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				all, err := b.Asks(cmd.Context(), a.topic)
				if err != nil {
					return err
				}
				return a.asks(all)
			})
		},
	}
}

func (a *app) asks(all []xaeroflux.Ask) error {
	return list(a, all, printAsks)
}

func printAsks(w io.Writer, all []xaeroflux.Ask) {
	fmt.Fprintln(w, "ASKED\tFOR\tABOUT\tSTATE\tWHY")
	for _, x := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", x.Time.Format(time.DateTime), x.What, about(x), x.State, x.Why)
	}
}

// about names what an ask is about.
func about(x xaeroflux.Ask) string {
	switch {
	case !x.Invite.IsZero():
		return "invite " + x.Invite.Short()
	case !x.Device.IsZero():
		return "device " + x.Device.Short()
	case !x.Account.IsZero():
		return "account " + x.Account.Short()
	}
	return "-"
}
