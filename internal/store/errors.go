// SPDX-License-Identifier: MPL-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/xaeroflux/xaeroflux/internal/corrupt"
	"github.com/xaeroflux/xaeroflux/internal/digest"
	"github.com/xaeroflux/xaeroflux/internal/layout"
	"github.com/xaeroflux/xaeroflux/segwriter"
)

// Errors of this package.
var (
	// ErrUnknownLog is returned for a log this store does not hold.
	ErrUnknownLog = errors.New("this store does not hold the log; a sync with a peer that does may bring it")
	// ErrUnknownTopic is returned for a topic that was not joined.
	ErrUnknownTopic = errors.New("this store is not in the topic; join it with its invite first")
	// ErrRange is returned for a sequence or size past the end of a log.
	ErrRange = errors.New("past the end of the log")
	// ErrTooMany is returned for more names than a store can follow in a topic.
	ErrTooMany = errors.New("too many names")
	// ErrCorrupt is what every *CorruptError is.
	ErrCorrupt = corrupt.Err
	// ErrFormat is returned for a store of another version or a damaged FORMAT.
	ErrFormat = layout.ErrFormat
	// ErrGap is returned for events that do not follow the ones held.
	ErrGap = errors.New("events do not follow the ones held")
)

// FORMAT and the page files bound the pages of a segment alike.
var _ [segwriter.MaxSegmentPages]struct{} = [layout.MaxSegmentPages]struct{}{}

// A CorruptError says what in a store disagrees with what, and where.
type CorruptError = corrupt.Error

// An UnreadError says why a log could not be taken into memory: its files cannot be
// read, for the moment or because they are damaged. Nothing of what was asked for
// happened.
type UnreadError struct {
	Log digest.Hash
	Err error
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("log %s cannot be read: %v", e.Log.Short(), e.Err)
}

// Unwrap returns what keeps it from being read.
func (e *UnreadError) Unwrap() error { return e.Err }

// An unknownLog is the ErrUnknownLog of a log. Sessions ask for many that are not here
// yet: its text is made when somebody reads it.
type unknownLog digest.Hash

func (e unknownLog) Error() string { return fmt.Sprintf("%v: %s", ErrUnknownLog, digest.Hash(e)) }
func (unknownLog) Unwrap() error   { return ErrUnknownLog }
