// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/device"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
)

// A store is created under the lock of its directory, in this order:
//
//	FORMAT.new      says that what is here is a creation that is not finished
//	identity.key    the seed
//	aof, logs, mmr  with the rows of generation and place
//	FORMAT.new      is given the content of FORMAT, and then its name
//
// A directory with a FORMAT is a whole store. One that holds any other name of a
// store is created in only if FORMAT.new is there and no event is: a creation
// that was stopped is gone on with, and nothing in the directory is ever removed.

// unfinishedName is FORMAT of a store whose creation is under way.
const unfinishedName = formatName + ".new"

// storeNames are what a new store's directory must not hold: all but LOCK and
// what tells of a running node, which hold nothing.
var storeNames = []string{seedName, aofName, logsName, mmrName, forksName, closedName, layout.DamagedName, "index", "blobs"}

// ErrExists is returned for a directory that holds a store already, if a new one
// was asked for.
var ErrExists = errors.New("a store is here already")

// ErrRemains is returned for a directory that holds parts of a store without its
// FORMAT.
var ErrRemains = errors.New("parts of a store are here without its FORMAT, and nothing is created over them: a repair writes FORMAT again if identity.key and aof are here; else put back what is missing, or name another directory")

// CreateOptions say what a new store is like.
type CreateOptions struct {
	// MustCreate makes a store that is there already ErrExists, and not one to
	// be opened.
	MustCreate bool

	First        digest.Hash // the topic that it is going to join first; zero: one that it founds
	PageBytes    int         // of the topics founded in it
	SegmentPages int
	Seed         identity.Seed       // drawn if zero
	Passphrase   []byte              // of identity.key; empty for none
	Generation   identity.Generation // drawn if zero
	Place        string              // see Options
	FS           durable.FS          // of Create; nil: the operating system's
	Fault        func(string) error  // of Create; see Options
}

// Create makes an empty store in dir, which may exist. The error is ErrExists,
// ErrRemains, durable.ErrLocked or one of the file system's.
func Create(dir string, o CreateOptions) error {
	o.MustCreate = true
	s := &Store{dir: dir, opts: Options{New: &o, FS: o.FS, Fault: o.Fault}}
	if s.opts.FS == nil {
		s.opts.FS = durable.OS
	}
	if err := errors.Join(s.hold(), s.release()); err != nil {
		return inStore(dir, err)
	}
	return nil
}

