// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/xaeroflux/xaeroflux/internal/aof"
	"github.com/xaeroflux/xaeroflux/internal/durable"
)

// ErrReadOnly is what every *ReadOnlyError is.
var ErrReadOnly = errors.New("store is read-only")

// A ReadOnlyError says which failed write made the store read-only, or that it was
// opened so. Nothing is written before the store is opened again.
type ReadOnlyError struct{ Cause error }

func (e *ReadOnlyError) Error() string {
	if errors.Is(e.Cause, durable.ErrOpenedReadOnly) {
		return fmt.Sprintf("%v: %v", ErrReadOnly, e.Cause)
	}
	if errors.Is(e.Cause, durable.ErrChanged) { // which says what to do
		return fmt.Sprintf("%v: %v", ErrReadOnly, e.Cause)
	}
	return fmt.Sprintf("%v after a failed write: %v; close and check it, free space or replace the disk, and open it again", ErrReadOnly, e.Cause)
}

// Is makes the error an ErrReadOnly.
func (e *ReadOnlyError) Is(target error) bool { return target == ErrReadOnly }

// Unwrap returns the write that failed, or durable.ErrOpenedReadOnly.
func (e *ReadOnlyError) Unwrap() error { return e.Cause }

// A gate decides whether the store may be written, for whatever is made durable.
type gate struct {
	mu  sync.Mutex // guards why
	why *ReadOnlyError
}

// ReadOnly returns why the store takes nothing more, or nil.
func (s *Store) ReadOnly() error {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.why == nil {
		return nil
	}
	return s.gate.why
}

// Untouched reports whether a commit failed before anything of it was written.
func Untouched(err error) bool {
	return errors.Is(err, ErrReadOnly) || !errors.Is(err, aof.ErrLatched)
}

// Passes reports whether a commit failed for want of memory or address space
// before anything was written: nothing of it is stored, and the next may have what
// it needs.
func Passes(err error) bool {
	return durable.TroubleOf(err) == durable.Exhausted && !errors.Is(err, aof.ErrLatched)
}

// StopWriting makes the store read-only, and reports whether it was not before:
// the first cause is kept.
func (s *Store) StopWriting(cause error) bool {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.why != nil {
		return false
	}
	var known *ReadOnlyError
	if errors.As(cause, &known) {
		cause = known.Cause
	}
	s.gate.why = &ReadOnlyError{cause}
	return true
}
