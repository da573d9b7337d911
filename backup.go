// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/backup"
)

// BackupOptions of Backup and BackupTo; nil means the defaults.
type BackupOptions struct {
	// WithoutIdentity leaves out the seed and the accounts' secrets: what is restored of
	// such a backup reads, and appends as a new device only.
	WithoutIdentity bool `json:"without_identity,omitempty"`
	// Progress, if it is not nil, is called with bytes done and to do.
	Progress func(done, total int64) `json:"-"`
}

// A BackupReport says what a backup holds and what was written for it.
type BackupReport struct {
	BackupManifest
	Written int64 `json:"written,omitempty"` // bytes
	Kept    int64 `json:"kept,omitempty"`    // bytes that were there already
}

// A BackupManifest says what a backup holds.
type BackupManifest struct {
	Number   uint64        `json:"number"`        // of the backup in its directory, from 1
	Time     time.Time     `json:"time"`          // of the snapshot
	Identity string        `json:"identity"`      // "plain" if the backup holds the seed, "sealed" if under the passphrase of then, "none" if not
	Peer     PeerID        `json:"peer,omitzero"` // of the store; zero if it is not told
	Topics   []BackupTopic `json:"topics"`
	Logs     []BackupLog   `json:"logs"`
	Events   uint64        `json:"events"` // of the application
	Bytes    int64         `json:"bytes"`  // of all files
}

// A BackupTopic is a topic of which a backup holds the keys.
type BackupTopic struct {
	Topic TopicID `json:"topic"`
	Name  string  `json:"name,omitempty"`
	Log   LogID   `json:"log"` // that the store appended to
}

// A BackupLog is what a backup holds of a log.
type BackupLog struct {
	Log   LogID   `json:"log"`
	Topic TopicID `json:"topic"`
	Kind  string  `json:"kind"` // "data", "roster", "boxes"
	Own   bool    `json:"own,omitempty"`
	Size  uint64  `json:"size"`
	Root  Hash    `json:"root"`  // over its events
	Pages uint64  `json:"pages"` // that are in files; the rest lies in the AOF
}

func manifestOf(m *backup.Manifest) (all BackupManifest) {
	if m == nil {
		return all
	}
	all = BackupManifest{Number: m.Number, Time: told(m.Time), Identity: m.Identity, Events: m.Events(), Bytes: m.Bytes()}
	_ = all.Peer.UnmarshalText([]byte(m.Peer)) // without an identity there is none
	for _, t := range m.Topics {
		all.Topics = append(all.Topics, BackupTopic{Topic: TopicID(t.ID), Name: t.Name, Log: LogID(t.Log)})
	}
	for _, l := range m.Logs {
		all.Logs = append(all.Logs, BackupLog{Log: LogID(l.ID), Topic: TopicID(l.Topic), Kind: l.Kind, Own: l.Own, Size: l.Size, Root: Hash(l.Root), Pages: l.Pages})
	}
	return all
}

func backupReportOf(r backup.Report) BackupReport {
	return BackupReport{BackupManifest: manifestOf(r.Manifest), Written: r.Written, Kept: r.Kept}
}

// Backup writes a backup of the store to dir, or brings the one in it up to
// date: sealed pages never change, so that only new ones are copied. Appends go
// on meanwhile; what was acknowledged before Backup was called is in it. A
// backup that fails or is interrupted leaves the one before as it was. It works
// on a store that became read-only too.
//
// The backup holds the store's seed and the keys of its topics, readable for
// whoever can read dir, unless o.WithoutIdentity is set.
func (db *DB) Backup(ctx context.Context, dir string, o *BackupOptions) (_ BackupReport, err error) {
	defer db.out(&err)
	ctx, done, err := db.readingLong(ctx)
	if err != nil {
		return BackupReport{}, err
	}
	defer done()
	r, err := backup.Write(ctx, db.st, dir, optionsOr(o))
	return backupReportOf(r), ended(ctx, err)
}

// BackupTo writes a whole backup to w as a tar archive, which unpacked is what
// Backup makes. If ctx ends while w blocks, it returns, and the one Write that is
// under way is left to end by itself.
func (db *DB) BackupTo(ctx context.Context, w io.Writer, o *BackupOptions) (_ BackupReport, err error) {
	defer db.out(&err)
	ctx, done, err := db.readingLong(ctx)
	if err != nil {
		return BackupReport{}, err
	}
	defer done()
	r, err := backup.Stream(ctx, db.st, w, optionsOr(o))
	return backupReportOf(r), ended(ctx, err)
}

func optionsOr(o *BackupOptions) backup.Options {
	if o == nil {
		return backup.Options{}
	}
	return backup.Options(*o)
}

// VerifyBackup reads all of a backup and computes everything again: hashes,
// pages, trees, roots and signed heads. It changes nothing. A seed with a passphrase
// is held against its hash, and if o.Passphrase is set against the peer id. The error is
// ErrNoBackup, ErrBackupManifest, a *BackupDamageError, ErrPassphrase, or what kept it
// from looking.
func VerifyBackup(ctx context.Context, dir string, o *CheckOptions) (_ BackupManifest, err error) {
	defer out(&err)
	if o == nil {
		o = &CheckOptions{}
	}
	m, err := backup.Verify(ctx, dir, backup.VerifyOptions{Progress: o.Progress, Passphrase: o.Passphrase})
	return manifestOf(m), err
}

// RestoreOptions of Restore; nil means the defaults.
type RestoreOptions struct {
	// Adopt keeps the store the device that it was when the backup was made: the
	// old one is gone for ever.
	Adopt bool
	Place string // as in Options
	// Passphrase asks for the one that the store had when the backup was made.
	Passphrase func() ([]byte, error)
	Progress   func(done, total int64)
}

// Restore verifies a backup and makes a store of it in dir, which must be empty
// or not there. A restored store is a copy, and so a new device when it is opened
// next (see Move): its logs so far stay readable, those that were its own get
// what peers hold of them beyond the backup, and it appends to new ones. If
// o.Adopt is set it stays the device that it was; the store of which the backup
// is must then never be used again, and appends are ErrRestored until it has met a
// peer.
func Restore(ctx context.Context, from, dir string, o *RestoreOptions) (_ BackupManifest, err error) {
	defer out(&err)
	if o == nil {
		o = &RestoreOptions{}
	}
	inner := backup.RestoreOptions(*o)
	ask, forget := identity.Passphrase(o.Passphrase).Once()
	defer forget()
	inner.Passphrase = ask
	m, err := backup.Restore(ctx, from, dir, inner)
	return manifestOf(m), err
}

// notBackup refuses a directory that holds a backup.
func notBackup(dir string) error {
	if backup.Is(dir) {
		return fmt.Errorf("%s: %w", dir, ErrIsBackup)
	}
	return nil
}
