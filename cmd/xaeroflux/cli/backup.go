// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/internal/backup"
)

func (a *app) backupCmd() *cobra.Command {
	var o xaeroflux.BackupOptions
	var verify bool
	cmd := &cobra.Command{
		Use:   "backup DIR | backup - | backup --verify DIR",
		Short: "Write a backup of the store, or bring one up to date",
		Long: `Writes all that the store holds to DIR, at one moment, while others go on
appending. A backup that is there is brought up to date: pages that are full never
change, so that only new ones are copied. One that is interrupted leaves the
backup before. It takes no older copy of the store, and none that became another
device: nothing that it holds is lost by bringing it up to date. With "-" it is written to standard output as a tar archive; unpacked
by any tar, that is what DIR is.

The backup holds the seed that all keys of the store come from, and the keys of
its topics: keep it as you keep the store. Of a store with a passphrase it holds them
under the one that the store has at the time, which restoring it asks for. With --without-identity the seed, the
generation and the secrets of accounts are left out; whoever restores it reads
everything, can take part in the open topics, and is a new device with an identity
of its own. The keys of topics and all events are in it, in the clear, so that a store
with a passphrase refuses it.

--verify reads a backup, says what it holds, and computes every hash, page, root
and signature again; it needs no store, and the passphrase only to hold the identity in it
against its peer id, which it does if --passphrase-file is given.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.readOnly = true // a copy that is backed up stays what it is
			switch {
			case verify:
				return a.verifyBackup(cmd.Context(), args[0])
			case args[0] == "-":
				return a.with(cmd.Context(), func(b backend) error { return a.streamBackup(cmd.Context(), b, o) })
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error {
				m := a.meter("backing up", -1, true)
				o.Progress = m.set
				r, err := b.Backup(cmd.Context(), dir, o)
				m.end()
				if err != nil {
					return nameless(err)
				}
				return a.print(r, func(w io.Writer) { printBackup(w, r) })
			})
		},
	}
	cmd.Flags().BoolVar(&o.WithoutIdentity, "without-identity", false, "leave out what keys come from")
	cmd.Flags().BoolVar(&verify, "verify", false, "verify the backup in DIR")
	return cmd
}

// nameless gives a hint to the refusal of a backup without identity.
func nameless(err error) error {
	if says(err, backup.ErrNameless) {
		return hint(err, "xaeroflux backup DIR without --without-identity: the passphrase keeps the identity in it")
	}
	return err
}

func (a *app) verifyBackup(ctx context.Context, dir string) error {
	meter := a.meter("verifying", -1, true)
	m, err := xaeroflux.VerifyBackup(ctx, dir, &xaeroflux.CheckOptions{Progress: meter.set, Passphrase: a.namedPassphrase()})
	meter.end()
	var damage *xaeroflux.BackupDamageError
	if err != nil && !errors.As(err, &damage) {
		return err
	}
	v := verifiedBackup{BackupManifest: m}
	if damage != nil {
		v.Findings = damage.Findings
	}
	return errors.Join(a.print(v, func(w io.Writer) {
		printBackup(w, xaeroflux.BackupReport{BackupManifest: m})
		for _, f := range v.Findings {
			fmt.Fprintf(w, "damaged %s: %s\n", f.File, f.What)
		}
		if damage == nil {
			fmt.Fprintln(w, "verified: every hash, page, root and signature fits")
		}
	}), err)
}

// streamBackup writes an archive to standard output.
func (a *app) streamBackup(ctx context.Context, b backend, o xaeroflux.BackupOptions) error {
	if terminal(a.stdout) {
		return hint(usage("an archive is not for a terminal"), "xaeroflux backup - > FILE, or xaeroflux backup DIR")
	}
	out := &archiveOut{w: a.out}
	r, err := b.BackupOver(ctx, out, o)
	if err = errors.Join(out.err, err); err != nil {
		return nameless(err)
	}
	a.say("wrote a backup of %d events", r.Events)
	return nil
}

// archiveOut is standard output as a pipe on which nothing comes in. It keeps
// its first error, which the other end of the pipe may not see.
type archiveOut struct {
	w   io.Writer
	err error
}

func (o *archiveOut) Read([]byte) (int, error) { return 0, io.EOF }
func (o *archiveOut) Close() error             { return nil }

func (o *archiveOut) Write(b []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.w.Write(b)
	}
	return n, o.err
}

func (a *app) restoreCmd() *cobra.Command {
	var o xaeroflux.RestoreOptions
	cmd := &cobra.Command{
		Use:   "restore BACKUP DIR",
		Short: "Make a store of a backup",
		Long: `Verifies the backup and makes a store of it in DIR, which must be empty or not there.

A restored store is a copy: the next command that opens it makes it a new device,
known to peers by another id, with logs of its own. It reads all that the backup
holds, and a sync brings what peers hold of its old logs beyond that. So no log
forks, even if the store that was backed up is still in use.

With --adopt it stays the device that it was. Do that only if the old store is
gone for ever. What the old one appended after the backup must come back first:
until a sync with a peer, append refuses. For a store that no peer knows anything
of, "xaeroflux adopt --alone" allows it.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			meter := a.meter("restoring", -1, true)
			o.Progress, o.Passphrase = meter.set, a.passphrase
			m, err := xaeroflux.Restore(cmd.Context(), args[0], args[1], &o)
			meter.end()
			if err != nil {
				return err
			}
			return a.print(m, func(w io.Writer) {
				fmt.Fprintf(w, "restored %d events of %d logs to %s, from the backup of %s\n", m.Events, dataLogs(m), args[1], m.Time.Format(time.RFC3339))
				fmt.Fprintln(w, whatItIs(m, o.Adopt, args[1]))
			})
		},
	}
	cmd.Flags().BoolVar(&o.Adopt, "adopt", false, "keep it the device that it was: the old store is gone for ever")
	return cmd
}

