// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
)

func (a *app) adoptCmd() *cobra.Command {
	o := xaeroflux.Options{MustExist: true, Adopt: true}
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Keep a store that was moved the device that it was",
		Long: `A store that is found in another place than before is taken for a copy: the next
command that opens it makes it a new device, with new logs, so that the copies
never fork a log. "adopt" is for a store that was moved, and of which no other
copy is left: it stays the device that it was, with its logs.

Run it before anything else is done with the store in its new place. If another
copy is used afterwards, the logs fork, and every peer keeps the proof.

A store that was restored from a backup and adopted appends nothing before it has
synced with a peer, which may hold later events of it. With --alone it does: no peer
holds any, or its logs fork.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			waits, err := a.unmet()
			if err != nil {
				return err
			}
			o.Passphrase = a.passphrase
			db, err := xaeroflux.Open(a.dir, &o)
			if err != nil {
				return err
			}
			m, peer := db.Moved(), db.PeerID()
			if err := db.Close(); err != nil {
				return err
			}
			if waits && o.Alone {
				return a.print(m, func(w io.Writer) { fmt.Fprintf(w, "%s appends without having met a peer\n", a.dir) })
			}
			if m == nil || m.From != m.To || !m.Now {
				return hint(errors.New(nothingToAdopt(m)), "xaeroflux status --dir %s", quoted(a.dir))
			}
			return a.print(m, func(w io.Writer) { fmt.Fprintf(w, "adopted %s, known to peers by %s\n", a.dir, peer) })
		},
	}
	cmd.Flags().BoolVar(&o.Alone, "alone", false, "let a restored store append that has met no peer: none holds later events of it")
	return cmd
}

// unmet reports whether the store waits for a peer before it appends.
func (a *app) unmet() (bool, error) {
	db, err := xaeroflux.Open(a.dir, &xaeroflux.Options{MustExist: true, ReadOnly: true, Passphrase: a.passphrase})
	if err != nil {
		return false, err
	}
	own := db.OwnLogs()
	return slices.ContainsFunc(own, func(o xaeroflux.OwnLog) bool { return o.State == xaeroflux.OwnUnmet }), db.Close()
}

// nothingToAdopt says why a store is not adopted.
func nothingToAdopt(m *xaeroflux.Move) string {
	if m != nil && m.From != m.To {
		return fmt.Sprintf("nothing to adopt: the store became a new device at %s (%s); what it was before cannot come back, and its old logs stay readable",
			m.At.UTC().Format(time.RFC3339), m.Why)
	}
	if m != nil {
		return fmt.Sprintf("nothing to adopt: the store was adopted at %s (%s), and is where it was since", m.At.UTC().Format(time.RFC3339), m.Why)
	}
	return "nothing to adopt: the store is where it was"
}

// movedText tells a person of a move.
func movedText(m *xaeroflux.Move) string {
	if m.From == m.To {
		return fmt.Sprintf("this store was adopted in a new place (%s): no other copy of it may be used", m.Why)
	}
	return fmt.Sprintf("this store is a copy, or was moved (%s): it is a new device from now on, known to peers by %.8s, and appends to new logs; "+
		"its logs so far stay readable. If it was moved and no other copy is left, use `xaeroflux adopt` next time, before anything else", m.Why, m.To)
}

// movedStatus is movedText for later.
func movedStatus(m *xaeroflux.Move) string {
	at := m.At.UTC().Format(time.RFC3339)
	if m.To.IsZero() {
		return copyFound(m.Why)
	}
	if m.From == m.To {
		return fmt.Sprintf("adopted in a new place at %s (%s)", at, m.Why)
	}
	return fmt.Sprintf("a new device since %s (%s); before, peers knew it by %.8s", at, m.Why, m.From)
}

// copyText tells a person that there is another copy.
func copyText(c xaeroflux.Copy) string {
	return fmt.Sprintf("there is a copy of this store: since it was used it is a device of its own, and appends to log %.16s of topic %.8s. "+
		"If nobody of yours made it, somebody has the keys of this store", c.Log, c.Topic)
}

// copyStatus is copyText for later.
func copyStatus(c xaeroflux.Copy) string {
	return fmt.Sprintf("a copy of this store appends to log %.16s of topic %.8s, seen first at %s", c.Log, c.Topic, c.Seen.UTC().Format(time.RFC3339))
}

// copyFound tells of a store that nobody opened yet in the place where it is.
func copyFound(why string) string {
	return fmt.Sprintf("copy    the store is a copy, or was moved (%s): the next command that opens it makes it a new device. "+
		"If no other copy is left, run xaeroflux adopt first", why)
}
