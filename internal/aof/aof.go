// SPDX-License-Identifier: MPL-2.0

//go:build cgo

// Package aof keeps the events that are not in a sealed page yet, and the small
// state of every log, in one LMDB environment. It is the store's only commit
// point: what Commit has returned survives a kill and a power cut.
//
// Start with Open, then Store.Commit and Store.View. The rows are described in
// rows.go and chunk.go; precheck.go reads the file before LMDB may map it,
// because LMDB trusts its file and would take the process down with it.
package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/sabotage"
)

const (
	dataFile = "data.mdb" // LMDB's own name
	newDir   = "new"      // a store is made here and then renamed into place

	defaultMapBytes = 64 << 20
	minMapBytes     = 1 << 20
	maxViews        = 512 // read transactions at once; more wait
)

// MaxMapBytes bounds the memory map.
const MaxMapBytes = 1 << 46

// Options of Open; the zero value works.
type Options struct {
	// MapBytes is the size of the memory map to begin with, 64 MiB by default.
	// It bounds nothing: a full map is doubled.
	MapBytes int64
	// MustExist refuses to make a new environment if there is none, with an
	// error that is fs.ErrNotExist.
	MustExist bool
	// Unsettled leaves the data file as it is until Settle is called, so that its
	// rows can be held against other files first. Commit must wait for that.
	Unsettled bool
	// ReadOnly opens an environment that is there without changing anything: no
	// file is made longer, copied or created, LMDB's lock file neither. Commit
	// returns ErrReadOnly. Nobody may write meanwhile. It implies Unsettled.
	ReadOnly bool
	// Key seals the rows of secrets (sealed.go). A file in which they lie in the clear
	// is written anew before it is written to, unless there is no room for that. nil
	// leaves them in the clear in a new environment, and cannot be read in a sealed one.
	Key *identity.StoreKey
	// FS is where files are named, read and removed; nil is the operating
	// system's. LMDB writes its data file by itself.
	FS durable.FS
	// Check is asked after each commit whether the environment is still where its
	// name says; what it returns makes the commit fail. nil asks nobody.
	Check func() error
	// Fault is nil but in tests. It is called before a transaction is written
	// ("commit"), once it is synced ("committed"), and when the map has to grow
	// ("grow"), and lets the first and the last fail by returning an error.
	Fault func(op string) error
}

// A Store is an open environment. Commit has one caller at a time, others wait;
// View has any number.
type Store struct {
	dir  string
	look bool // see Options.ReadOnly
	key  *identity.StoreKey
	fs   durable.FS
	info fs.FileInfo // of dir, to refuse a second Open
	data fs.FileInfo // of the data file that LMDB opened

	writer sync.Mutex // held by Commit and Close
	// remap is held shared to use the map, and alone to move it.
	remap    sync.RWMutex // guards env, dbs, mapBytes, format, sealed and closed
	env      *lmdb.Env
	dbs      [numDBs]lmdb.DBI
	mapBytes int64
	format   []byte // the value of the format row
	sealed   bool   // it says that rows of secrets are sealed
	closed   error  // ErrClosed, or why the map is lost

	views chan struct{} // one token a read transaction
	known known

	latchMu sync.Mutex // guards latched
	latched error

	check  func() error          // see Options.Check
	faults func(op string) error // see Options.Fault
}

// Open opens the environment in dir, or makes a new one. The data file is
// checked page by page and row by row first: damage is a *CorruptError. A second
// Open in this process is refused with ErrInUse; other processes are the
// caller's to keep out, by a durable.Lock.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = durable.OS
	}
	if o.ReadOnly {
		o.FS, o.Unsettled = durable.ReadOnly(o.FS), true
	}
	if err := prepare(o.FS, dir, o.MustExist || o.ReadOnly); err != nil {
		return nil, err
	}
	info, err := o.FS.Stat(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, look: o.ReadOnly, key: o.Key, fs: o.FS, check: o.Check, faults: o.Fault, info: info, views: make(chan struct{}, maxViews)}
	if err := register(s); err != nil {
		return nil, err
	}
	if err := s.start(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare makes dir and checks that it may hold a new environment.
func prepare(fsys durable.FS, dir string, mustExist bool) error {
	_, err := fsys.Stat(filepath.Join(dir, dataFile))
	if errors.Is(err, fs.ErrNotExist) && !mustExist {
		return fsys.MkdirAll(dir, 0o700)
	}
	return err
}

func (s *Store) start(o Options) error {
	path := filepath.Join(s.dir, dataFile)
	if _, err := s.fs.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(s.fs, s.dir, s.key); err != nil {
			return err
		}
	}
	if err := precheck(s.fs, path); err != nil {
		return err
	}
	if !o.Unsettled {
		if err := s.reshape(); err != nil {
			return err
		}
	}
	size := o.MapBytes
	if size <= 0 {
		size = defaultMapBytes
	}
	if s.look {
		size = 0 // what is there is enough
	}
	if err := s.openEnv(max(size, minMapBytes)); err != nil {
		return err
	}
	if err := withNextStep(path, s.View((*View).verify)); err != nil || o.Unsettled {
		return err
	}
	return errors.Join(s.settleFailed(), s.seal())
}

