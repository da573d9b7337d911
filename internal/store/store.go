// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/xaeroflux/xaeroflux/aof"
	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Names inside a store's directory (docs/format.md).
const (
	formatName = "FORMAT"
	seedName   = "identity.key"
	aofName    = "aof"
	logsName   = "logs"
	mmrName    = "mmr"
	dataName   = "data.mdb" // in aof
	headName   = "head"     // in logs/<log id>
)

// Options of a store. All have been made valid by the root package.
type Options struct {
	MapBytes int64
	// Place names the place that the data lies in, instead of what the system
	// says of it; see identity.Place.
	Place string
	// Adopt keeps the store the device that it was, though it is found in
	// another place: the other copy must never be used again.
	Adopt bool
	// Look opens the store to look at it: if it is found in another place, Moved
	// says so, and nothing is done about it.
	Look bool
	FS   durable.FS // nil: the operating system's
	// Now is the clock of what the store appends by itself. Default: time.Now.
	Now func() time.Time
	// Fault is nil but in tests; see aof.Options.
	Fault func(op string) error
	// Published is called after each change of a log's published state, by
	// the stage that made it: it must return at once.
	Published func(*Log)
	// Copied is called once for each log of a copy of this device, when its
	// first event was committed: it must return at once.
	Copied func(Copy)
}

// A Store is an open store directory. Its methods are safe for use by many
// goroutines; each stage core belongs to one at a time.
type Store struct {
	dir    string
	opts   Options
	format format
	held   *durable.Dir
	device identity.Device
	idKey  []byte         // that hides event ids in rows
	moved  *Move          // what opening found out, or nil
	place  identity.Place // that the data lay in when it was committed last
	aof    *aof.Store
	segs   *segwriter.Store

	catalog catalog
	topics  topics
	cursors cursors
	forks   forks
	ranges  ranges
	copies  copies
	rosters rosters

	closeOnce sync.Once
	closeErr  error
}

// ErrNoStore is returned by Open for a directory that holds no store.
var ErrNoStore = errors.New("no store here; create it with `xaeroflux init`, or name another directory")

// ErrExists is returned by Create for a directory that holds a store already.
var ErrExists = errors.New("a store is here already")

// Exists reports whether dir holds a store.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, formatName))
	return err == nil
}

// CreateOptions say what a new store is like.
type CreateOptions struct {
	PageBytes    int // of the topics founded in it
	SegmentPages int
	Seed         identity.Seed
	Generation   identity.Generation // drawn if zero
	Place        string              // see Options
	FS           durable.FS          // nil: the operating system's
	Fault        func(string) error  // see Options
}

// Create makes an empty store in dir, which may exist if it is empty of one.
// FORMAT is written last: a directory with it is a whole store.
func Create(dir string, o CreateOptions) error {
	if o.FS == nil {
		o.FS = durable.OS
	}
	if Exists(dir) {
		return fmt.Errorf("store %s: %w", dir, ErrExists)
	}
	if err := create(dir, o); err != nil {
		return fmt.Errorf("store %s: %w", dir, err)
	}
	return nil
}

