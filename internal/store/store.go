// SPDX-License-Identifier: MPL-2.0

package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/durable"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/internal/recovery"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Names inside a store's directory (docs/format.md).
const (
	formatName = layout.FormatName
	closedName = layout.ClosedName
	seedName   = layout.SeedName
	aofName    = layout.AOFName
	logsName   = layout.LogsName
	mmrName    = layout.MMRName
	dataName   = layout.DataName
	headName   = layout.HeadName
)

// Options of a store. All have been made valid by the root package.
type Options struct {
	// New is the store to create, under the same lock, if there is none in the
	// directory; nil: the error is ErrNoStore then.
	New          *CreateOptions
	MapBytes     int64
	MaxLogs      int // that are kept in memory though nobody uses them; 0 is maxKeptLogs
	MaxOpenFiles int // see segwriter.Options; 0 is its default
	// Place names the place that the data lies in, instead of what the system
	// says of it; see identity.Place.
	Place string
	// Passphrase asks for the one of identity.key, if that has one.
	Passphrase identity.Passphrase
	// Adopt keeps the store the device that it was, though it is found in
	// another place: the other copy must never be used again.
	Adopt bool
	// Alone lets a store append that was restored and adopted and has met no peer.
	Alone bool
	// ReadOnly opens the store without changing anything on disk, next to others
	// that do so. Derived data that is damaged stays so; see Store.Check. It implies
	// Look, and New is nil with it.
	ReadOnly bool
	// Look leaves a store that is found in another place as it is: Moved says so,
	// and nothing is done about it.
	Look bool
	FS   durable.FS // nil: the operating system's
	// CountBytes makes Bytes known.
	CountBytes bool
	// Now is the clock of what the store appends by itself. Default: time.Now.
	Now func() time.Time
	// Fault is nil but in tests; see aof.Options.
	Fault func(op string) error
	// Copied is called once for each log of a copy of this device, when its
	// first event was committed: it must return at once.
	Copied func(Copy)
}

// A Store is an open store directory. Its methods are safe for use by many
// goroutines; each stage core belongs to one at a time.
type Store struct {
	dir    string
	opts   Options
	format layout.Format
	held   *durable.Dir
	room   *durable.Counted // what the files take; nil without CountBytes
	device identity.Device
	key    *identity.StoreKey // of its seed; nil while that is not known
	locked bool               // identity.key has a passphrase
	idKey  []byte             // that hides event ids in rows
	moved  *Move              // what opening found out, or nil
	place  identity.Place     // that the data lay in when it was committed last

	restored time.Time // when the backup was made that the store is, if nothing was done about it yet
	unmet    unmet
	behind   []digest.Hash // own logs of which it held less than it signed when it was opened
	aof      *aof.Store
	segs     *segwriter.Store

	gate  gate
	doing sync.Mutex // held by Do

	opening   *opening  // while Open runs
	filed     filed     // which logs had files then
	restoring *Restored // what the store is made of, if it is being restored

	catalog  catalog
	topics   topics
	cursors  cursors
	forks    forks
	ranges   ranges
	copies   copies
	rosters  rosters
	keyrings keyrings
	namings  namings
	home     atomic.Pointer[layout.Home] // nil if there is none
	invited  invited

	inspections inspections

	closeOnce sync.Once
	closeErr  error
}

// ErrNoStore is returned by Open for a directory that holds no store.
var ErrNoStore = errors.New("no store here; create it, or name another directory")

// Exists reports whether dir holds a store.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, formatName))
	return err == nil
}

// find returns ErrNoStore if dir holds no store, or what kept from looking.
func find(fsys durable.FS, dir string) error {
	_, err := fsys.Stat(filepath.Join(dir, formatName))
	if errors.Is(err, os.ErrNotExist) {
		return ErrNoStore
	}
	return err
}

// inStore says of which store an error is, if it does not itself.
func inStore(dir string, err error) error {
	if errors.Is(err, durable.ErrLocked) {
		return err
	}
	return fmt.Errorf("store %s: %w", dir, err)
}

// Open opens the store in dir and takes its lock. The error is ErrNoStore, or
// what Create returns if Options.New is set, durable.ErrLocked, ErrFormat, a
// *CorruptError, a *TornCopyError or one of the file system's.
func Open(dir string, o Options) (s *Store, err error) {
	s = unopened(dir, o)
	defer func() {
		if err != nil {
			err = inStore(dir, s.torn(err))
			s.release()
			s = nil
		}
	}()
	if err = s.hold(); err == nil {
		err = s.load()
	}
	s.opts.New, s.opts.Passphrase = nil, nil // of no use any more, and secret
	return s, err
}

// unopened returns a store of which nothing was read.
func unopened(dir string, o Options) *Store {
	if o.FS == nil {
		o.FS = durable.OS
	}
	o.Look = o.Look || o.ReadOnly
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{dir: dir, opts: o}
	if o.ReadOnly {
		s.StopWriting(durable.ErrOpenedReadOnly)
	}
	s.catalog.init(cmp.Or(o.MaxLogs, maxKeptLogs))
	s.forget()
	return s
}

