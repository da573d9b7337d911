// SPDX-License-Identifier: MPL-2.0

package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// Write makes a backup of an open store in dir, or brings the one that is there
// up to date: of the pages only the new ones are copied. A backup that fails or
// is interrupted leaves the earlier one.
func Write(ctx context.Context, st *store.Store, dir string, o Options) (r Report, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return r, err
	}
	before, err := prepare(st, dir)
	if err != nil {
		return r, err
	}
	held, err := durable.Hold(dir)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	if err := held.Lock(); err != nil {
		return r, err
	}
	d := &dirTarget{dir: dir, touched: map[string]bool{}}
	tmp := filepath.Join(dir, tmpName)
	if err := os.RemoveAll(tmp); err != nil { // of a backup that was cut off
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	w := &writer{ctx: ctx, to: d, o: o, before: d.whole(before), had: before.Logs, report: Report{Manifest: &Manifest{Number: before.Number + 1}}}
	if err := w.check(st, before); err != nil {
		return r, err
	}
	if err := w.write(st, tmp); err != nil {
		return r, fmt.Errorf("backup to %s: %w", dir, err)
	}
	return w.report, nil
}

// prepare makes the directory of a backup, or reads the manifest that is there.
// A first one is of number 0.
func prepare(st *store.Store, dir string) (*Manifest, error) {
	if err := outside(st.Dir(), dir); err != nil {
		return nil, err
	}
	if err := durable.OS.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m, err := Read(dir)
	if !errors.Is(err, ErrNone) {
		return m, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		switch e.Name() {
		case durable.LockName, tmpName, stateName, logsName: // of a first backup that was interrupted
		default:
			return nil, fmt.Errorf("%w: %s holds %s, and no backup; name an empty directory", ErrTarget, dir, e.Name())
		}
	}
	return &Manifest{}, err
}

// outside refuses a directory inside the store, or around it.
func outside(st, dir string) error {
	st, err := filepath.Abs(st)
	if err != nil {
		return err
	}
	for _, pair := range [][2]string{{st, dir}, {dir, st}} {
		if rel, err := filepath.Rel(pair[0], pair[1]); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("%w: %s is in the store's directory or around it; name another one", ErrTarget, dir)
		}
	}
	return nil
}

// check refuses to replace a backup of another store.
func (w *writer) check(st *store.Store, before *Manifest) error {
	if now := storeOf(st.Device().Seed); before.Number > 0 && before.Store != now {
		return fmt.Errorf("%w: it holds a backup of another store; name another directory", ErrTarget)
	}
	if before.Identity != IdentityNone && before.Number > 0 && w.o.WithoutIdentity {
		return fmt.Errorf("%w: it holds a backup with the identity, which would be gone from it; name another directory", ErrTarget)
	}
	if before.Peer != "" && before.Peer != st.Device().PeerID().String() {
		return fmt.Errorf("%w: it holds a backup of this store as another device, whose keys would be gone from it; name another directory", ErrTarget)
	}
	return nil
}

// shrinks refuses to leave out what the target has: then this store is an older copy
// of the one that it is a backup of.
func (w *writer) shrinks() error {
	now := map[digest.Hash]uint64{}
	for i := range w.report.Logs {
		now[w.report.Logs[i].ID] = w.report.Logs[i].Size
	}
	for _, l := range w.had {
		if l.Size > now[l.ID] {
			return fmt.Errorf("%w: it holds %d events of log %s, and this store %d: this is an older copy of it; name another directory",
				ErrTarget, l.Size, l.ID.Short(), now[l.ID])
		}
	}
	return nil
}

// A dirTarget writes to a directory.
type dirTarget struct {
	dir     string
	touched map[string]bool // directories with new names in them
}

// whole returns the logs of a manifest whose files are there and as long as it
// says. Verify looks at what is in them.
func (d *dirTarget) whole(m *Manifest) map[digest.Hash]*Log {
	all := map[digest.Hash]*Log{}
	for i := range m.Logs {
		l := m.Logs[i]
		l.Pieces = nil
		broken := map[uint64]bool{}
		for _, p := range m.Logs[i].Pieces {
			info, err := os.Stat(filepath.Join(d.dir, filepath.FromSlash(p.Name)))
			if err != nil || info.Size() != p.Bytes {
				broken[p.Segment] = true
			}
		}
		for _, p := range m.Logs[i].Pieces {
			if !broken[p.Segment] {
				l.Pieces = append(l.Pieces, p)
			}
		}
		all[l.ID] = &l
	}
	return all
}

func (d *dirTarget) put(ctx context.Context, name string, size int64, r io.Reader) (sum digest.Hash, err error) {
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	if parent := filepath.Dir(path); !d.touched[parent] {
		if err := durable.OS.MkdirAll(parent, 0o700); err != nil {
			return sum, err
		}
		d.touched[parent] = true
	}
	return writeFile(ctx, durable.OS, path, size, r)
}

// writeFile writes a file of so many bytes, and syncs it.
func writeFile(ctx context.Context, fsys durable.FS, path string, size int64, r io.Reader) (sum digest.Hash, err error) {
	f, err := fsys.Open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(io.NewOffsetWriter(f, 0), h), &reader{ctx, r})
	if err == nil && n != size {
		err = fmt.Errorf("%s: %d bytes, want %d", path, n, size)
	}
	return digest.Hash(h.Sum(nil)), errors.Join(err, f.Sync(), f.Close())
}

// A reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// finish makes the new files durable, puts the manifest in its place, and
// removes what it does not name.
func (d *dirTarget) finish(m *Manifest) error {
	for dir := range d.touched {
		if err := durable.OS.SyncDir(dir); err != nil {
			return err
		}
	}
	b, err := m.encode()
	if err != nil {
		return err
	}
	if err := durable.OS.WriteFileAtomic(filepath.Join(d.dir, ManifestName), b, 0o600); err != nil {
		return err
	}
	return d.sweep(m)
}

// sweep removes files of older backups, and of those that were interrupted.
func (d *dirTarget) sweep(m *Manifest) error {
	named := map[string]bool{}
	for _, f := range m.files() {
		named[f.Name] = true
	}
	return filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(d.dir, path)
		if name := filepath.ToSlash(rel); err == nil && names.MatchString(name) && !named[name] {
			err = os.Remove(path)
		}
		return err
	})
}