// Settle does what an Unsettled Open left: it makes the file as long as it says
// that it is, gives free room back, and puts right what a failed commit left. No
// View may be under way.
func (s *Store) Settle() error {
	if s.look {
		return s.writable()
	}
	if err := s.reopened(s.reshape); err != nil {
		return err
	}
	if err := s.settleFailed(); err != nil {
		return err
	}
	return s.seal()
}

// reshape changes the length of the data file, which nobody has open.
func (s *Store) reshape() error {
	if err := extend(s.fs, filepath.Join(s.dir, dataFile)); err != nil {
		return err
	}
	return compact(s.fs, s.dir)
}

// reopened changes the file of an open environment.
func (s *Store) reopened(change func() error) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.remap.Lock()
	defer s.remap.Unlock()
	if s.closed != nil {
		return s.closed
	}
	env := s.env
	s.env = nil
	err := env.Close()
	if err == nil {
		err = change()
	}
	if err == nil {
		err = s.openEnv(s.mapBytes)
	}
	s.closed = err
	return err
}

// openEnv opens the environment and its databases; the caller owns remap.
func (s *Store) openEnv(mapBytes int64) error {
	env, err := openLMDB(s.fs, s.dir, mapBytes, s.look)
	if err != nil {
		return err
	}
	if err := s.opened(env); err != nil {
		return errors.Join(err, env.Close())
	}
	err = env.View(func(tx *lmdb.Txn) error { return openDBs(tx, &s.dbs, 0) })
	if err == nil {
		s.mapBytes, err = mapSize(env)
	}
	if err != nil {
		return errors.Join(lmdbError(err), env.Close())
	}
	s.env = env
	return nil
}

// opened compares what LMDB opened, by a path, with the data file of the
// directory that is held.
func (s *Store) opened(env *lmdb.Env) (err error) {
	path := filepath.Join(s.dir, dataFile)
	if s.data, err = s.fs.Stat(path); err != nil {
		return err
	}
	fd, err := env.FD()
	if err != nil {
		return lmdbError(err)
	}
	return durable.SameFD(path, fd, s.data)
}

// inPlace returns a *durable.ChangedError if the data file is not the one under
// its name any more.
func (s *Store) inPlace() error {
	err := durable.SameInfo(s.fs, filepath.Join(s.dir, dataFile), s.data)
	if err == nil && s.check != nil {
		err = s.check()
	}
	return err
}

// openLMDB uses LMDB's default flags: each commit is synced, data before meta
// page, and the map is read-only. To look it takes no lock either, which would
// be a file, and a place in it for each reader.
func openLMDB(fsys durable.FS, dir string, mapBytes int64, look bool) (*lmdb.Env, error) {
	env, err := lmdb.NewEnv()
	if err != nil {
		return nil, lmdbError(err)
	}
	var flags uint
	if sabotage.NoSync {
		flags = lmdb.NoSync
	}
	if look {
		flags = lmdb.Readonly | lmdb.NoLock
	}
	err = errors.Join(env.SetMaxDBs(numDBs), env.SetMaxReaders(maxViews), env.SetMapSize(mapBytes))
	if err == nil {
		err = env.Open(fsys.SystemPath(dir), flags, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, lmdbError(err)), env.Close())
	}
	return env, nil
}

func mapSize(env *lmdb.Env) (int64, error) {
	info, err := env.Info()
	if err != nil {
		return 0, err
	}
	return info.MapSize, nil
}

// Close waits for the Commit and the Views under way and closes the environment;
// later calls fail with ErrClosed. It must not be called inside one of them.
func (s *Store) Close() error {
	s.writer.Lock()
	defer s.writer.Unlock()
	s.remap.Lock()
	defer s.remap.Unlock()
	if errors.Is(s.closed, ErrClosed) {
		return nil
	}
	s.closed = ErrClosed
	unregister(s)
	if s.env == nil {
		return nil
	}
	env := s.env
	s.env = nil
	return env.Close()
}
