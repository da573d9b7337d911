// SPDX-License-Identifier: MPL-2.0

package pipeline

import (
	"github.com/xaeroflux/xaeroflux/event"
)

// An Entry is an event as it is appended: as the application gave it, or sealed.
type Entry struct {
	event.Event              // as its record has it
	Flags       uint8        // those of its record that say what is sealed
	Inside      *event.Event // what is sealed in it; nil if nothing is
}

// Plain returns events as entries.
func Plain(events ...event.Event) []Entry {
	all := make([]Entry, len(events))
	for i, e := range events {
		all[i].Event = e
	}
	return all
}

// id returns the event's id, wherever it stands.
func (e *Entry) id() event.ID {
	if e.Inside != nil {
		return e.Inside.ID
	}
	return e.ID
}

// refs returns the event's refs, wherever they stand.
func (e *Entry) refs() []event.Ref {
	if e.Inside != nil {
		return e.Inside.Refs
	}
	return e.Refs
}
