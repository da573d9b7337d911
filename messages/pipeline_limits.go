// SPDX-License-Identifier: MPL-2.0

package messages

import "github.com/xaeroflux/xaeroflux/event"

// Limits of the pipeline messages' msgpack form. Inside one process, where
// nothing is encoded, they do not apply.
const (
	// MaxPipelineBody is the longest body in bytes. Full batches of ordinary
	// events are far below it. Hashes make it too short for about a million
	// tiny ones: 32 MiB of records under 32 bytes on average, or as much of a
	// peer's pages with records under 64, are ErrTooLong and go in parts.
	MaxPipelineBody = 64 << 20
	// MaxPipelineRecords is the most bytes of records or of pages in one
	// message: what the ingress takes as one batch.
	MaxPipelineRecords = 32 << 20
	// MaxSeals is the most pages or groups that may end in one message.
	MaxSeals = MaxRunPages

	maxLeaves       = MaxPipelineRecords / event.HeaderBytes
	maxSealEvents   = MaxPageBytes / event.HeaderBytes
	maxTreeNodes    = maxSealEvents
	maxPipelineNote = 64 << 10 // body of a message without events
)

// The largest record fits in a message: a constant that is negative does not
// compile.
const _ = uint(MaxPipelineRecords - event.MaxRecord)
