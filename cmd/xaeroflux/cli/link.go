// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) linkCmd() *cobra.Command {
	var expires string
	var wait time.Duration
	var over handover
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Print an invite that makes another store a device of yours",
		Long: `Prints an invite that "xaeroflux join" takes on another device, once: that store
becomes a device of yours, has all your topics, and writes in them as you. Hand it over
as you would a password, to yourself alone. Both stores have to meet then: while a node
of each runs, or by "xaeroflux sync", two or three times. "xaeroflux topic list" there
shows each topic, with a role once it is a device of yours in it. With --code the invite is
not printed, but six digits, which a person types into "xaeroflux join --code HOST:PORT" on
the other device; unless --expires says otherwise, it ends after 15 minutes.

It takes words: "xaeroflux words" makes them.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := nodeapi.Linking{Wait: wait}
			if wait < 0 {
				return usage("--wait is %v, want 0 or more", wait)
			}
			if expires != "" {
				at, err := parseWhen(expires, time.Now())
				if err != nil {
					return usage("--expires %s: %v", expires, err)
				}
				o.Expires = at
			}
			return a.with(cmd.Context(), func(b backend) error {
				l, err := over.listen()
				if err != nil {
					return err
				}
				if l != nil {
					defer l.Close()
				}
				if l != nil {
					over.bound(&o.Expires)
				}
				text, err := b.Link(cmd.Context(), o)
				if err != nil {
					return err
				}
				if l != nil {
					if inv, err := identity.ParseInvite(text); err == nil {
						a.sayPlaces(inv, &over)
					}
					return a.giveByCode(cmd.Context(), l, xaeroflux.TopicID{}, text)
				}
				return a.printLink(text, o.Expires, &over)
			})
		},
	}
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends: in so many days or hours, as 7d or 36h, or a date (default: never; with --code, after 15 minutes)")
	over.flags(cmd.Flags())
	waitFlag(cmd, &wait)
	return cmd
}

// A linkLine is an invite that links a device.
type linkLine struct {
	Invite  string    `json:"invite"`           // a key: whoever has it becomes a device of this person, once
	Expires time.Time `json:"expires,omitzero"` // when it ends, if it does
}

func (a *app) printLink(text string, expires time.Time, over *handover) error {
	inv, err := identity.ParseInvite(text)
	if err != nil {
		return err
	}
	a.sayPlaces(inv, over)
	var failed error
	err = a.print(linkLine{text, expires}, func(w io.Writer) { failed = over.printText(w, text) })
	return errors.Join(err, failed)
}

// linked says what came of an invite that links this store to a person.
func (a *app) linked(invite *identity.Invite) {
	a.say("this store is a device of the person that made the invite; the topics come by two or three syncs, or while a node runs: xaeroflux topic list --dir %s shows a role once a topic counts it as a device", quoted(a.dir))
	a.sayFetch("fetch them", invite)
}

// links reports whether an invite makes a store a device of a person.
func links(inv *identity.Invite) bool {
	return inv.Role == identity.RoleDevice && inv.Genesis.Policy.Has(identity.PolicyHome)
}

// ownDevices lists the devices of this store's person.
func (a *app) ownDevices(all []xaeroflux.Device) error {
	return list(a, all, printOwnDevices)
}

func printOwnDevices(w io.Writer, all []xaeroflux.Device) {
	fmt.Fprintln(w, "DEVICE\tSINCE")
	for _, d := range all {
		fmt.Fprintf(w, "%s\t%s%s%s\n", d.Key.Short(), d.Since.Format(time.DateOnly), mark(d.Self, "this device"), mark(d.Steward, "keeps the list"))
	}
}
