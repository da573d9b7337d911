// SPDX-License-Identifier: MPL-2.0

package messages

import (
	"fmt"

	"github.com/xaeroflux/xaeroflux/digest"
	"github.com/xaeroflux/xaeroflux/event"
)

// An Append asks the AOF writer to make events of one log durable. With no
// events it only creates the log.
//
//	[65537, log, [new log], records, leaves, [proven], first]
type Append struct {
	Log     digest.Hash
	Create  *NewLog // creates the log where it is not there yet
	Records []byte
	Leaves  []digest.Hash // one per record
	// Remote is set for events of another author: they must follow the ones
	// held, First is theirs, and Remote proves them.
	Remote *Proven
	First  uint64     // set by the AOF writer for own events
	IDs    []AppendID // of own events that have one; they have no wire form
	Expect *uint64    // size that an own log must have, or nil; no wire form
	// Done is called once, from any goroutine: when the events are durable
	// and counted in the published root, or with the error that keeps them out.
	Done func(error)
	// Recycle, where it is set, takes Records back when the pages have them.
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

const appendFields = 6

// PipelineType returns PipelineAppend.
func (*Append) PipelineType() PipelineType { return PipelineAppend }

func (m *Append) encodePipeline(w *writer) {
	w.beginPipeline(PipelineAppend, appendFields)
	w.fixed(m.Log[:])
	w.newLog(m.Create)
	w.bin("records", m.Records, MaxPipelineRecords)
	w.hashes("leaves", m.Leaves, maxLeaves)
	w.remote(m.Remote)
	w.uint("first", m.First, MaxCount)
	w.consistent(m.flaw)
}

func decodeAppend(r *reader) PipelineMessage {
	m := &Append{Log: r.hash("log"), Create: r.newLog()}
	m.Records = r.bin("records", MaxPipelineRecords)
	m.Leaves = r.hashes("leaves", maxLeaves)
	m.Remote = r.remote()
	m.First = r.count("first")
	r.consistent(m.flaw)
	return m
}

func (m *Append) flaw() string {
	if what := recordsFlaw(m.Records, m.Leaves); what != "" {
		return what
	}
	return endFlaw(m.First, m.Leaves, m.Remote)
}

// recordsFlaw says why records cannot be those of leaves. They are not
// looked at.
func recordsFlaw(records []byte, leaves []digest.Hash) string {
	switch {
	case len(leaves) > len(records)/event.HeaderBytes:
		return fmt.Sprintf("%d leaves, more than %d bytes of records can have", len(leaves), len(records))
	case len(leaves) == 0 && len(records) > 0:
		return fmt.Sprintf("%d bytes of records, yet no leaves", len(records))
	}
	return ""
}

// endFlaw says why events cannot end where they do.
func endFlaw(first uint64, leaves []digest.Hash, p *Proven) string {
	end := first + uint64(len(leaves))
	switch {
	case end > MaxCount:
		return fmt.Sprintf("events end at %d, limit %d", end, uint64(MaxCount))
	case !p.covers(end):
		return fmt.Sprintf("events end at %d, past the head's size %d", end, p.Head.Size)
	}
	return ""
}