// load reads the store that is in the directory.
func (s *Store) load() (err error) {
	if err = s.held.HoldParts(aofName, logsName, mmrName); err != nil {
		return err
	}
	if err = s.decide(); err != nil {
		return err
	}
	if err = s.loadInvited(); err != nil {
		return err
	}
	if err = s.loadForks(); err != nil {
		return err
	}
	if err = s.loadCursors(); err != nil {
		return err
	}
	if err = s.loadRanges(); err != nil {
		return err
	}
	if err = s.openFound(); err != nil {
		return err
	}
	s.opening = nil
	if err = s.openOwn(); err != nil {
		return err
	}
	if err = s.settle(); err != nil {
		return err
	}
	s.countOpened()
	if s.room != nil {
		err = s.room.Walk()
	}
	return err
}

// decide reads what all files say, decides what is to be done about it, and begins
// to do it. Nothing is changed before the decision, and nothing if it is to refuse.
func (s *Store) decide() error {
	o := &opening{}
	s.segs = segwriter.NewStore(s.opts.FS, s.dir, segwriter.Options{MaxOpen: s.opts.MaxOpenFiles, ReadOnly: s.opts.ReadOnly})
	if err := s.judge(o); err != nil {
		return err
	}
	if err := o.refusal(); err != nil {
		return err
	}
	if shared, err := s.sharedLinks(); err != nil {
		return err
	} else if len(shared) > 0 && !s.opts.Look && !s.opts.Adopt {
		return &recovery.RefusedError{Refused: shared}
	}
	if !s.opts.ReadOnly {
		if err := syncNames(s.opts.FS, s.dir); err != nil {
			return err
		}
		if err := errors.Join(s.apply(o), s.renewFormat(), s.aof.Settle()); err != nil {
			return err
		}
		if purged, err := s.purge(); err != nil {
			return err
		} else if purged {
			if err := s.aof.Settle(); err != nil { // which gives free room back
				return err
			}
		}
		s.opening = o
	}
	return errors.Join(s.loadFollows(), s.loadCopies(), s.loadHome())
}

// syncNames makes the names that are there durable. A process that was killed,
// or whose sync failed, may have left a directory or file that no power cut
// would leave; what is stored below it from now on would go with its name.
func syncNames(fs durable.FS, dir string) error {
	for _, d := range []string{"", aofName, logsName} {
		if err := fs.SyncDir(filepath.Join(dir, d)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// openFound loads the logs whose files are to be brought in order: it is done now,
// as it was decided. All others are loaded when they are needed, as are all of a
// store that is only read.
func (s *Store) openFound() error {
	if s.opts.ReadOnly {
		return nil
	}
	for id := range s.opening.found {
		if _, err := s.Log(id); err != nil {
			return err
		}
	}
	return nil
}

// openOwn loads the log that this store appends to in its default topic, so that
// what is wrong with it is said now. Others are loaded when they are needed.
func (s *Store) openOwn() error {
	t, err := s.Topic(digest.Hash{})
	if err != nil {
		return nil // there is none yet
	}
	l, err := s.Log(t.Log)
	if err == nil && l.Own {
		_, err = l.key()
	}
	if errors.Is(err, ErrUnknownLog) || s.opts.ReadOnly && !errors.Is(err, ErrIdentity) {
		return nil // whoever reads that log gets the error
	}
	return err
}

// Dir is the store's directory, as it was named.
func (s *Store) Dir() string { return s.dir }

// SystemDir is a path that leads to the directory also if its name does not any
// more, if the system has such paths.
func (s *Store) SystemDir() string { return s.held.SystemPath(s.dir) }

// Bytes returns the length of all files of a store that was opened with
// CountBytes. It does not look at each.
func (s *Store) Bytes() (int64, error) { return s.room.Bytes() }

// unchanged returns a *durable.ChangedError if the AOF's directory is not the one
// in use any more.
func (s *Store) unchanged() error { return s.held.Check(aofName) }

// Unchanged returns a *durable.ChangedError if a part of the directory is not the
// one in use any more.
func (s *Store) Unchanged() error { return s.held.Check(formatName, seedName, aofName, logsName) }

// path names something in the store's directory.
func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Device is the secrets that every key of this store comes from.
func (s *Store) Device() identity.Device { return s.device }

// AOF gives the small values of the AOF to their owners: peers, cursors.
func (s *Store) AOF() *aof.Store { return s.aof }

// OpenedReadOnly reports whether the store was opened to be read only.
func (s *Store) OpenedReadOnly() bool { return s.opts.ReadOnly }

// Close releases files and lock. The stages must have stopped.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.release() })
	return s.closeErr
}

func (s *Store) release() error {
	err := s.closeFiles()
	if s.held != nil {
		err = errors.Join(err, s.held.Close())
	}
	return err
}

func (s *Store) closeFiles() (err error) {
	if s.segs != nil {
		err = s.segs.Close()
	}
	if s.aof != nil {
		err = errors.Join(err, s.aof.Close())
	}
	return err
}
