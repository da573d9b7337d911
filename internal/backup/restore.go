// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// RestoreOptions of Restore.
type RestoreOptions struct {
	// Adopt keeps the store the device that it was when the backup was made: the
	// old one is gone for ever.
	Adopt      bool
	Place      string // see xaeroflux.Options
	Passphrase func() ([]byte, error)
	Progress   func(done, total int64)
}

// Restore verifies a backup and makes a store of it in dir, which must be empty
// or not there, or hold a restore that was cut off. The store is a new device once it
// is used, unless it is adopted. If it fails, dir is as it was, or empty.
func Restore(ctx context.Context, from, dir string, o RestoreOptions) (*Manifest, error) {
	return RestoreOn(ctx, durable.OS, from, dir, o)
}

// RestoreOn is Restore on a file system that a test can fail.
func RestoreOn(ctx context.Context, fsys durable.FS, from, dir string, o RestoreOptions) (m *Manifest, err error) {
	if m, err = Verify(ctx, from, VerifyOptions{Progress: o.Progress, Passphrase: o.Passphrase}); err != nil {
		return m, err
	}
	if m.Identity == IdentitySealed && o.Passphrase == nil {
		return m, fmt.Errorf("%s: %w", from, errSealed)
	}
	err = store.Restore(dir, store.Restored{
		PageBytes: m.PageBytes, SegmentPages: m.SegmentPages, Backup: m.Time, From: from, Place: o.Place, Adopt: o.Adopt, Passphrase: o.Passphrase, FS: fsys,
		Fill: func(fsys durable.FS) error {
			return (&restorer{ctx: ctx, fs: fsys, from: from, dir: dir, m: m}).copy()
		},
	})
	if errors.Is(err, store.ErrOccupied) {
		err = fmt.Errorf("%w: %w; name another directory", ErrTarget, err)
	}
	if err != nil {
		err = fmt.Errorf("restore to %s: %w", dir, err)
	}
	return m, err
}

var errSealed = fmt.Errorf("%w in this backup: give the one that the store had when the backup was made", identity.ErrPassphrase)

type restorer struct {
	ctx       context.Context
	fs        durable.FS // below dir
	from, dir string
	m         *Manifest
}

func (r *restorer) copy() error {
	for _, d := range []string{"aof", logsName} {
		if err := r.fs.MkdirAll(filepath.Join(r.dir, d), 0o700); err != nil {
			return err
		}
	}
	for i := range r.m.Logs {
		if err := r.log(&r.m.Logs[i]); err != nil {
			return err
		}
	}
	if r.m.Seed != nil {
		if err := copyFile(r.ctx, r.fs, r.from, *r.m.Seed, filepath.Join(r.dir, "identity.key")); err != nil {
			return err
		}
	}
	return copyFile(r.ctx, r.fs, r.from, r.m.AOF, filepath.Join(r.dir, "aof", "data.mdb"))
}

// log joins the pieces of each segment of a log.
func (r *restorer) log(l *Log) error {
	if l.Pages == 0 {
		return nil
	}
	dir := filepath.Join(r.dir, logsName, l.ID.String())
	if err := r.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	n := uint64(r.m.SegmentPages)
	for segment := range (l.Pages + n - 1) / n {
		if err := r.segment(l, segment, filepath.Join(dir, fmt.Sprintf("%06d.seg", segment))); err != nil {
			return err
		}
	}
	return r.fs.SyncDir(dir)
}

func (r *restorer) segment(l *Log, segment uint64, path string) error {
	s, err := openPieces(r.from, l, segment)
	if err != nil {
		return err
	}
	var size int64
	for _, p := range s.list {
		size += p.Bytes
	}
	_, err = writeFile(r.ctx, r.fs, path, size, io.NewSectionReader(s, 0, size))
	return errors.Join(err, s.close())
}