// whatItIs says as which device a restored store goes on.
func whatItIs(m xaeroflux.BackupManifest, adopted bool, dir string) string {
	switch {
	case m.Identity == "none":
		return "it has an identity of its own: the backup holds none"
	case adopted:
		return fmt.Sprintf("it is the device that it was, known to peers by %.8s: it appends once it has synced with a peer, or after xaeroflux adopt --dir %s --alone; never use the old store again", m.Peer, quoted(dir))
	}
	return "it becomes a new device when it is used: its logs so far stay readable, and it appends to new ones"
}

func printBackup(w io.Writer, r xaeroflux.BackupReport) {
	fmt.Fprintf(w, "backup  number %d, of %s\n", r.Number, r.Time.Format(time.RFC3339))
	fmt.Fprintf(w, "holds   %d events of %d logs in %d topics, %s\n", r.Events, dataLogs(r.BackupManifest), len(r.Topics), bytesText(uint64(r.Bytes)))
	if r.Written > 0 {
		fmt.Fprintf(w, "wrote   %s; %s were there\n", bytesText(uint64(r.Written)), bytesText(uint64(r.Kept)))
	}
	switch r.Identity {
	case "none":
		fmt.Fprintln(w, "keys    those of the topics; no identity")
	case "sealed":
		fmt.Fprintf(w, "keys    the identity of %.8s and those of the topics, under the passphrase that the store had then\n", r.Peer)
	default:
		fmt.Fprintf(w, "keys    the identity of %.8s, readable in the backup, and those of the topics\n", r.Peer)
	}
}

func dataLogs(m xaeroflux.BackupManifest) (n int) {
	for _, l := range m.Logs {
		if l.Kind == "data" {
			n++
		}
	}
	return n
}

// A verifiedBackup is what a backup holds, and what is wrong with it.
type verifiedBackup struct {
	xaeroflux.BackupManifest
	Findings []xaeroflux.BackupFinding `json:"findings,omitempty"` // what is damaged or missing
}
