// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

// inviteFlags are the flags of invite.
type inviteFlags struct {
	role, expires string
	uses          uint16
	wait          time.Duration
	given         []string // of them, but for wait
	over          handover
}

func (a *app) inviteCmd() *cobra.Command {
	var f inviteFlags
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Print the invite to a topic",
		Long: `Prints the invite that "xaeroflux join" takes, which is a secret: whoever has it
takes part. While "xaeroflux run" is running, it also holds the address of this
node.

Of an open topic it is the same each time: it holds the secret key, and whoever has
it can read the topic, append to it and pass it on. A default topic that is empty
gives way to one that is joined later until its invite was printed by this command.

In a private or plain topic each invite is for one person, who is a writer: --role
gives another role, --uses lets so many join by it, and with --expires nobody can
join by it later.

With --code the invite is not printed, but six digits, and where this device waits: a
person types them into "xaeroflux join --code HOST:PORT" on another device at hand, which
gets the invite then. A code serves once; after a wrong one there is another. Unless
--expires says otherwise, the invite of a private or plain topic ends after 15 minutes:
the steward has to hear of the other device by then.` + asksText,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"role", "uses", "expires"} {
				if cmd.Flags().Changed(name) {
					f.given = append(f.given, "--"+name)
				}
			}
			o, err := f.inviting(time.Now())
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error { return a.invite(cmd.Context(), b, &f, o) })
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.role, "role", "writer", "of whoever joins by it: admin, writer, reader or replica")
	fs.Uint16Var(&f.uses, "uses", 1, "how many may join by it")
	fs.StringVar(&f.expires, "expires", "", "when it ends: in so many days or hours, as 7d or 36h, or a date (default: never; with --code, after 15 minutes)")
	f.over.flags(fs)
	waitFlag(cmd, &f.wait)
	return cmd
}

// inviting reads the flags.
func (f *inviteFlags) inviting(now time.Time) (o nodeapi.Inviting, err error) {
	o.Uses, o.Wait = f.uses, f.wait
	if o.Role, err = parseRole(f.role); err != nil {
		return o, err
	}
	if f.uses == 0 {
		return o, usage("--uses is 0: nobody could join by it")
	}
	if f.wait < 0 {
		return o, usage("--wait is %v, want 0 or more", f.wait)
	}
	if f.expires != "" {
		if o.Expires, err = parseWhen(f.expires, now); err != nil {
			return o, usage("--expires %s: %v", f.expires, err)
		}
	}
	return o, nil
}

func (a *app) invite(ctx context.Context, b backend, f *inviteFlags, o nodeapi.Inviting) error {
	info, err := b.Info(ctx, a.topic)
	if err != nil {
		return err
	}
	switch open := info.Kind == xaeroflux.OpenTopic; {
	case open && len(f.given) > 0:
		err := usage("%s: topic %s is open: whoever has its invite reads and appends, and passes it on, for ever", f.given[0], info.Topic.Short())
		return hint(err, "without the flag; or `xaeroflux topic create NAME --private`, a topic whose invites have a role, a number of uses and an end")
	case !open && a.readOnly:
		return hint(usage("--read-only: an invite to topic %s is written to its roster", info.Topic.Short()), "the same without --read-only")
	}
	l, err := f.over.listen()
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
	}
	if l != nil && info.Kind != xaeroflux.OpenTopic {
		f.over.bound(&o.Expires)
	}
	text, err := b.Invite(ctx, a.topic, o)
	if err != nil {
		return err
	}
	inv, err := identity.ParseInvite(text)
	if err != nil {
		return err
	}
	a.sayPlaces(inv, &f.over)
	if l != nil {
		return a.giveByCode(ctx, l, info.Topic, text)
	}
	v := inviteLine{Topic: info.Topic, Invite: text, Role: xaeroflux.Role(inv.Role), Uses: inv.Uses, Expires: o.Expires}
	var failed error
	err = a.print(v, func(w io.Writer) { failed = f.over.printText(w, text) })
	return errors.Join(err, failed)
}

// An inviteLine is an invite, and to which topic it is.
type inviteLine struct {
	Topic   xaeroflux.TopicID `json:"topic"`
	Invite  string            `json:"invite"`           // a key: whoever has it takes part in the topic
	Role    xaeroflux.Role    `json:"role,omitzero"`    // of whoever joins by it; an open topic has none
	Uses    uint16            `json:"uses,omitempty"`   // how many may join by it; an open topic has no end of them
	Expires time.Time         `json:"expires,omitzero"` // when it ends, if it does
}
