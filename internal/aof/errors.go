// SPDX-License-Identifier: MPL-2.0

//go:build cgo

package aof

import (
	"errors"
	"fmt"

	"github.com/PowerDNS/lmdb-go/lmdb"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
)

var (
	// ErrInUse is returned by Open for a directory that is open in this process.
	ErrInUse = errors.New("already open in this process")
	// ErrClosed is returned by all methods after Close.
	ErrClosed = errors.New("the AOF is closed")
	// ErrReadOnly is returned by Commit of a store that was opened to be read.
	ErrReadOnly = errors.New("store is read-only")
	// ErrLatched is returned by Commit, with the cause, once a write or a sync
	// failed. Reads go on; writing needs a new Open, which checks the file.
	ErrLatched = errors.New("the AOF takes nothing more")
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = corrupt.Err
	// ErrDone is returned by the methods of a View or Txn whose function returned.
	ErrDone = errors.New("a transaction was used after its function returned")
	// ErrInvalid is returned if an argument cannot be stored; what was wrong
	// is in the text.
	ErrInvalid = errors.New("the AOF does not hold such a thing")

	errMapFull = errors.New("the map of the AOF is full")
)

// A CorruptError says where the stored bytes disagree with what they must be.
type CorruptError = corrupt.Error

// mismatch says what was found in a page, a log or a row, and what must be there.
func mismatch(where, want, got string) *CorruptError {
	return &CorruptError{Where: where, What: got, Want: want}
}

// withNextStep tells what to do about damage that keeps the store from opening.
func withNextStep(path string, err error) error {
	if !errors.Is(err, ErrCorrupt) {
		return err
	}
	return fmt.Errorf("%s: %w; a repair makes it again from the pages and from peers", path, err)
}

// lmdbError makes an error of the binding one that errors.Is can look into, and
// damage that LMDB itself notices a *CorruptError.
func lmdbError(err error) error {
	var op *lmdb.OpError
	if !errors.As(err, &op) {
		return err
	}
	switch op.Errno {
	case lmdb.Corrupted, lmdb.PageNotFound, lmdb.Invalid, lmdb.VersionMismatch, lmdb.Incompatible:
		return mismatch(op.Op, "a sound environment", op.Errno.Error())
	case lmdb.MapFull:
		return errMapFull
	}
	return fmt.Errorf("%s: %w", op.Op, op.Errno)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
