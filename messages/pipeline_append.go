// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"github.com/xaeroflux/xaeroflux/internal/digest"
)

// An Append asks the AOF writer to make events of one log durable. With no
// events it only creates the log.
type Append struct {
	Log     digest.Hash
	Create  *NewLog // creates the log if it is not there yet
	Records []byte
	Leaves  []digest.Hash // one per record
	// Remote is set for events of another author: they must follow the ones
	// held, First is theirs, and Remote proves them.
	Remote *Proven
	First  uint64     // set by the AOF writer for own events
	IDs    []AppendID // of own events that have one
	Expect *uint64    // size that an own log must have, or nil
	// Done is called once, from any goroutine: when the events are durable
	// and counted in the published root, or with the error that keeps them out.
	Done func(error)
	// Recycle, if it is set, takes Records back when the pages have them.
	Recycle func([]byte)
}

// An IDKey stands for an event id in a row.
type IDKey [16]byte

// An AppendID is the id of one of the events of an Append.
type AppendID struct {
	Key   IDKey
	Index uint32 // of the event
	Time  int64  // that it carries, milliseconds since 1970
}
