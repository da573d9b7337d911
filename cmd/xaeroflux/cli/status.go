// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) statusCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show where the store stands with its peers: what is missing, and why",
		Long: `Shows each peer that is connected or remembered, what is being waited for, how
fast bytes move and the last error; and each log of which a peer holds more than
this store, or that has gaps ("xaeroflux gaps"), with how much and since when.

States: "in sync" both hold the same; "syncing" something is on its way;
"greeting" just connected; "dialing"; "pausing" until the next try; "known"
remembered, and not needed now. FOR is how long the session lasts or, of a peer
that is not connected, how long ago the last one was; HEARD is how long ago the
peer last said something. An error stands there with its age: it may be of a time
before what is going on now. Of a topic that is followed in part, only the
logs that are followed count (xaeroflux follow).`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(b backend) error {
				s, err := b.Status(cmd.Context())
				if err != nil {
					return err
				}
				s.Actors = nil // another command's
				return a.print(s, func(w io.Writer) { a.printStatus(w, s, time.Now()) })
			})
		},
	}
}

func (a *app) printStatus(w io.Writer, s nodeapi.Status, now time.Time) {
	connected, missing := 0, uint64(0)
	for _, p := range s.Peers {
		if p.Connected() {
			connected++
		}
	}
	for _, m := range s.Missing {
		missing += m.Events()
	}
	fmt.Fprintf(w, "peers: %d connected, %d known; missing: %d events of %d logs\n", connected, len(s.Peers), missing, len(s.Missing))
	if len(s.Unshared) > 0 && connected > 0 {
		fmt.Fprintf(w, "shared by no connected peer: %s\n", counted(len(s.Unshared), "topic"))
	}
	if m := s.Moved; m != nil {
		fmt.Fprintln(w, a.typed(movedStatus(m)))
	}
	for _, l := range s.Listening {
		if l.Trouble != "" {
			fmt.Fprintf(w, "nobody reaches this store at %s, and it is tried again until they do: %s\n", l.Address.Host, strings.ReplaceAll(l.Trouble, "\n", "; "))
		}
	}
	for _, o := range s.Own {
		fmt.Fprintln(w, ownText(o))
	}
	for _, log := range s.Frozen {
		fmt.Fprintf(w, "log %.16s of somebody else is frozen: its author forked it (xaeroflux forks shows the proof)\n", log)
	}
	for _, c := range s.Copies {
		fmt.Fprintln(w, copyStatus(c))
	}
	for _, p := range s.Peers {
		if text := twinText(p); text != "" {
			fmt.Fprintln(w, text)
		}
	}
	for _, p := range s.Parts {
		fmt.Fprintf(w, "topic %.8s: follows its own log and %s only; what else there is is not missing\n", p.Topic, counted(len(p.Names), "name"))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Peers) > 0 {
		fmt.Fprintln(t, "\nPEER\tSTATE\tFOR\tHEARD\tADDRESS\tEVENTS IN\tOUT\tBYTES IN\tOUT\tIN/S\tOUT/S\tWAITING FOR, OR LAST ERROR")
	}
	for _, p := range s.Peers {
		fmt.Fprintf(t, "%.8s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n",
			p.Peer, p.State, age(now, p.Since), age(now, p.Heard), p.Address, p.EventsIn, p.EventsOut, bytesText(p.BytesIn), bytesText(p.BytesOut),
			bytesText(uint64(p.RateIn)), bytesText(uint64(p.RateOut)), why(p, now))
	}
	t.Flush()
	if len(s.Missing) > 0 {
		fmt.Fprintln(t, "\nLOG\tHERE\tTHERE\tMISSING\tPEER\tFOR")
	}
	for _, m := range s.Missing {
		from := "-"
		if !m.From.IsZero() {
			from = m.From.Short()
		}
		fmt.Fprintf(t, "%.16s\t%d\t%d\t%d\t%s\t%s\n", m.Log, m.Held, m.Known, m.Events(), from, age(now, m.Since))
	}
	t.Flush()
	if s.ReadOnly != "" {
		fmt.Fprintf(w, "\nread-only: %s\n", s.ReadOnly)
	}
}

// twinText says that a peer, or this store, was found to be two live copies.
func twinText(p xaeroflux.PeerStatus) string {
	switch {
	case !p.OwnTwin.IsZero():
		return fmt.Sprintf("another live copy of this store is connected to peer %.8s, which said so at %s: close one of the two; "+
			"a copy that is to stay is made by xaeroflux backup and restore, as a device of its own", p.Peer, p.OwnTwin.UTC().Format(time.RFC3339))
	case !p.PeerTwin.IsZero():
		return fmt.Sprintf("peer %.8s is two live copies of one store, seen last at %s: its owner is to close one of them", p.Peer, p.PeerTwin.UTC().Format(time.RFC3339))
	}
	return ""
}

// why says what a peer is waited for, or what went wrong with it.
func why(p xaeroflux.PeerStatus, now time.Time) string {
	what := cmp.Or(p.Waiting, errorText(p, now))
	if p.InSync {
		what = ""
	}
	if text := unsettledText(p); text != "" {
		what = strings.TrimSuffix(text+"; "+what, "; ")
	}
	if !p.NextTry.IsZero() {
		what += fmt.Sprintf(" (again in %s)", age(p.NextTry, now))
	}
	return what
}

// errorText is the last error of a peer, and how long ago it was.
func errorText(p xaeroflux.PeerStatus, now time.Time) string {
	switch {
	case p.LastError == "":
		return ""
	case p.LastErrorAt.IsZero():
		return p.LastError + " (before its last session)"
	}
	return fmt.Sprintf("%s (%s ago)", p.LastError, age(now, p.LastErrorAt))
}

// unsettledText says of how many topics it is not known that both hold the same.
func unsettledText(p xaeroflux.PeerStatus) string {
	switch {
	case p.Unsettled > 0 && p.More:
		return fmt.Sprintf("%d of %s and more that come in turn are not settled", p.Unsettled, counted(p.Topics, "topic"))
	case p.Unsettled > 0:
		return fmt.Sprintf("%d of %s not settled", p.Unsettled, counted(p.Topics, "topic"))
	case p.More && p.Topics > 0:
		return "more topics come in turn"
	}
	return ""
}

// age writes how long ago a time was.
func age(now, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return max(now.Sub(at), 0).Round(time.Second).String()
}
