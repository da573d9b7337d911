// SPDX-License-Identifier: MPL-2.0

package syncer

import (
	"maps"
	"slices"

	"github.com/xaeroflux/xaeroflux/identity"
)

// Rule: what is at rest for a session may be under way around it. Events that were
// pushed wait to be written, a log is about to begin anew, a key is looked for in boxes
// that came. A session that is to know that nothing moves any more has that done first,
// by a Drain; it knows nothing of what it is.

// The input and the output of a drain. One is under way at a time.
type (
	// Drain asks for a Drained of its number once what was pushed of some topics by now is
	// written, and what follows from what is stored of them is done. What that changed of
	// logs and topics is to be told before.
	Drain struct {
		Number  uint64
		Topics  []identity.TopicID
		Numbers []uint32 // of the topics, in that order
	}
	// Drained answers a Drain.
	Drained struct{ Number uint64 }
)

func (Drain) output()  {}
func (Drained) input() {}

// A draining is the drains of a session.
type draining struct {
	asked, done uint64
	now         []uint32        // topics of the one under way, by number,
	next        map[uint32]bool // and of the next one
}

// drain asks for a drain that begins from now on, and returns its number.
func (s *Session) drain(t *topic) uint64 {
	d := &s.draining
	if d.next == nil {
		d.next = map[uint32]bool{}
	}
	d.next[t.number] = true
	n := d.asked + 1
	s.nextDrain()
	return n
}

// drained reports whether a drain is over.
func (s *Session) drained(n uint64) bool { return n <= s.draining.done }

// nextDrain begins the next drain, if none is under way.
func (s *Session) nextDrain() {
	d := &s.draining
	if d.asked > d.done || len(d.next) == 0 {
		return
	}
	d.asked++
	d.now = slices.Sorted(maps.Keys(d.next))
	o := Drain{Number: d.asked}
	for _, n := range d.now {
		if t := s.topics[n]; t != nil {
			o.Topics, o.Numbers = append(o.Topics, t.id), append(o.Numbers, n)
		}
	}
	clear(d.next)
	s.emit(o)
}

// isDrained takes note that a drain is over, and looks at the topics that wait for it.
func (s *Session) isDrained(in Drained) {
	d := &s.draining
	if in.Number != d.done+1 || in.Number > d.asked {
		return
	}
	d.done = in.Number
	for _, n := range d.now {
		if t := s.topics[n]; t != nil && t.store != nil {
			s.touch(t)
		}
	}
	s.nextDrain()
}
