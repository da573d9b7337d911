// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) joinCmd() *cobra.Command {
	var at, words string
	var locked bool
	cmd := &cobra.Command{
		Use:   "join INVITE | --code HOST:PORT",
		Short: "Join the topic of an invite, creating the store if need be",
		Long: `Joins the topic of an invite. Where there is no store in --dir yet, it is created
and the topic is its default; a store that is there gets it as a further topic,
which --topic then names, and which becomes the default if the one that the store
founded has no name and no events, and "xaeroflux invite" did not print its invite. A join that was cut off is completed by another one, as
what it was to be. An invite of "xaeroflux devices link" makes the store, which must be
nobody's yet, a device of the person that made it. INVITE may be - for a line of standard input: an invite
is a secret, and other users of the machine can read what a command line says.

With --code the invite comes from a device at hand where "xaeroflux invite --code"
waits: HOST:PORT is where, and the six digits that it shows are a line of standard input.

A store that was removed from the topic joins it again as the same person. If that
person has words ("xaeroflux words"), only they lead to the key of the account: --words -
reads them from a line of standard input, after the invite.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := a.toJoin(cmd.Context(), args, at)
			if err != nil {
				return err
			}
			invite, err := identity.ParseInvite(args[0])
			if err != nil {
				return hint(err, "copy the whole invite again, as `xaeroflux invite` prints it")
			}
			phrase, err := a.phrase(words)
			if err != nil {
				return err
			}
			if phrase != "" {
				return a.joinMore(cmd, args[0], phrase)
			}
			topic, err := withoutPeers(*invite)
			if err == nil {
				err = a.create(cmd.Context(), xaeroflux.Options{Invite: topic}, locked)
			}
			if links(invite) {
				return a.joinPerson(cmd, invite, args[0], err)
			}
			if errors.Is(err, xaeroflux.ErrExists) {
				err = a.joinMore(cmd, args[0], "")
			}
			if err == nil {
				a.sayFetch("fetch it", invite)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&locked, "passphrase", false, lockedUsage)
	cmd.Flags().StringVar(&words, "words", "", "-: the person's words come on standard input, in one line")
	cmd.Flags().StringVar(&at, "code", "", "host:port of a device at hand that hands an invite over by six digits")
	return cmd
}

// toJoin returns the invite that is meant.
func (a *app) toJoin(ctx context.Context, args []string, at string) ([]string, error) {
	switch {
	case at == "" && len(args) == 0:
		return nil, usage("no invite given, and no --code")
	case at != "" && len(args) > 0:
		return nil, usage("both an invite and --code are given: one of them is meant")
	case at != "":
		text, err := a.takeByCode(ctx, at)
		return []string{text}, err
	}
	return args, a.secrets(args)
}

// sayFetch says how what was joined comes: once, or for as long as a node runs.
func (a *app) sayFetch(what string, invite *identity.Invite) {
	if len(invite.Peers) == 0 {
		return
	}
	dir, peer := quoted(a.dir), invite.Peers[0]
	a.say("now %s: xaeroflux sync --dir %s %s", what, dir, peer)
	a.say("or stay connected: xaeroflux run --dir %s --peer %s", dir, peer)
}

// joinPerson makes the store a device of a person, if it was not created as one.
func (a *app) joinPerson(cmd *cobra.Command, invite *identity.Invite, text string, err error) error {
	if errors.Is(err, xaeroflux.ErrExists) {
		err = a.with(cmd.Context(), func(b backend) error {
			_, err := b.Join(cmd.Context(), text, "")
			return err
		})
	}
	if err == nil {
		a.linked(invite)
	}
	return err
}

// withoutPeers is an invite to the same topic that names nobody to connect to: a store
// that is open for a moment would bring what chance has it bring.
func withoutPeers(i identity.Invite) (string, error) {
	i.Peers = nil
	return i.Encode()
}

// joinMore joins a further topic.
func (a *app) joinMore(cmd *cobra.Command, invite, words string) error {
	return a.with(cmd.Context(), func(b backend) error {
		before, err := b.Topics(cmd.Context(), nodeapi.TopicChange{})
		if err != nil {
			return err
		}
		info, err := b.Join(cmd.Context(), invite, words)
		if err != nil {
			return err
		}
		now, err := b.Topics(cmd.Context(), nodeapi.TopicChange{})
		if err == nil && now[0].Topic != before[0].Topic {
			a.say("this topic is the default now; the empty one that the store founded is --topic %s", before[0].Topic.Short())
		}
		return errors.Join(err, a.printInfo(info))
	})
}
