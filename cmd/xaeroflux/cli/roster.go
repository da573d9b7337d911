// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) rosterCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "roster",
		Short: "Show how far the roster of a topic is here, and which device writes it",
		Long: `Shows how far the roster is here, the log of who belongs to a topic: the term, the
leg, its records, the root over those, and the steward, which is the device that
writes it. A takeover begins a term, a handover a leg. Two stores that show the same
root hold the same roster. What the steward did that no steward may is shown as a fault,
with what proves it to others; so is a roster that is older than an invite said.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.roster(cmd, nodeapi.RosterChange{}) },
	}
	cmd.AddCommand(a.rosterAskCmd(), a.rosterTrustCmd())
	return cmd
}

// ofRoster reports whether cmd is one of those about who writes a roster.
func ofRoster(cmd *cobra.Command) bool {
	return slices.Contains([]string{"roster", "handover", "takeover"}, cmd.Name()) || cmd.HasParent() && cmd.Parent().Name() == "roster"
}

func (a *app) rosterAskCmd() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "ask",
		Short: "Ask the steward to hand the roster over to this store",
		Long: `Asks that this store becomes the steward, which is best one that is always on. The
steward hands over at once to another device of its own person or of the owner; for
others its person says so, with "xaeroflux handover DEVICE". The ask stands if that
does not happen in time.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return usage("--wait is %v, want 0 or more", wait)
			}
			return a.roster(cmd, nodeapi.RosterChange{Ask: true, Wait: wait})
		},
	}
	waitFlag(cmd, &wait)
	return cmd
}

func (a *app) rosterTrustCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "trust",
		Short: "Let the running node write the roster though it met no member",
		Long: `A steward writes nothing after it was opened until it has met another member: if it is
an older copy of itself, that would fork the roster, and everybody would see it. This
command says that no member holds more of the roster than this store, and that no
other copy of the store is in use. It is said to the node that is running, which goes
on from there until it ends.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := nodeapi.Dial(a.dir)
			if errors.Is(err, nodeapi.ErrNoNode) {
				return hint(kinded(nodeapi.Closed, "no node is running on %s: what is said here holds until the store is closed", a.dir), "xaeroflux run, then the same again")
			}
			if err != nil {
				return err
			}
			s, err := c.Roster(cmd.Context(), a.topic, nodeapi.RosterChange{Trust: true})
			if err := errors.Join(err, c.Close()); err != nil {
				return err
			}
			return a.printRoster(s)
		},
	}
}

func (a *app) handoverCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "handover DEVICE",
		Short: "Have another device, which asked for it, write the roster of a topic",
		Long: `Makes another device the steward of a topic: it asked with "xaeroflux roster ask", and
begins as soon as it hears of it. DEVICE is the beginning of its key, at least 4 digits,
which "xaeroflux devices" shows. Only the steward hands over; for one that is lost,
see "xaeroflux takeover".`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args[0]) < minPrefix {
				return usage("device %q: give at least %d digits of its key", args[0], minPrefix)
			}
			return a.roster(cmd, nodeapi.RosterChange{Handover: args[0]})
		},
	}
}

func (a *app) takeoverCmd() *cobra.Command {
	var yes bool
	var words, successors string
	cmd := &cobra.Command{
		Use:   "takeover",
		Short: "Make this store, on the owner's word, the one that writes a topic's roster",
		Long: `Makes this store the steward of a topic, if the one that was is lost or stolen. It takes
the owner's key, which the store that founded the topic keeps; if the owner has words
("xaeroflux words"), they alone lead to it: --words - reads them from standard input, in
any store of the owner's. With --successors - it is the word of the topic's successors
("xaeroflux successor"), as they signed it, which comes on standard input.

What the old steward wrote and is not here is void from then on: members that it
admitted, roles that it gave, removals. So sync first with all members that can be
reached. It cannot be taken back, and is done only with --yes; without, the command
says what it would be.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case words != "" && successors != "":
				return usage("both --words and --successors are given: one of them is meant")
			case successors != "":
				return a.succeed(cmd, successors, yes)
			case words == "" && !yes:
				return a.mayTakeOver(cmd, words)
			}
			phrase, err := a.phrase(words)
			if err != nil {
				return err
			}
			if !yes {
				return a.mayTakeOver(cmd, words)
			}
			err = a.roster(cmd, nodeapi.RosterChange{TakeOver: true, Words: phrase})
			if says(err, xaeroflux.ErrNotOwner) && phrase == "" {
				return a.with(cmd.Context(), func(b backend) error { return byWords(cmd.Context(), b, err) })
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().StringVar(&words, "words", "", "-: the owner's words come on standard input, in one line")
	cmd.Flags().StringVar(&successors, "successors", "", "what the successors signed, or - for a line of standard input")
	return cmd
}

