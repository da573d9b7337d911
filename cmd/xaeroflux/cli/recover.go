// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/identity"
)

func (a *app) recoverCmd() *cobra.Command {
	var words string
	var locked bool
	var o xaeroflux.RecoverOptions
	cmd := &cobra.Command{
		Use:   "recover --words - [--peer ADDRESS ...] [--invite FILE ...]",
		Short: "Make a store out of 24 words, with all that they lead to",
		Long: `Makes the store in --dir, which is created, a device of the person whose words these
are ("xaeroflux words"), and brings back what that person is in. The words are a line of
standard input.

--peer names another device of that person, or a member or replica of one of the topics:
what "xaeroflux run" printed there. If no device is left, --invite FILE is an invite to
one of the topics, which any admin of it makes anew; an old one serves too, until
somebody is removed. - stands for a line of standard input, after the words.

Nobody is removed, unless --remove-lost says that all other devices of this person are
lost: then they are, in every topic, and read nothing that is appended from then on. One
that is left all the same has to be linked again, in a new store.

What could not be reached is said, and comes with the next sync, or with the same command
again. A recovery that was cut off is gone on with by the same command.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			phrase, err := a.phrase(words)
			if err == nil && phrase == "" {
				err = hint(usage("no words are given"), "xaeroflux recover --words -, with the words on a line of standard input")
			}
			if err == nil && o.Wait < 0 {
				err = usage("--wait is %v, want 0 or more", o.Wait)
			}
			if err == nil {
				err = a.checkPeers(o.Peers)
			}
			if err == nil {
				err = a.readInvites(o.Invites)
			}
			if err != nil {
				return err
			}
			store := &xaeroflux.Options{Passphrase: a.passphrase}
			if locked {
				if store.NewPassphrase, err = a.newPassphrase(a.pass.file); err != nil {
					return err
				}
				defer clear(store.NewPassphrase)
				store.Passphrase = func() ([]byte, error) { return bytes.Clone(store.NewPassphrase), nil }
			}
			o.Options = store
			db, got, err := xaeroflux.Recover(cmd.Context(), a.dir, phrase, &o)
			if err != nil {
				return err
			}
			if err := db.Close(); err != nil {
				return err
			}
			if locked {
				if err := a.toKeyring(store.NewPassphrase); err != nil {
					return err
				}
			}
			return a.printRecovered(got)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&locked, "passphrase", false, lockedUsage)
	f.StringVar(&words, "words", "", "-: the words come on standard input, in one line")
	f.StringArrayVar(&o.Peers, "peer", nil, "address of somebody to ask; more than once for several")
	f.StringArrayVar(&o.Invites, "invite", nil, "file with an invite to a topic of the person, or - for a line of standard input; more than once for several")
	f.BoolVar(&o.RemoveOthers, "remove-lost", false, "remove all other devices of the person, in every topic")
	f.DurationVar(&o.Wait, "wait", 0, "how long another device of the person, which writes a roster, may take to admit this one (default 5s)")
	return cmd
}

// phrase reads words, which stand in no command line; none if arg is empty.
func (a *app) phrase(arg string) (string, error) {
	switch arg {
	case "":
		return "", nil
	case "-":
		return a.secret(arg)
	}
	return "", usage("--words: words stand in no command line, which others can read; --words - reads them from standard input")
}

// readInvites puts invites in the place of what names where they are.
func (a *app) readInvites(all []string) (err error) {
	for i, arg := range all {
		if identity.IsInvite(arg) {
			return usage("--invite: an invite stands in no command line, which others can read: name a file with it, or - for a line of standard input")
		}
		if arg == "-" {
			all[i], err = a.secret(arg)
		} else {
			var b []byte
			b, err = os.ReadFile(arg)
			all[i] = strings.TrimSpace(string(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printRecovered(r *xaeroflux.Recovered) error {
	if a.json {
		return a.print(r, nil)
	}
	if err := a.table(func(w io.Writer) { printRecoveredTopics(w, r.Topics) }); err != nil {
		return err
	}
	switch {
	case r.NewHome:
		a.say("none of your devices was reached: the list of your topics begins anew with this one; `xaeroflux devices link` adds others")
	case !r.Home:
		a.say("none of your devices was reached, so that topics may be missing: the same command with --peer and another device of yours, or with --remove-lost if there is none any more")
	}
	for _, t := range r.Topics {
		if say := recoveredText(t); say != "" {
			a.say("topic %s: %s", t.Topic.Short(), say)
		}
	}
	return nil
}

func printRecoveredTopics(w io.Writer, all []xaeroflux.RecoveredTopic) {
	fmt.Fprintln(w, "TOPIC\tNAME\tSTATE\tROLE\tREMOVED")
	for _, t := range all {
		role := "-"
		if t.Role != 0 {
			role = t.Role.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d%s\n", t.Topic.Short(), cmp.Or(t.Name, "-"), t.State, role, len(t.Removed), mark(t.TookOver, "this store writes the roster now"))
	}
}

// recoveredText says what is still to come; empty if nothing is.
func recoveredText(t xaeroflux.RecoveredTopic) string {
	switch t.State {
	case xaeroflux.RecoveredAsked:
		return "its steward admits this store once it hears of it; you read and append meanwhile"
	case xaeroflux.RecoveredUnreached:
		return "no member of it was reached: it comes with the next sync with one"
	case xaeroflux.RecoveredLocked:
		return "the words lead to no key of yours in it: another device of yours lets this one in, or an admin does by an invite"
	case xaeroflux.RecoveredRemoved:
		return "you were removed from it: with a new invite, `xaeroflux join - --words -` brings you back"
	}
	if len(t.Asked) > 0 {
		return fmt.Sprintf("its steward was asked to remove %s of yours, and does it once it hears of it", counted(len(t.Asked), "device"))
	}
	return ""
}
