// SPDX-License-Identifier: MPL-2.0

// Package oracle knows what a store must hold. Its events follow from a seed, a
// log and a sequence, and its roots come from a tree of its own, so that it needs
// nothing of what it checks. Start with New and Oracle.Check.
package oracle

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/xaeroflux/xaeroflux"
	"github.com/xaeroflux/xaeroflux/event"
	"github.com/xaeroflux/xaeroflux/internal/identitytest"
)

// Epoch is the time of all events, in milliseconds since 1970.
const Epoch = 1_700_000_000_000

// Topic returns the topic that log n is in, with pages of 4 KiB.
func Topic(n int) identitytest.Topic { return identitytest.NewTopicOf(0xee00+n, 4096) }

// Event returns event seq of log n: mostly of a few hundred bytes, now and then
// over several small pages.
func Event(seed uint64, n int, seq uint64) event.Event {
	rnd := rand.New(rand.NewPCG(seed<<8^uint64(n), seq))
	size := 8 + rnd.IntN(300)
	if rnd.IntN(150) == 0 {
		size = 5000 + rnd.IntN(12000)
	}
	p := make([]byte, (size+7)&^7)
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], rnd.Uint64())
	}
	return event.Event{Type: "load", Key: fmt.Appendf(nil, "%d/%d", n, seq), Payload: p[:size]}
}

// Events returns count events of log n from a sequence on.
func Events(seed uint64, n int, from uint64, count int) []event.Event {
	events := make([]event.Event, count)
	for i := range events {
		events[i] = Event(seed, n, from+uint64(i))
	}
	return events
}

// ForAPI returns events as a program appends them.
func ForAPI(events []event.Event) []xaeroflux.Event {
	all := make([]xaeroflux.Event, len(events))
	for i, e := range events {
		all[i] = xaeroflux.Event{Type: e.Type, Key: e.Key, Payload: e.Payload}
	}
	return all
}

// record returns the bytes of event seq of log n in a store.
func record(seed uint64, n int, seq uint64) ([]byte, error) {
	return event.AppendRecord(nil, Event(seed, n, seq), Epoch, 0)
}