func create(dir string, o CreateOptions) error {
	fs, seedPath := o.FS, filepath.Join(dir, seedName)
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(seedPath); errors.Is(err, os.ErrNotExist) {
		if err := identity.CreateSeed(seedPath, o.Seed); err != nil {
			return err
		}
	}
	for _, d := range []string{aofName, logsName, mmrName} {
		if err := fs.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	f := format{pageBytes: o.PageBytes, segmentPages: o.SegmentPages, generation: o.Generation}
	var err error
	if f.generation.IsZero() {
		if f.generation, err = identity.NewGeneration(nil); err != nil {
			return err
		}
	}
	if f.place, err = placeOf(dir, o.Place); err != nil {
		return err
	}
	a, err := aof.Open(filepath.Join(dir, aofName), aof.Options{FS: fs, Fault: o.Fault})
	if err != nil {
		return err
	}
	err = unused(a)
	if err == nil {
		err = a.Commit(func(t *aof.Txn) error { return errors.Join(putGeneration(t, f.generation), putPlace(t, f.place)) })
	}
	if err = errors.Join(err, a.Close()); err != nil {
		return err
	}
	if err := syncNames(fs, dir); err != nil { // what an earlier try left is not durable yet
		return err
	}
	return writeFormat(fs, filepath.Join(dir, formatName), f)
}

// ErrRemains is returned for a directory that holds a store without its FORMAT.
var ErrRemains = errors.New("a store is here that lost its FORMAT: nothing is created over it; run xaeroflux repair, which writes FORMAT again")

// unused returns ErrRemains for an AOF that holds anything but what a creation
// that was not finished left.
func unused(a *aof.Store) error {
	return a.View(func(v *aof.View) error {
		remains := func(key, value []byte) error { return ErrRemains }
		return errors.Join(v.ForEach(aof.Topics, nil, remains), v.ForEachLog(func(aof.LogRow) error { return ErrRemains }))
	})
}

// Open opens the store in dir and takes its lock. The error is ErrNoStore,
// durable.ErrLocked, ErrFormat, a *CorruptError or one of the file system's.
func Open(dir string, o Options) (s *Store, err error) {
	if o.FS == nil {
		o.FS = durable.OS
	}
	if !Exists(dir) {
		return nil, fmt.Errorf("store %s: %w", dir, ErrNoStore)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s = &Store{dir: dir, opts: o}
	s.catalog.logs = map[digest.Hash]*Log{}
	s.catalog.topics = map[digest.Hash]*topicList{}
	s.catalog.history = map[digest.Hash]*history{}
	s.rosters.all = map[digest.Hash]*fold{}
	defer func() {
		if err != nil {
			err = fmt.Errorf("store %s: %w", dir, err)
			s.release()
			s = nil
		}
	}()
	if s.held, err = durable.Hold(dir); err != nil {
		return s, err
	}
	if err = s.held.Lock(); err != nil {
		return s, err
	}
	if err = syncNames(o.FS, dir); err != nil {
		return s, err
	}
	if s.format, err = readFormat(o.FS, filepath.Join(dir, formatName)); err != nil {
		return s, err
	}
	if s.device.Seed, err = identity.LoadSeed(filepath.Join(dir, seedName)); err != nil {
		return s, err
	}
	s.idKey = s.idRowKey()
	if s.aof, err = aof.Open(filepath.Join(dir, aofName), aof.Options{MapBytes: o.MapBytes, MustExist: true, FS: o.FS, Fault: o.Fault}); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = &CorruptError{Where: s.path(aofName, dataName), What: "the file is missing"}
		}
		return s, err
	}
	s.segs = segwriter.NewStore(o.FS, dir, segwriter.Options{})
	if err = errors.Join(s.loadGeneration(), s.loadTopics(), s.loadFollows(), s.loadCopies()); err != nil {
		return s, err
	}
	if err = s.loadForks(); err != nil {
		return s, err
	}
	if err = s.loadCursors(); err != nil {
		return s, err
	}
	if err = s.loadRanges(); err != nil {
		return s, err
	}
	if err = s.openPaged(); err != nil {
		return s, err
	}
	if err = s.checkIdentity(); err != nil {
		return s, err
	}
	if err = s.settle(); err == nil {
		s.countOpened()
	}
	return s, err
}

// syncNames makes the names that are there durable. A process that was killed,
// or whose sync failed, may have left a directory or file that no power cut
// would leave; what is stored below it from now on would go with its name.
func syncNames(fs durable.FS, dir string) error {
	if abs, err := filepath.Abs(dir); err == nil {
		if err := fs.SyncDir(filepath.Dir(abs)); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	for _, d := range []string{"", aofName, logsName} {
		if err := fs.SyncDir(filepath.Join(dir, d)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openPaged loads every log that has page files, so that trees and mountains
// that are missing are rebuilt before anybody asks for them. Small logs have
// no files and are loaded when they are needed.
func (s *Store) openPaged() error {
	dirs, err := s.opts.FS.ReadDir(filepath.Join(s.dir, logsName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, d := range dirs {
		id, err := digest.Parse(d.Name())
		if err != nil {
			continue // not ours
		}
		if _, err := s.Log(id); err != nil && !errors.Is(err, ErrUnknownLog) {
			return err
		}
	}
	return nil
}

// checkIdentity holds identity.key against the log that this store appends to in
// its default topic; other logs are held against it when they are loaded.
func (s *Store) checkIdentity() error {
	t, err := s.Topic(digest.Hash{})
	if err != nil {
		return nil // there is none yet
	}
	if _, err := s.Log(t.Log); !errors.Is(err, ErrUnknownLog) {
		return err
	}
	return nil
}

// Dir is the store's directory.
func (s *Store) Dir() string { return s.dir }

// path names something in the store's directory.
func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Device is the secrets that every key of this store comes from.
func (s *Store) Device() identity.Device { return s.device }

// AOF gives the small values of the AOF to their owners: peers, cursors.
func (s *Store) AOF() *aof.Store { return s.aof }

// Latched returns the failed write that made the store read-only, or nil.
func (s *Store) Latched() error { return s.aof.Latched() }

// Close releases files and lock. The stages must have stopped.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.release() })
	return s.closeErr
}

func (s *Store) release() error {
	var errs []error
	if s.segs != nil {
		errs = append(errs, s.segs.Close())
	}
	if s.aof != nil {
		errs = append(errs, s.aof.Close())
	}
	if s.held != nil {
		errs = append(errs, s.held.Close())
	}
	return errors.Join(errs...)
}