// succeed takes over on the word of successors, or says what that would be.
func (a *app) succeed(cmd *cobra.Command, successors string, yes bool) error {
	signed, err := a.secret(successors)
	if err != nil {
		return err
	}
	if yes {
		return a.roster(cmd, nodeapi.RosterChange{TakeOver: true, Signed: signed})
	}
	return a.saySuccession(cmd, "takeover", signed)
}

// byWords adds to err that the words do it, if this store's person has some.
func byWords(ctx context.Context, b backend, err error) error {
	if _, none := b.Devices(ctx, nodeapi.DeviceChange{}); none != nil {
		return err
	}
	return hint(err, "%s", nextWords)
}

// nextWords is next for a takeover by a person who has words.
const nextWords = "xaeroflux takeover --words - --yes, with the owner's words on standard input, in one line"

// mayBeOwner reports whether this store may have the owner's word: the owner's device, or
// one of which the roster does not know yet whose it is, as a copy.
func (a *app) mayBeOwner(ctx context.Context, b backend, members []xaeroflux.Member) (bool, error) {
	if slices.ContainsFunc(members, func(m xaeroflux.Member) bool { return m.Self && m.Role == xaeroflux.RoleOwner }) {
		return true, nil
	}
	info, err := b.Info(ctx, a.topic)
	if err != nil {
		return false, err
	}
	all, err := b.Topics(ctx, nodeapi.TopicChange{})
	return slices.ContainsFunc(all, func(t nodeapi.TopicInfo) bool {
		return t.Topic == info.Topic && t.Standing == xaeroflux.StandingProvisional
	}), err
}

// mayTakeOver says what a takeover would void, and how to go on. It is always an error.
func (a *app) mayTakeOver(cmd *cobra.Command, words string) error {
	return a.with(cmd.Context(), func(b backend) error {
		members, err := b.Members(cmd.Context(), a.topic, nodeapi.MemberChange{})
		if err != nil {
			return err
		}
		switch may, err := a.mayBeOwner(cmd.Context(), b, members); {
		case err != nil:
			return err
		case !may:
			return fmt.Errorf("take over: %w", xaeroflux.ErrNotOwner)
		}
		s, err := b.Roster(cmd.Context(), a.topic, nodeapi.RosterChange{})
		if err != nil {
			return err
		}
		const first = "xaeroflux sync ADDRESS, with each member that can be reached; then "
		if _, none := b.Devices(cmd.Context(), nodeapi.DeviceChange{}); none == nil && words == "" {
			return hint(usage("%s", voids(s)), "%s", first+nextWords)
		}
		return hint(usage("%s", voids(s)), "%s", first+"the same with --yes")
	})
}

// voids says what a takeover does.
func voids(s xaeroflux.RosterStatus) string {
	if s.Self {
		return fmt.Sprintf("takeover: this store is the steward already; --yes begins term %d all the same, as for a roster that was forked, and what is not among the %s here is void",
			s.Term+1, counted(int(s.Size), "record"))
	}
	return fmt.Sprintf("takeover: this begins term %d of the roster, for good: what device %s wrote in term %d, leg %d, beyond the %s that are here is void, "+
		"such as members that it admitted, roles that it gave, and removals", s.Term+1, s.Steward.Short(), s.Term, s.Leg, counted(int(s.Size), "record"))
}

// roster changes who writes the roster, and shows how far it is here then.
func (a *app) roster(cmd *cobra.Command, c nodeapi.RosterChange) error {
	return a.with(cmd.Context(), func(b backend) error {
		s, err := b.Roster(cmd.Context(), a.topic, c)
		if err != nil {
			return err
		}
		return a.printRoster(s)
	})
}

func (a *app) printRoster(s xaeroflux.RosterStatus) error {
	switch {
	case s.Size > 0:
	case s.Steward.IsZero():
		a.say("the roster of this topic is not here yet: it comes from a member")
	default: // an open topic's, whose genesis is enough
		a.say("nothing is written to the roster of this topic yet, as far as is known here")
	}
	return a.print(s, func(w io.Writer) {
		fmt.Fprintf(w, "term     %d\nleg      %d\nsize     %d\nroot     %s\nsteward  %s", s.Term, s.Leg, s.Size, s.Root, s.Steward.Short())
		if s.Self {
			fmt.Fprint(w, "  (this store)")
		}
		fmt.Fprintln(w)
		for _, f := range s.Faults {
			fmt.Fprintf(w, "fault    %s: %s\n", f.Kind, f.Why)
			switch f.Kind {
			case xaeroflux.FaultForked:
				fmt.Fprintln(w, "         its proof: xaeroflux forks")
			case xaeroflux.FaultVoid, xaeroflux.FaultAsk, xaeroflux.FaultNoBox, xaeroflux.FaultWrongBox, xaeroflux.FaultNoStep:
				fmt.Fprintf(w, "         its proof: xaeroflux prove %d --log %s\n", f.Seq, f.Log)
			}
		}
	})
}
