// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/xaeroflux/xaeroflux/identity"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// A backup is restored under the lock of the directory, in this order:
//
//	FORMAT.restore  says that what is here is a restore that is not finished
//	the files       of the backup, the row that says so, and what follows from pages
//	FORMAT.restore  is given the content of FORMAT, and then its name
//
// Nobody opens the directory until then, so that all in it is of the restore: the
// next one removes it and begins anew.

// restoringName is FORMAT of a store that is being restored.
const restoringName = formatName + ".restore"

// ErrOccupied is returned if the directory in which a store is to be restored
// holds something.
var ErrOccupied = errors.New("the directory is not empty")

// A Restored is a backup on its way to being a store.
type Restored struct {
	PageBytes, SegmentPages int
	Backup                  time.Time // when it was made
	From                    string    // the directory it is in, for people
	Place                   string    // see Options
	Adopt                   bool      // see Options
	Passphrase              identity.Passphrase
	// Fill puts the AOF of a snapshot in the store's directory, its pages, and
	// identity.key if the snapshot had one. If it had none, the store gets an
	// identity of its own, with new logs.
	Fill func(durable.FS) error
	FS   durable.FS // nil: the operating system's
}

// Restore makes a store in dir, which must be empty, or not there, or hold a restore
// that was cut off. If it fails, dir is as it was, or empty.
func Restore(dir string, r Restored) (err error) {
	_, missing := os.Stat(dir)
	s := unopened(dir, Options{Place: r.Place, Passphrase: r.Passphrase, Adopt: r.Adopt, Look: !r.Adopt, FS: r.FS})
	s.restoring = &r
	defer func() {
		if err = errors.Join(err, s.release()); err != nil {
			err = inStore(dir, err)
		}
	}()
	if err := s.opts.FS.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := s.lock(); err != nil {
		return err
	}
	if err := s.occupied(); err != nil {
		return err
	}
	if err := s.restore(&r); err != nil {
		return errors.Join(err, s.closeFiles(), s.clear(errors.Is(missing, os.ErrNotExist)))
	}
	return nil
}

// occupied returns ErrOccupied unless a store may be restored in the directory.
func (s *Store) occupied() error {
	whole, err := s.has(formatName)
	if err != nil {
		return err
	}
	if begun, err := s.has(restoringName); err != nil || begun && !whole {
		return err
	}
	entries, err := s.opts.FS.ReadDir(s.dir)
	for _, e := range entries {
		if e.Name() != durable.LockName && e.Name() != restoringName+".tmp" {
			return fmt.Errorf("%w (%s)", ErrOccupied, e.Name())
		}
	}
	return err
}

func (s *Store) restore(r *Restored) error {
	fsys := s.opts.FS
	if err := fsys.WriteFileAtomic(s.path(restoringName), encodeRestoring(r), 0o600); err != nil {
		return err
	}
	if err := s.removeParts(); err != nil { // of one that was cut off
		return err
	}
	if err := r.Fill(fsys); err != nil {
		return err
	}
	if err := s.restoreRows(r); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	if err := s.Derive(); err != nil {
		return err
	}
	if err := errors.Join(s.closeFiles(), syncNames(fsys, s.dir)); err != nil {
		return err
	}
	if err := fsys.WriteFileAtomic(s.path(restoringName), s.format.Encode(s.key), 0o600); err != nil {
		return err
	}
	return errors.Join(fsys.Rename(s.path(restoringName), s.path(formatName)), fsys.SyncDir(s.dir))
}

// Derive loads every log that has pages, so that what follows from them is made. One
// that cannot be loaded keeps no other from it.
func (s *Store) Derive() error {
	dirs, err := s.logDirs()
	for id := range dirs {
		_, failed := s.Log(id)
		err = errors.Join(err, failed)
	}
	return err
}

// clear removes what a restore that failed made, and the directory if that is new.
func (s *Store) clear(all bool) error {
	if whole, err := s.has(formatName); err != nil || whole {
		return err // but for the last sync it is done
	}
	if err := s.removeParts(); err != nil {
		return err
	}
	if err := s.opts.FS.Remove(s.path(restoringName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !all {
		return s.opts.FS.SyncDir(s.dir)
	}
	_ = s.opts.FS.Remove(s.path(durable.LockName))
	return os.Remove(s.dir)
}

func (s *Store) removeParts() (err error) {
	for _, name := range storeNames {
		err = errors.Join(err, s.opts.FS.RemoveAll(s.path(name)))
	}
	return err
}

// encodeRestoring says for the next one what was to be restored.
func encodeRestoring(r *Restored) []byte {
	from, err := filepath.Abs(r.From)
	if err != nil {
		from = r.From
	}
	return fmt.Appendf(nil, "a restore that is not finished\nfrom %s\nadopt %t\n", strconv.Quote(from), r.Adopt)
}

// cutOff reads what encodeRestoring wrote, as far as it can be read.
func (s *Store) cutOff() error {
	e := &UnfinishedError{Dir: s.dir, What: "a restore to this directory", Restore: true, Do: "restore to it again, which begins anew"}
	b, err := s.opts.FS.ReadFile(s.path(restoringName))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		switch word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); word {
		case "from":
			e.Backup, _ = strconv.Unquote(rest)
		case "adopt":
			e.Adopt = rest == "true"
		}
	}
	return e
}

// beingRestored returns durable.ErrLocked if somebody restores to the directory now,
// and otherwise that it was cut off.
func (s *Store) beingRestored() error {
	d, err := durable.Hold(s.dir)
	if err != nil {
		return err
	}
	if err = d.LockShared(); err == nil {
		err = s.cutOff()
	}
	return errors.Join(err, d.Close())
}
