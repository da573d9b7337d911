// SPDX-License-Identifier: MPL-2.0

package xaeroflux

import "github.com/xaeroflux/xaeroflux/event"

// An Event is what an application appends. Its record is at most 16 MiB and a header of
// a few dozen bytes (docs/format.md).
type Event struct {
	Type    string `json:"type,omitempty"` // what kind of event this is, to the application; at most 63 bytes
	Key     []byte `json:"key,omitempty"`  // what it is about; at most 1023 bytes
	Payload []byte `json:"payload"`        // at most 16 MiB
	// Refs are the events of other logs that this one comes after: at most 16, one a
	// log, rising by Log. The event is not stamped with an earlier time than theirs, if
	// they are here. If nil, and the event is appended alone, they are the newest that the
	// application was given since the DB was opened, by events read, subscribed to and
	// processed, but for those that an earlier ref implies; empty and not nil means none.
	Refs []Ref   `json:"refs,omitempty"`
	ID   EventID `json:"id,omitzero"` // none if zero
}

// A Ref says which events of another log of the topic an event comes after: the first
// Size of the log whose id begins with Log. A log that is not here may be named.
type Ref struct {
	Log  LogPrefix `json:"log"`
	Size uint64    `json:"size"`
}

// RefTo returns the ref to an event and all before it in its log.
func RefTo(r Record) Ref { return Ref{Log: LogPrefix(r.Log[:8]), Size: r.Seq + 1} }

// inner is the event as the engine takes it.
func (e *Event) inner() event.Event {
	i := event.Event{Type: e.Type, Key: e.Key, Payload: e.Payload, ID: event.ID(e.ID)}
	for _, r := range e.Refs {
		i.Refs = append(i.Refs, event.Ref{Log: r.Log, Size: r.Size})
	}
	return i
}

func inners(events []Event) []event.Event {
	all := make([]event.Event, len(events))
	for i := range events {
		all[i] = events[i].inner()
	}
	return all
}

func refs(inner []event.Ref) (all []Ref) {
	for _, r := range inner {
		all = append(all, Ref{Log: r.Log, Size: r.Size})
	}
	return all
}