// hold opens and locks the store's directory, and creates the store if it is not
// there and one may be created.
func (s *Store) hold() (err error) {
	n := s.opts.New
	if n == nil {
		if err := find(s.opts.FS, s.dir); errors.Is(err, ErrNoStore) {
			return s.absent()
		} else if err != nil {
			return err
		}
	}
	switch {
	case n != nil && n.MustCreate && Exists(s.dir):
		return ErrExists
	case n != nil:
		if err = s.opts.FS.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	if s.opts.ReadOnly {
		return s.holdToRead()
	}
	if err = s.lock(); err != nil || n == nil {
		return err
	}
	switch err = s.vacant(); {
	case err == nil:
		return s.create(n)
	case err == ErrExists && !n.MustCreate:
		return nil
	}
	return err
}

// lock opens the store's directory, and locks it.
func (s *Store) lock() (err error) {
	if s.held, err = durable.Hold(s.dir); err != nil {
		return err
	}
	if err = s.held.Lock(); err != nil {
		return err
	}
	if err = s.syncOwnName(); err != nil {
		return err
	}
	if err = identity.RemoveSeedTemps(s.dir); err != nil {
		return err
	}
	s.opts.FS = s.held.FS(s.opts.FS)
	if s.opts.CountBytes {
		s.room = durable.NewCounted(s.opts.FS, s.dir, aofName)
		s.opts.FS = s.room
	}
	return nil
}

// holdToRead opens the store's directory, and locks it against writers.
func (s *Store) holdToRead() (err error) {
	if s.held, err = durable.Hold(s.dir); err != nil {
		return err
	}
	s.opts.FS = durable.ReadOnly(s.held.FS(s.opts.FS))
	return s.held.LockShared()
}

// syncOwnName makes the directory's name durable: who made it may have been
// killed before that.
func (s *Store) syncOwnName() error {
	abs, err := filepath.Abs(s.dir)
	if err == nil {
		err = s.opts.FS.SyncDir(filepath.Dir(abs))
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// absent says what a directory without FORMAT holds: no store, or what is left of
// one.
func (s *Store) absent() error {
	err := s.vacant()
	var unfinished *UnfinishedError
	switch {
	case errors.As(err, &unfinished):
		return s.beingRestored()
	case err != nil:
		return err
	}
	return ErrNoStore
}

// vacant returns nil if a store may be created in the directory.
func (s *Store) vacant() error {
	whole, err := s.has(formatName)
	if err == nil && whole {
		err = ErrExists
	}
	if err != nil {
		return err
	}
	if restoring, err := s.has(restoringName); err != nil {
		return err
	} else if restoring {
		return s.cutOff()
	}
	switch begun, err := s.has(unfinishedName); {
	case err != nil:
		return err
	case begun:
		return s.unused()
	}
	for _, name := range storeNames {
		switch there, err := s.has(name); {
		case err != nil:
			return err
		case there:
			return fmt.Errorf("%w (%s)", ErrRemains, name)
		}
	}
	return nil
}

// Holds returns ErrNoStore for a directory without a store, also without what is left
// of one, or what kept from looking.
func Holds(fsys durable.FS, dir string) error {
	err := find(fsys, dir)
	if !errors.Is(err, ErrNoStore) {
		return err
	}
	s := &Store{dir: dir, opts: Options{FS: fsys}}
	if err = s.absent(); errors.Is(err, ErrRemains) {
		return nil
	}
	return err
}

func (s *Store) has(name string) (bool, error) {
	_, err := s.opts.FS.Stat(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// unused returns ErrRemains if what is here is more than a creation that was
// stopped leaves.
func (s *Store) unused() error {
	for _, name := range []string{logsName, mmrName} {
		entries, err := s.opts.FS.ReadDir(s.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if len(entries) > 0 {
			return fmt.Errorf("%w (%s)", ErrRemains, filepath.Join(name, entries[0].Name()))
		}
	}
	return nil
}

func (s *Store) create(n *CreateOptions) error {
	fsys, f := s.opts.FS, layout.Format{PageBytes: n.PageBytes, SegmentPages: n.SegmentPages, Generation: n.Generation}
	if err := f.Valid(); err != nil {
		return err
	}
	if err := fsys.WriteFileAtomic(s.path(unfinishedName), []byte("not finished\n"), 0o600); err != nil {
		return err
	}
	if err := s.createSeed(n); err != nil {
		return err
	}
	for _, d := range []string{aofName, logsName, mmrName} {
		if err := fsys.MkdirAll(s.path(d), 0o700); err != nil {
			return err
		}
	}
	var err error
	if f.Generation.IsZero() {
		if f.Generation, err = identity.NewGeneration(nil); err != nil {
			return err
		}
	}
	if f.Place, err = device.PlaceOf(s.dir, n.Place); err != nil {
		return err
	}
	if err := s.createRows(f, n.First); err != nil {
		return err
	}
	if err := syncNames(fsys, s.dir); err != nil { // what an earlier try left is not durable yet
		return err
	}
	if err := fsys.WriteFileAtomic(s.path(unfinishedName), f.Encode(s.key), 0o600); err != nil {
		return err
	}
	return errors.Join(fsys.Rename(s.path(unfinishedName), s.path(formatName)), fsys.SyncDir(s.dir))
}

// createRows makes the AOF and writes what FORMAT says into it.
func (s *Store) createRows(f layout.Format, first digest.Hash) error {
	a, err := aof.Open(s.path(aofName), aof.Options{Key: s.key, FS: s.opts.FS, Fault: s.opts.Fault})
	if err != nil {
		return err
	}
	remains := func() error { return fmt.Errorf("%w (%s)", ErrRemains, filepath.Join(aofName, dataName)) }
	err = a.View(func(v *aof.View) error {
		return errors.Join(
			v.ForEach(aof.Topics, nil, func(_, _ []byte) error { return remains() }),
			v.ForEachLog(func(aof.LogRow) error { return remains() }))
	})
	if err == nil {
		err = a.Commit(func(t *aof.Txn) error {
			return errors.Join(device.Put(t, f.Generation, f.Place), aof.PutRow(t, layout.Defaults, layout.Only{}, first))
		})
	}
	return errors.Join(err, a.Close())
}
