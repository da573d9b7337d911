// SPDX-License-Identifier: MPL-2.0

package segwriter

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
)

// Errors of this package. An error of the file system (disk full, I/O error)
// comes back wrapped and is none of these.
var (
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = corrupt.Err
	// ErrPage is what every *PageError is.
	ErrPage = errors.New("malformed page")
	// ErrParams is returned for parameters that no log can have.
	ErrParams = errors.New("invalid parameters of page files")
	// ErrNoPage is returned when none of the pages holds a sequence.
	ErrNoPage = errors.New("no page holds that event")
	// ErrGap is returned for a write that does not follow what is there.
	ErrGap = errors.New("the pages would leave a gap")
	// ErrBusy is returned when files must be given up that are still in use.
	ErrBusy = errors.New("pages are still in use")
	// ErrFormat is what every *FormatError is.
	ErrFormat = errors.New("page files of another format")
	// ErrErased is what every *ErasedError is.
	ErrErased = errors.New("the events are erased")
	// ErrRewritten is returned if pages that belong together were read before and
	// after something of them was erased. Reading them again helps.
	ErrRewritten = errors.New("pages were rewritten meanwhile")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the page files are closed")
)

// A CorruptError says what in a file disagrees with what.
type CorruptError = corrupt.Error

// flaw makes a CorruptError; a page or offset of -1 is none.
func flaw(file string, page, offset int64, format string, args ...any) *CorruptError {
	return &CorruptError{File: file, Page: page, Offset: offset, What: fmt.Sprintf(format, args...)}
}

// A FormatError says that a file is of another version of the format. It is as
// it was written, and nothing here converts it.
type FormatError struct {
	File    string
	Version int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s is of format %d; this program reads format %d and converts nothing", e.File, e.Version, formatVersion)
}

// Is makes every FormatError an ErrFormat.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// An ErasedError says that events [First, End) are erased without their
// headers: nothing is left of them but the hashes that proofs of other events
// need.
type ErasedError struct{ First, End uint64 }

func (e *ErasedError) Error() string {
	return fmt.Sprintf("events %d to %d are erased", e.First, e.End-1)
}

// Is makes every ErasedError an ErrErased.
func (e *ErasedError) Is(target error) bool { return target == ErrErased }

// A PageError says what is wrong with the bytes of a page.
type PageError struct{ What string }

func (e *PageError) Error() string { return "malformed page: " + e.What }

// Is makes every PageError an ErrPage.
func (e *PageError) Is(target error) bool { return target == ErrPage }

func badPage(format string, args ...any) error {
	return &PageError{What: fmt.Sprintf(format, args...)}
}
