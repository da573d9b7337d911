// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// Commit runs fn in a write transaction and syncs it to disk. When it returns
// nil, all of it is durable; otherwise none of it is stored.
//
// fn must be repeatable: if the map is full the transaction is dropped, the
// map doubled and fn run again. It must not call Commit or Close, and no
// goroutine calls Commit inside a View: the larger map waits for all Views.
//
// A failed write or sync, unlike an error of fn, latches the store: this and
// every later Commit returns ErrLatched with the cause. A lack of address space
// or memory before anything was written (durable.Exhausted) does not.
func (s *Store) Commit(fn func(*Txn) error) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	runtime.LockOSThread() // LMDB's writer lock belongs to the thread
	defer runtime.UnlockOSThread()
	for {
		if err := s.writable(); err != nil {
			return err
		}
		err := s.attempt(fn)
		if err != errMapFull {
			return err
		}
		err = s.grow()
		if durable.TroubleOf(err) == durable.Exhausted {
			return err
		}
		if err != nil {
			return s.latch(err)
		}
	}
}

// attempt is one try at a commit. It does not hold remap: the map moves only
// under the writer lock, which is ours.
func (s *Store) attempt(fn func(*Txn) error) error {
	t := &Txn{}
	ran := false
	var fnErr error
	err := s.env.UpdateLocked(func(tx *lmdb.Txn) error {
		tx.RawRead = true
		t.View = View{s: s, tx: tx}
		defer t.end()
		fnErr, ran = fn(t), true
		if err := errors.Join(fnErr, t.err); err != nil {
			return err
		}
		return s.fault("commit")
	})
	s.known.added(t.added, t.legged)
	err = lmdbError(err)
	switch {
	case t.err == errMapFull, err == errMapFull:
		return errMapFull
	case t.err != nil && t.latches:
		return s.latch(t.err)
	case fnErr != nil:
		return fnErr
	case t.err != nil:
		return t.err
	case err != nil && !ran && durable.TroubleOf(err) == durable.Exhausted:
		return err
	case err != nil:
		s.noteFailed()
		return s.latch(fmt.Errorf("%s: %w", phase(ran), err))
	}
	_ = s.fault("committed")
	if err := s.inPlace(); err != nil {
		return s.latch(err)
	}
	return nil
}

func phase(ran bool) string {
	if ran {
		return "commit"
	}
	return "begin"
}

// fault is nil but in tests, which let an operation fail.
func (s *Store) fault(op string) error {
	if s.faults == nil {
		return nil
	}
	return s.faults(op)
}

// grow doubles the map while nobody reads it.
func (s *Store) grow() error {
	s.remap.Lock()
	defer s.remap.Unlock()
	size := s.mapBytes * 2
	if size > MaxMapBytes {
		return fmt.Errorf("map of %d bytes is full", s.mapBytes)
	}
	err := errors.Join(s.env.SetMapSize(size), s.fault("grow"))
	if err == nil {
		s.mapBytes, err = mapSize(s.env)
		return lmdbError(err)
	}
	// LMDB has dropped the old map by now: get it back for the readers.
	err = fmt.Errorf("map of %d bytes: %w", size, lmdbError(err))
	return errors.Join(err, s.reopen())
}

// reopen maps the file again; the caller owns remap.
func (s *Store) reopen() error {
	env := s.env
	s.env = nil
	if env != nil {
		if s.closed = env.Close(); s.closed != nil {
			return s.closed
		}
	}
	s.closed = s.openEnv(s.mapBytes)
	return s.closed
}

// regain gets a map back that was lost for want of address space or descriptors,
// and returns why there is none, if so.
func (s *Store) regain() error {
	s.remap.Lock()
	defer s.remap.Unlock()
	if s.env == nil && durable.TroubleOf(s.closed) == durable.Exhausted {
		return s.reopen()
	}
	return s.closed
}

// mapped takes remap shared, with a map behind it if the error is nil.
func (s *Store) mapped() error {
	s.remap.RLock()
	if s.closed == nil {
		return nil
	}
	s.remap.RUnlock()
	if err := s.regain(); err != nil {
		return err
	}
	return s.mapped()
}

// writable returns why Commit cannot run, if so.
func (s *Store) writable() error {
	if err := s.mapped(); err != nil {
		return err
	}
	defer s.remap.RUnlock()
	if s.look {
		return fmt.Errorf("%w: %w", ErrReadOnly, durable.ErrOpenedReadOnly)
	}
	return s.Latched()
}

// Latched returns the error that made the store read-only, or nil.
func (s *Store) Latched() error {
	s.latchMu.Lock()
	defer s.latchMu.Unlock()
	return s.latched
}

// latch keeps the first cause. LMDB would accept the commit after a failed
// sync, whose pages the kernel may have dropped.
func (s *Store) latch(cause error) error {
	s.latchMu.Lock()
	defer s.latchMu.Unlock()
	if s.latched == nil {
		s.latched = fmt.Errorf("%w: %w", ErrLatched, s.explain(cause))
	}
	return s.latched
}

// explain finds out whether an I/O error is a full disk: LMDB reports a short
// write as EIO.
func (s *Store) explain(cause error) error {
	if !errors.Is(cause, syscall.EIO) {
		return cause
	}
	name := filepath.Join(s.dir, "probe")
	f, err := s.fs.Open(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(f.Preallocate(1<<20), f.Close(), s.fs.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return cause
}
