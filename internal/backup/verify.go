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

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/store"
)

// A Finding is one flaw of a backup.
type Finding struct {
	File string // below the backup; or log, and its id
	What string
}

// maxFindings bounds what is listed.
const maxFindings = 1000

// A DamageError lists what is wrong with a backup.
type DamageError struct {
	Dir      string
	Findings []Finding
}

func (e *DamageError) Error() string {
	f := e.Findings[0]
	s := fmt.Sprintf("%s: %v: %s: %s", e.Dir, ErrDamaged, f.File, f.What)
	if n := len(e.Findings) - 1; n > 0 {
		s += fmt.Sprintf(", and %d more", n)
	}
	return s
}

// Unwrap makes every DamageError an ErrDamaged.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// VerifyOptions of Verify; the zero value works.
type VerifyOptions struct {
	Progress func(done, total int64) // is told bytes
	// Passphrase is the one that the store had at the time of the backup. nil: a
	// sealed seed is held against its hash only.
	Passphrase identity.Passphrase
}

// Verify reads all of a backup and computes everything again: the hash of each
// file, the pages and trees of each log up to its root, and the signed head over
// it. Nothing in the backup is changed. The error is a *DamageError, those of
// Read, identity.ErrPassphrase, or what kept it from looking.
func Verify(ctx context.Context, dir string, o VerifyOptions) (*Manifest, error) {
	m, err := Read(dir)
	if err != nil {
		return nil, err
	}
	v := &verifier{ctx: ctx, dir: dir, m: m, o: o}
	if err := v.files(); err != nil {
		return m, err
	}
	if len(v.found) == 0 {
		err = v.content()
	}
	if err == nil && len(v.found) > 0 {
		err = &DamageError{Dir: dir, Findings: v.found}
	}
	return m, err
}

type verifier struct {
	ctx         context.Context
	dir         string
	m           *Manifest
	o           VerifyOptions
	done, total int64
	found       []Finding
}

func (v *verifier) flaw(file, format string, args ...any) {
	if len(v.found) < maxFindings {
		v.found = append(v.found, Finding{File: file, What: fmt.Sprintf(format, args...)})
	}
}

// files compares each file with its hash.
func (v *verifier) files() error {
	all := v.m.files()
	for _, f := range all {
		v.total += f.Bytes
	}
	for _, f := range all {
		if err := v.file(f); err != nil {
			return err
		}
		if v.done += f.Bytes; v.o.Progress != nil {
			v.o.Progress(v.done, v.total)
		}
	}
	return nil
}

func (v *verifier) file(f File) error {
	r, err := os.Open(filepath.Join(v.dir, filepath.FromSlash(f.Name)))
	if errors.Is(err, fs.ErrNotExist) {
		v.flaw(f.Name, "the file is missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, &reader{v.ctx, r})
	switch sum := digest.Hash(h.Sum(nil)); {
	case err != nil:
		return err
	case n != f.Bytes:
		v.flaw(f.Name, "%d bytes, want %d", n, f.Bytes)
	case sum != f.SHA256:
		v.flaw(f.Name, "its hash is %s, want %s", sum.Short(), f.SHA256.Short())
	}
	return nil
}

// content reads what the files say. The AOF is opened to be read, under the name
// that it needs.
func (v *verifier) content() (err error) {
	tmp, err := tempDir("xaeroflux-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	data, err := filepath.Abs(filepath.Join(v.dir, filepath.FromSlash(v.m.AOF.Name)))
	if err != nil {
		return err
	}
	if err := os.Symlink(data, filepath.Join(tmp, "data.mdb")); err != nil {
		return inTemp(err)
	}
	seed, known, err := v.seed()
	if err != nil {
		return err
	}
	o := aof.Options{ReadOnly: true}
	if known {
		o.Key = seed.StoreKey()
	}
	a, err := aof.Open(tmp, o)
	if errors.Is(err, aof.ErrKey) {
		v.flaw(v.m.Seed.Name, "%v", err)
		return nil
	}
	if errors.Is(err, corrupt.Err) {
		v.flaw(v.m.AOF.Name, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if known {
		err = v.identity(a, seed)
	}
	return errors.Join(err, a.View(v.logs))
}

// logs holds every log against the manifest.
func (v *verifier) logs(view *aof.View) error {
	byID := map[digest.Hash]*Log{}
	for i := range v.m.Logs {
		byID[v.m.Logs[i].ID] = &v.m.Logs[i]
	}
	err := view.ForEachLog(func(row aof.LogRow) error {
		l := byID[row.ID]
		if l == nil {
			v.flaw(v.m.AOF.Name, "it holds log %s, which the manifest does not name", row.ID)
			return nil
		}
		delete(byID, row.ID)
		return v.log(view, &row, l)
	})
	for id := range byID {
		v.flaw(v.m.AOF.Name, "it does not hold log %s, which the manifest names", id)
	}
	return err
}

// log computes a log's root.
func (v *verifier) log(view *aof.View, row *aof.LogRow, l *Log) error {
	if err := v.ctx.Err(); err != nil {
		return err
	}
	if row.Size != l.Size || row.SealedPages != l.Pages {
		v.flaw("log "+l.ID.String(), "%d events and %d pages, want %d and %d", row.Size, row.SealedPages, l.Size, l.Pages)
		return nil
	}
	p := &pages{dir: v.dir, l: l, params: store.PageParams(row.Name(), v.m.SegmentPages)}
	root, err := store.VerifyLog(view, row, p, v.m.SegmentPages)
	err = errors.Join(err, p.close())
	if err == nil && root != l.Root {
		err = fmt.Errorf("its events give root %s, want %s", root.Short(), l.Root.Short())
	} else if err != nil && !errors.Is(err, corrupt.Err) {
		return err
	}
	if err != nil {
		v.flaw("log "+l.ID.String(), "%v", err)
	}
	return nil
}

// seed reads the seed, if there is one and it can be opened.
func (v *verifier) seed() (s identity.Seed, known bool, err error) {
	if v.m.Seed == nil || v.m.Identity == IdentitySealed && v.o.Passphrase == nil {
		return s, false, nil
	}
	s, err = identity.LoadSeed(filepath.Join(v.dir, filepath.FromSlash(v.m.Seed.Name)), v.o.Passphrase)
	if errors.Is(err, identity.ErrSeedFile) {
		v.flaw(v.m.Seed.Name, "%v", err)
		return s, false, nil
	}
	if errors.Is(err, identity.ErrPassphrase) {
		err = fmt.Errorf("the backup in %s: %w", v.dir, err)
	}
	return s, err == nil, err
}

// identity holds the seed against the peer id.
func (v *verifier) identity(a *aof.Store, seed identity.Seed) error {
	generation, err := store.GenerationIn(a)
	if err != nil {
		return err
	}
	if peer := (identity.Device{Seed: seed, Generation: generation}).PeerID().String(); peer != v.m.Peer {
		v.flaw(v.m.Seed.Name, "it is that of peer %.8s, want %.8s", peer, v.m.Peer)
	}
	return nil
}

// copyFile copies a file of a backup and compares its hash once more.
func copyFile(ctx context.Context, fsys durable.FS, dir string, f File, to string) error {
	r, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return err
	}
	sum, err := writeFile(ctx, fsys, to, f.Bytes, r)
	if err == nil && sum != f.SHA256 {
		err = &DamageError{Dir: dir, Findings: []Finding{{File: f.Name, What: "it changed while it was read"}}}
	}
	return errors.Join(err, r.Close())
}
