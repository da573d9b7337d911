// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) initCmd() *cobra.Command {
	var o xaeroflux.Options
	var locked bool
	var kind topicKind
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create a store with a topic of its own",
		Long: `Creates a store in --dir, with a first topic, and prints its author key, log,
topic and note verifier key. The topic is private: "xaeroflux invite" makes an invite for
each member. With --plain nothing in it is sealed; with --open there is one invite, which
is printed too: a secret, by which whoever has it can read the topic and append to it.

With --passphrase, what the store holds of sealed topics, and all keys, are sealed on
disk from the first byte on; it is asked for twice on the terminal, or read from
--passphrase-file. "xaeroflux passwd" sets one later.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(checkTopicName(o.TopicName), kind.check()); err != nil {
				return err
			}
			o.Kind = kind.kind()
			return a.create(cmd.Context(), o, locked)
		},
	}
	cmd.Flags().StringVar(&o.TopicName, "name", "", "what to call the topic, here and in invites")
	kind.flags(cmd.Flags())
	cmd.Flags().BoolVar(&locked, "passphrase", false, lockedUsage)
	cmd.Flags().IntVar(&o.PageBytes, "page-bytes", 0, "page size: 4096, 8192, 16384, 32768 or 65536 (default 16384)")
	cmd.Flags().IntVar(&o.SegmentPages, "segment-pages", 0, "pages in a segment file, 2 to 65536 (default 1024)")
	return cmd
}

const lockedUsage = "give the store that is created a passphrase"

// checkTopicName checks that invites can hold the name.
func checkTopicName(name string) error {
	if err := identity.CheckInviteName(name); err != nil {
		return usage("--name: %v", err)
	}
	return nil
}

// create makes the store and prints what is in it.
func (a *app) create(ctx context.Context, o xaeroflux.Options, locked bool) (err error) {
	o.MustCreate = true
	if locked || a.pass.file != "" { // a file is named for no other reason
		if o.NewPassphrase, err = a.firstPassphrase(); err != nil {
			return err
		}
		defer clear(o.NewPassphrase)
		o.Passphrase = func() ([]byte, error) { return bytes.Clone(o.NewPassphrase), nil }
	}
	db, err := xaeroflux.Open(a.dir, &o)
	if err != nil {
		return err
	}
	b := &local{db: db}
	info, err := b.Info(ctx, "")
	if err != nil {
		return errors.Join(err, b.Close())
	}
	closed := b.Close() // what fails there leaves a store nevertheless
	if o.NewPassphrase != nil {
		closed = errors.Join(closed, a.toKeyring(o.NewPassphrase))
	}
	a.say("created a store in %s", a.dir)
	return errors.Join(a.printInfo(info), closed)
}

func (a *app) printInfo(i nodeapi.Info) error {
	return a.print(i, func(w io.Writer) {
		fmt.Fprintf(w, "author  %s\nlog     %s\ntopic   %s\nvkey    %s\n", i.Author, i.Log, i.Topic, i.VKey)
		if i.Invite != "" {
			fmt.Fprintf(w, "invite  %s\n", i.Invite)
		}
	})
}
