// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) successorCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "successor",
		Short: "Keys and signatures of a topic's successors, who make another device the steward",
		Long: `Successors are people who together make another device the steward of a topic, if its
owner is gone. Before the topic is founded, each says "xaeroflux successor key" and
gives the key to whoever founds it: "xaeroflux topic create NAME --successors
KEY,KEY,KEY". Later one of them says "xaeroflux successor propose" and sends what it prints to
the others, each of whom says "xaeroflux successor sign" to it, until enough have. The
device that is named then says "xaeroflux takeover --successors -". What goes round is no
secret.`,
		Args: noArgs,
	}
	cmd.AddCommand(a.successorKeyCmd(), a.successorProposeCmd(), a.successorSignCmd())
	return cmd
}

func (a *app) successorKeyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Make a key by which this store's person is a successor in a topic to come",
		Long: `Makes a key for one topic that somebody is going to found, and prints its public half,
which is no secret. This store keeps the other half.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.succession(cmd, nodeapi.SuccessionChange{NewKey: true})
		},
	}
}

func (a *app) successorProposeCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "propose [DEVICE]",
		Short: "Propose to the successors that a device becomes the steward: this store, or DEVICE",
		Long: `Prints the text that the successors are to sign, by which this store, or the device whose
key begins with DEVICE ("xaeroflux devices"), becomes the steward. What is here of the roster counts, and
what the old steward wrote beyond it is void: so sync first with all members that can
be reached.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := nodeapi.SuccessionChange{Propose: true}
			if len(args) > 0 {
				if c.Device = args[0]; len(c.Device) < minPrefix {
					return usage("device %q: give at least %d digits of its key", c.Device, minPrefix)
				}
			}
			return a.succession(cmd, c)
		},
	}
}

func (a *app) successorSignCmd() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "sign TEXT",
		Short: "Sign, as a successor, what another one proposed",
		Long: `Says which device the text makes the steward, and from what part of the roster on; with --yes,
signs it by the key that this store keeps, and prints it with the signature, for the
next successor or for that device. TEXT may be - for a line of standard input.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.secrets(args); err != nil {
				return err
			}
			if !yes {
				return a.maySign(cmd, args[0])
			}
			return a.succession(cmd, nodeapi.SuccessionChange{Sign: args[0]})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "sign it")
	return cmd
}

// maySign says what would be signed, and how to go on. It is always an error.
func (a *app) maySign(cmd *cobra.Command, text string) error {
	return a.saySuccession(cmd, "sign", text)
}

// saySuccession says what a succession is, and how to go on with it. It is always an error.
func (a *app) saySuccession(cmd *cobra.Command, what, text string) error {
	return a.with(cmd.Context(), func(b backend) error {
		s, err := b.Succession(cmd.Context(), a.topic, nodeapi.SuccessionChange{Read: text})
		if err != nil {
			return err
		}
		return hint(usage("%s: this makes device %s the steward, and begins term %d; %s here would be void; %d of %d have signed", what, s.Steward.Short(), s.Term,
			counted(int(s.Void), "record"), s.Signed, s.Needed), "the same with --yes, if that is what you want")
	})
}

// succession does something about a succession, and prints what there is then.
func (a *app) succession(cmd *cobra.Command, c nodeapi.SuccessionChange) error {
	return a.with(cmd.Context(), func(b backend) error {
		s, err := b.Succession(cmd.Context(), a.topic, c)
		if err != nil {
			return err
		}
		switch {
		case c.NewKey:
			a.say("give this to whoever founds the topic; it is no secret")
		case s.Signed < s.Needed:
			a.say("%d of %d have signed: for the next successor, `xaeroflux successor sign -`", s.Signed, s.Needed)
		default:
			a.say("enough have signed: on device %s, `xaeroflux takeover --successors - --yes`", s.Steward.Short())
		}
		return a.print(s, func(w io.Writer) { fmt.Fprintln(w, strings.TrimSpace(s.Key+s.Text)) })
	})
}

// parseSuccessors reads the keys of --successors.
func parseSuccessors(list string) (keys []xaeroflux.AccountKey, err error) {
	for k := range strings.SplitSeq(list, ",") {
		key, err := xaeroflux.ParseAccountKey(strings.TrimSpace(k))
		if err != nil {
			return nil, errors.Join(usage("--successors: %q is no key as `xaeroflux successor key` prints it", k), err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
