// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) membersCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members of a topic, remove one, give one another role or a name",
		Long: `Lists who belongs to a topic that is private or plain, by the roster that is here:
the person's account, which is a key, the role, and on how many devices. A member is
named by the beginning of the account's key, at least 4 digits, or by the name that was
given to it here.

A name in quotes is what that person claims to be, which anybody may; one without is
what you call that person. If two could be taken for each other, or letters are such
that one cannot tell, the beginning of the account's key follows the name.

Roles: the owner, who founded the topic, for ever; an admin invites and removes, and
gives roles up to his own; a writer appends and reads; a reader reads; a replica
stores and forwards what it cannot read.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.members(cmd, nodeapi.MemberChange{}) },
	}
	cmd.AddCommand(a.removeCmd(), a.roleCmd(), a.nameCmd(), a.claimCmd())
	return cmd
}

// ofMembers reports whether cmd is one of those about members.
func ofMembers(cmd *cobra.Command) bool {
	return cmd.Name() == "members" || cmd.HasParent() && cmd.Parent().Name() == "members"
}

func (a *app) removeCmd() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "remove ACCOUNT",
		Short: "End that an account belongs to the topic",
		Long: `Removes a member: nothing counts that its devices append after what is here of it, and
what others append in a private topic once they know is sealed from it. What it has
read, it has.` + asksText,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.members(cmd, nodeapi.MemberChange{Account: args[0], Remove: true, Wait: wait})
		},
	}
	waitFlag(cmd, &wait)
	return cmd
}

func (a *app) roleCmd() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "role ACCOUNT ROLE",
		Short: "Give an account another role: admin, writer, reader or replica",
		Long: `Gives a member another role: admin, writer, reader or replica. A change between a
role that writes and one that does not ends the logs of the member's stores, which go
on in others once they hear of it.` + asksText,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := parseRole(args[1])
			if err != nil {
				return err
			}
			return a.members(cmd, nodeapi.MemberChange{Account: args[0], Role: r, Wait: wait})
		},
	}
	waitFlag(cmd, &wait)
	return cmd
}

// asksText says how a change of the roster is made.
const asksText = `

The steward of the topic does it, which "xaeroflux roster" shows: the store that
founded it, unless it handed that over. It is done at once if that is this store; else
the steward is asked and waited for, and what was asked for stands if it does not
answer in time.`

// waitFlag adds --wait to a command that may ask a steward.
func waitFlag(cmd *cobra.Command, wait *time.Duration) {
	cmd.Flags().DurationVar(wait, "wait", 10*time.Second, "how long to wait for the steward's answer, if that is another store; 0: until ctrl-C")
}

// parseRole reads a role that can be given.
func parseRole(text string) (r xaeroflux.Role, err error) {
	if err := r.UnmarshalText([]byte(text)); err != nil {
		return 0, usage("%v", err)
	}
	if r == xaeroflux.RoleOwner {
		return 0, usage("whoever founded a topic is its owner, for ever; the roles to give are admin, writer, reader and replica")
	}
	return r, nil
}

// members changes who belongs to the topic and lists who does then.
func (a *app) members(cmd *cobra.Command, c nodeapi.MemberChange) error {
	if c.Wait < 0 {
		return usage("--wait is %v, want 0 or more", c.Wait)
	}
	return a.with(cmd.Context(), func(b backend) error {
		all, err := b.Members(cmd.Context(), a.topic, c)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			a.say("the roster of this topic is not here yet: it comes from a member")
		} else if err := a.sayStanding(cmd.Context(), b, all); err != nil {
			return err
		}
		return list(a, all, printMembers)
	})
}

// sayStanding says why this store's person is none of the members.
func (a *app) sayStanding(ctx context.Context, b backend, all []xaeroflux.Member) error {
	if slices.ContainsFunc(all, func(m xaeroflux.Member) bool { return m.Self }) {
		return nil
	}
	here, err := b.Info(ctx, a.topic)
	if err != nil {
		return err
	}
	topics, err := b.Topics(ctx, nodeapi.TopicChange{})
	for _, t := range topics {
		switch {
		case t.Topic != here.Topic:
		case t.Why != "":
			a.say("%s", t.Why)
		case t.Standing == xaeroflux.StandingProvisional:
			a.say("this store is provisional: the steward has not admitted it yet, as far as the roster is here")
		}
	}
	return err
}

// list prints things as a table, or with --json as a line each.
func list[T any](a *app, all []T, rows func(w io.Writer, all []T)) error {
	if !a.json {
		return a.table(func(w io.Writer) { rows(w, all) })
	}
	for _, x := range all {
		if err := a.print(x, nil); err != nil {
			return err
		}
	}
	return nil
}

// day shows a date; a time that is not known is none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

// table writes lines of columns.
func (a *app) table(rows func(w io.Writer)) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	rows(t)
	return t.Flush()
}

func printMembers(w io.Writer, all []xaeroflux.Member) {
	fmt.Fprintln(w, "ACCOUNT\tNAME\tROLE\tDEVICES\tSINCE")
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%s%s\n", m.Account.Short(), cmp.Or(m.Name, "-"), m.Role, len(m.Devices), day(m.Since), mark(m.Self, "you"))
	}
}

// mark is a last column, of rows of which something is true.
func mark(is bool, word string) string {
	if is {
		return "\t" + word
	}
	return ""
}

func (a *app) devicesCmd() *cobra.Command {
	var mine bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of a topic's members, or your own; link another, remove one",
		Long: `Lists the devices of those who belong to a topic that is private or plain, by the
roster that is here: the key that a device signs with in the topic, the account of
its person, and the log that it appends to. With --mine, the devices that are linked to
this store's person, whatever topics they are in: there each has another key.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				if mine {
					return a.mine(cmd.Context(), b, nodeapi.DeviceChange{})
				}
				return a.ofTopic(cmd.Context(), b, nodeapi.MemberChange{})
			})
		},
	}
	cmd.Flags().BoolVar(&mine, "mine", false, "list the devices of this store's person")
	cmd.AddCommand(a.linkCmd(), a.removeDeviceCmd(), a.keepCmd())
	return cmd
}

// A deviceLine is a device of a member.
type deviceLine struct {
	Account xaeroflux.AccountKey `json:"account"`        // of its person
	Name    string               `json:"name,omitempty"` // what to call that one, as of a member
	xaeroflux.Device
}

func devicesOf(members []xaeroflux.Member) (all []deviceLine) {
	for _, m := range members {
		for _, d := range m.Devices {
			all = append(all, deviceLine{m.Account, m.Name, d})
		}
	}
	return all
}

func (a *app) devices(all []deviceLine) error {
	return list(a, all, printDevices)
}

func printDevices(w io.Writer, all []deviceLine) {
	fmt.Fprintln(w, "DEVICE\tACCOUNT\tNAME\tLOG\tSINCE")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s%s\n", d.Key.Short(), d.Account.Short(), cmp.Or(d.Name, "-"), d.Log.Short(), day(d.Since), mark(d.Self, "this device"))
	}
}
