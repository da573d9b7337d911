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
	"github.com/xaeroflux/xaeroflux/internal/nodeapi"
)

func (a *app) backupCmd() *cobra.Command {
	var o nodeapi.Backup
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
its topics: keep it as you keep the store. With --without-identity the seed, the
generation and the secrets of accounts are left out; whoever restores it reads
everything, can take part in the open topics, and is a new device with an identity
of its own. The keys of topics and all events are in it.

--verify reads a backup, says what it holds, and computes every hash, page, root
and signature again; it needs no store.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.readOnly = true // a copy that is backed up stays what it is
			switch {
			case verify:
				return a.verifyBackup(cmd.Context(), args[0])
			case args[0] == "-":
				return a.with(cmd.Context(), func(b backend) error { return a.streamBackup(cmd.Context(), b, o) })
			}
			var err error
			if o.Dir, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(b backend) error {
				m := a.meter("backing up", -1, true)
				r, err := b.Backup(cmd.Context(), o, m.set)
				m.end()
				if err != nil {
					return err
				}
				return a.print(r, func(w io.Writer) { printBackup(w, r) })
			})
		},
	}
	cmd.Flags().BoolVar(&o.WithoutIdentity, "without-identity", false, "leave out what keys come from")
	cmd.Flags().BoolVar(&verify, "verify", false, "verify the backup in DIR")
	return cmd
}

func (a *app) verifyBackup(ctx context.Context, dir string) error {
	meter := a.meter("verifying", -1, true)
	m, err := xaeroflux.VerifyBackup(ctx, dir, meter.set)
	meter.end()
	var damage *xaeroflux.BackupDamageError
	if err != nil && !errors.As(err, &damage) {
		return err
	}
	r := backupReport(xaeroflux.BackupReport{BackupManifest: m})
	if damage != nil {
		for _, f := range damage.Findings {
			r.Findings = append(r.Findings, nodeapi.BackupFinding(f))
		}
	}
	return errors.Join(a.print(r, func(w io.Writer) {
		printBackup(w, r)
		for _, f := range r.Findings {
			fmt.Fprintf(w, "damaged %s: %s\n", f.File, f.What)
		}
		if damage == nil {
			fmt.Fprintln(w, "verified: every hash, page, root and signature fits")
		}
	}), err)
}

// streamBackup writes an archive to standard output.
func (a *app) streamBackup(ctx context.Context, b backend, o nodeapi.Backup) error {
	if terminal(a.stdout) {
		return hint(usage("an archive is not for a terminal"), "xaeroflux backup - > FILE, or xaeroflux backup DIR")
	}
	out := &archiveOut{w: a.out}
	r, err := b.BackupOver(ctx, out, o)
	if err = errors.Join(out.err, err); err != nil {
		return err
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
			o.Progress = meter.set
			m, err := xaeroflux.Restore(cmd.Context(), args[0], args[1], &o)
			meter.end()
			if err != nil {
				return err
			}
			r := backupReport(xaeroflux.BackupReport{BackupManifest: m})
			return a.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "restored %d events of %d logs to %s, from the backup of %s\n", r.Events, dataLogs(r), args[1], r.Time.Format(time.RFC3339))
				fmt.Fprintln(w, whatItIs(r, o.Adopt, args[1]))
			})
		},
	}
	cmd.Flags().BoolVar(&o.Adopt, "adopt", false, "keep it the device that it was: the old store is gone for ever")
	return cmd
}

// whatItIs says as which device a restored store goes on.
func whatItIs(r nodeapi.BackupReport, adopted bool, dir string) string {
	switch {
	case r.Identity == "none":
		return "it has an identity of its own: the backup holds none"
	case adopted:
		return fmt.Sprintf("it is the device that it was, known to peers by %.8s: it appends once it has synced with a peer, or after xaeroflux adopt --dir %s --alone; never use the old store again", r.Peer, quoted(dir))
	}
	return "it becomes a new device when it is used: its logs so far stay readable, and it appends to new ones"
}

func printBackup(w io.Writer, r nodeapi.BackupReport) {
	fmt.Fprintf(w, "backup  number %d, of %s\n", r.Number, r.Time.Format(time.RFC3339))
	fmt.Fprintf(w, "holds   %d events of %d logs in %d topics, %s\n", r.Events, dataLogs(r), len(r.Topics), bytesText(uint64(r.Bytes)))
	if r.Written > 0 {
		fmt.Fprintf(w, "wrote   %s; %s were there\n", bytesText(uint64(r.Written)), bytesText(uint64(r.Kept)))
	}
	if r.Identity == "none" {
		fmt.Fprintln(w, "keys    those of the topics; no identity")
	} else {
		fmt.Fprintf(w, "keys    the identity of %.8s, readable in the backup, and those of the topics\n", r.Peer)
	}
}

func dataLogs(r nodeapi.BackupReport) (n int) {
	for _, l := range r.Logs {
		if l.Kind == "data" {
			n++
		}
	}
	return n
}

func backupReport(r xaeroflux.BackupReport) nodeapi.BackupReport {
	out := nodeapi.BackupReport{
		Number: r.Number, Time: timeIn(r.Time), Identity: r.Identity, Peer: peerText(r.Peer), Topics: []nodeapi.BackupTopic{}, Logs: []nodeapi.BackupLog{},
		Events: r.Events, Bytes: r.Bytes, Written: r.Written, Kept: r.Kept,
	}
	for _, t := range r.Topics {
		out.Topics = append(out.Topics, nodeapi.BackupTopic{Topic: t.Topic.String(), Name: t.Name})
	}
	for _, l := range r.Logs {
		out.Logs = append(out.Logs, nodeapi.BackupLog{
			Log: l.Log.String(), Topic: l.Topic.String(), Kind: l.Kind, Own: l.Own, Size: l.Size, Root: l.Root.String(),
		})
	}
	return out
}

// Backup implements nodeapi.Backend.
func (b *local) Backup(ctx context.Context, o nodeapi.Backup, progress func(done, total int64)) (nodeapi.BackupReport, error) {
	r, err := b.db.Backup(ctx, o.Dir, &xaeroflux.BackupOptions{WithoutIdentity: o.WithoutIdentity, Progress: progress})
	if err != nil {
		return nodeapi.BackupReport{}, err
	}
	return backupReport(r), nil
}

// BackupOver implements nodeapi.Backend.
func (b *local) BackupOver(ctx context.Context, rw io.ReadWriteCloser, o nodeapi.Backup) (nodeapi.BackupReport, error) {
	r, err := b.db.BackupTo(ctx, rw, &xaeroflux.BackupOptions{WithoutIdentity: o.WithoutIdentity})
	if err = errors.Join(err, rw.Close()); err != nil {
		return nodeapi.BackupReport{}, err
	}
	return backupReport(r), nil
}
