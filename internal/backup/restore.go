// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// RestoreOptions of Restore.
type RestoreOptions struct {
	// Adopt keeps the store the device that it was when the backup was made: the
	// old one is gone for ever.
	Adopt    bool
	Place    string // see xaeroflux.Options
	Progress func(done, total int64)
}

// Restore verifies a backup and makes a store of it in dir, which must be empty
// or not there. The store is a new device once it is used, unless it is adopted.
// If it fails, dir is as it was.
func Restore(ctx context.Context, from, dir string, o RestoreOptions) (m *Manifest, err error) {
	entries, err := os.ReadDir(dir)
	fresh := errors.Is(err, os.ErrNotExist)
	if err != nil && !fresh {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%w: %s is not empty (%s); name another directory", ErrTarget, dir, entries[0].Name())
	}
	if m, err = Verify(ctx, from, o.Progress); err != nil {
		return m, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("restore to %s: %w", dir, err), clean(dir, fresh))
		}
	}()
	r := &restorer{ctx: ctx, from: from, dir: dir, m: m}
	if err := r.copy(); err != nil {
		return m, err
	}
	err = store.FinishRestore(dir, store.Restored{PageBytes: m.PageBytes, SegmentPages: m.SegmentPages, Backup: m.Time, Place: o.Place})
	if err != nil {
		return m, err
	}
	// What can be made from the pages is made now, and a store that would not
	// open is found out.
	st, err := store.Open(dir, store.Options{Place: o.Place, Adopt: o.Adopt, Look: !o.Adopt})
	if err != nil {
		return m, err
	}
	return m, st.Close()
}

// clean removes what a restore that failed left.
func clean(dir string, all bool) (err error) {
	if all {
		return os.RemoveAll(dir)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

type restorer struct {
	ctx       context.Context
	from, dir string
	m         *Manifest
}

func (r *restorer) copy() error {
	for _, d := range []string{"aof", logsName} {
		if err := durable.OS.MkdirAll(filepath.Join(r.dir, d), 0o700); err != nil {
			return err
		}
	}
	for i := range r.m.Logs {
		if err := r.log(&r.m.Logs[i]); err != nil {
			return err
		}
	}
	if r.m.Seed != nil {
		if err := copyFile(r.ctx, r.from, *r.m.Seed, filepath.Join(r.dir, "identity.key")); err != nil {
			return err
		}
	}
	return copyFile(r.ctx, r.from, r.m.AOF, filepath.Join(r.dir, "aof", "data.mdb"))
}

// log joins the pieces of each segment of a log.
func (r *restorer) log(l *Log) error {
	if l.Pages == 0 {
		return nil
	}
	dir := filepath.Join(r.dir, logsName, l.ID.String())
	if err := durable.OS.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	n := uint64(r.m.SegmentPages)
	for segment := range (l.Pages + n - 1) / n {
		if err := r.segment(l, segment, filepath.Join(dir, fmt.Sprintf("%06d.seg", segment))); err != nil {
			return err
		}
	}
	return durable.OS.SyncDir(dir)
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
	_, err = writeFile(r.ctx, path, size, io.NewSectionReader(s, 0, size))
	return errors.Join(err, s.close())
}
